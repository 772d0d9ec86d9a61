import DICOM
import DIMSE
import QueryServer
import Spanning

/// `server:`.
struct ServerConfiguration: Sendable {
    var http = Endpoint()
    /// nil: Prometheus finds nothing.
    var metrics: Endpoint?
    /// nil: no C-FIND is answered.
    var dimse: FindService.Settings?
    var freshness = Freshness()
    /// How long a person waits for sources, over HTTP; a workstation waits 30 s.
    var deadline = Duration.seconds(5)

    /// Web origins whose pages may ask.
    var origins: [String] = []
    /// nil: HTTP is not encrypted.
    var tls: ServerTLS?

    struct Endpoint: Sendable {
        var host = "127.0.0.1"
        var port = 8001
    }

    init() {}

    init(_ section: inout YAMLSection, aeTitle: AETitle) throws(ConfigurationError) {
        http =
            try section.section("http") { (http) throws(ConfigurationError) in
                let named = try http.strings("origins") ?? []
                guard named.allSatisfy({ $0.hasPrefix("http://") || $0.hasPrefix("https://") }) else {
                    throw http.error("origins", "expected origins such as https://viewer.example")
                }
                tls = try http.section("tls") { (tls) throws(ConfigurationError) in
                    guard let certificate = try tls.file("certificate"), let key = try tls.file("key") else {
                        throw tls.error("certificate", "certificate and key are both needed")
                    }
                    return ServerTLS(certificate: certificate, key: key)
                }
                origins = named.map { $0.hasSuffix("/") ? String($0.dropLast()) : $0 }
                return Endpoint(
                    host: try http.string("host") ?? "127.0.0.1",
                    port: try http.integer("port", in: 0...65_535) ?? 8001)
            } ?? http
        metrics = try section.section("metrics") { (metrics) throws(ConfigurationError) in
            Endpoint(
                host: try metrics.string("host") ?? "127.0.0.1",
                port: try metrics.integer("port", in: 0...65_535) ?? 8002)
        }
        dimse = try section.section("dimse") { (dimse) throws(ConfigurationError) in
            try FindService.Settings(&dimse, aeTitle: aeTitle)
        }
        freshness =
            try section.section("freshness") { (freshness) throws(ConfigurationError) in
                try Freshness(&freshness)
            } ?? freshness
        deadline = try section.duration("deadline") ?? deadline
    }
}

extension Freshness {
    fileprivate init(_ section: inout YAMLSection) throws(ConfigurationError) {
        self.init()
        recent = try section.duration("recent") ?? recent
        recentDays = try section.integer("recent_days", in: 1...365) ?? recentDays
        history = try section.duration("history") ?? history
    }
}

extension FindService.Settings {
    fileprivate init(_ section: inout YAMLSection, aeTitle: AETitle) throws(ConfigurationError) {
        self.init(aeTitle: try section.aeTitle("ae_title") ?? aeTitle)
        host = try section.string("host") ?? host
        port = try section.integer("port", in: 0...65_535) ?? port
        maximumMatches = try section.integer("max_results", in: 1...100_000) ?? maximumMatches
        deadline = try section.duration("deadline") ?? deadline
        peers = try section.sections("allow") { (peer) throws(ConfigurationError) in try FindPeer(&peer) }
        if peers.isEmpty { throw section.error("allow", "nobody may ask: name at least one calling AE title") }
        associations =
            try section.section("associations") { (limits) throws(ConfigurationError) in
                try AssociationLimits(&limits)
            } ?? associations
        tls = try section.section("tls") { (tls) throws(ConfigurationError) in try ProviderTLS(&tls) }
        if let peer = peers.first(where: { ($0.certificate == nil) == (tls != nil) }) {
            throw section.error(
                "allow",
                tls == nil
                    ? "the certificate of \(peer.aeTitle) is never seen without tls"
                    : "\(peer.aeTitle) needs its certificate: SHA256:…, as openssl x509 -noout -fingerprint -sha256 prints it"
            )
        }
    }
}

extension AssociationLimits {
    fileprivate init(_ section: inout YAMLSection) throws(ConfigurationError) {
        self.init()
        total = try section.integer("total", in: 1...20_000) ?? total
        perTitle = try section.integer("per_ae_title", in: 1...20_000) ?? perTitle
        perAddress = try section.integer("per_address", in: 1...20_000) ?? perAddress
    }
}

extension ProviderTLS {
    fileprivate init(_ section: inout YAMLSection) throws(ConfigurationError) {
        func file(_ key: String) throws(ConfigurationError) -> String {
            guard let path = try section.file(key) else { throw section.error(key, "is mandatory") }
            return path
        }
        self.init(certificate: try file("certificate"), key: try file("key"), ca: try file("ca"))
        minimum = try section.tlsMinimum() ?? minimum
    }
}

extension FindPeer {
    fileprivate init(_ section: inout YAMLSection) throws(ConfigurationError) {
        guard let title = try section.aeTitle("ae_title") else { throw section.error("ae_title", "is mandatory") }
        self.init(aeTitle: title)
        if let text = try section.string("address") {
            guard let network = Network(text) else {
                throw section.error("address", "expected an address or a network such as 10.0.0.0/8")
            }
            self.network = network
        }
        certificate = try section.fingerprint("certificate")
        issuer = try section.string("issuer")
        visibility = Visibility(facilities: try section.strings("facilities") ?? [])
        if let value = try section.string("character_set") {
            characterSet = SpecificCharacterSet(value)
            guard characterSet.isRecognised else {
                throw section.error("character_set", "expected a defined term such as ISO_IR 100 or ISO_IR 192")
            }
        }
        prefersSuccess = try section.flag("prefers_success") ?? prefersSuccess
    }
}
