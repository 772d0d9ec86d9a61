import DICOM
import DIMSE
import StudyIndex
import Sweep

/// One entry of `sources:`.
struct SourceConfiguration: Sendable {
    var name: String
    var peer: Peer
    /// Issuer of Patient ID where the source sends none. Mandatory: a patient ID means nothing without it.
    var issuer: String
    /// 1 wins.
    var priority: Int
    var limits: Limits

    struct Limits: Sendable {
        /// C-FINDs and C-ECHOs per second over all processes together, spaced evenly.
        var queriesPerSecond = 1.0
        /// Requests that may come at once.
        var burst = 1
        var associations = 1
        /// The most matches that the source sends, where that is known; nil: unknown.
        var maximumResults: Int?
    }

    init(_ section: inout YAMLSection, calling: AETitle) throws(ConfigurationError) {
        name = try section.required("name")
        guard let called = try section.aeTitle("ae_title") else { throw section.error("ae_title", "is mandatory") }
        let host = try section.required("host")
        guard let port = try section.integer("port", in: 1...65_535) else {
            throw section.error("port", "is mandatory")
        }
        let calling = try section.aeTitle("calling_ae_title") ?? calling
        issuer = try section.required("issuer")
        priority = try section.integer("priority", in: 1...1_000) ?? 100
        limits =
            try section.section("limits") { (limits) throws(ConfigurationError) in try Limits(&limits) } ?? Limits()
        let timeouts =
            try section.section("timeouts") { (timeouts) throws(ConfigurationError) in try Timeouts(&timeouts) }
            ?? Timeouts()
        var characterSet = SpecificCharacterSet.default
        if let value = try section.string("character_set") {
            characterSet = SpecificCharacterSet(value)
            guard characterSet.isRecognised else {
                throw section.error("character_set", "expected a defined term such as ISO_IR 100 or ISO_IR 192")
            }
        }
        peer = Peer(
            host: host, port: port, called: called, calling: calling, timeouts: timeouts,
            defaultCharacterSet: characterSet)
        peer.tls = try section.section("tls") { (tls) throws(ConfigurationError) in try PeerTLS(&tls) }
    }

    var definition: SourceDefinition {
        SourceDefinition(
            name: name, aeTitle: peer.called.value, host: peer.host, port: peer.port, issuer: issuer,
            priority: priority, queriesPerSecond: limits.queriesPerSecond, burst: limits.burst,
            associations: limits.associations)
    }

    func sweepSource(id: Int32) -> SweepSource {
        SweepSource(
            id: id, name: name, peer: peer, associations: limits.associations, maximumResults: limits.maximumResults)
    }
}

extension SourceConfiguration.Limits {
    fileprivate init(_ section: inout YAMLSection) throws(ConfigurationError) {
        queriesPerSecond = try section.number("queries_per_second", above: 0, upTo: 1_000) ?? queriesPerSecond
        burst = try section.integer("burst", in: 1...1_000) ?? burst
        associations = try section.integer("associations", in: 1...64) ?? associations
        maximumResults = try section.integer("max_results", in: 1...1_000_000)
    }
}

extension PeerTLS {
    /// Files are relative to the configuration.
    fileprivate init(_ section: inout YAMLSection) throws(ConfigurationError) {
        self.init(
            ca: try section.file("ca"), certificate: try section.file("certificate"), key: try section.file("key"),
            serverName: try section.string("server_name"))
        if (certificate == nil) != (key == nil) {
            throw section.error("certificate", "certificate and key are given together or not at all")
        }
    }
}

extension Timeouts {
    fileprivate init(_ section: inout YAMLSection) throws(ConfigurationError) {
        self.init()
        connect = try section.duration("connect") ?? connect
        response = try section.duration("response") ?? response
        query = try section.duration("query") ?? query
    }
}
