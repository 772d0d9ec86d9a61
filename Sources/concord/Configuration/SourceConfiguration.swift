import DICOM
import DIMSE
import Foundation
import Reconcile
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
    var limits: SourceLimits
    /// Questions a second of these limits, and one association, that belong to the edge site whose PACS it is; nil: none.
    var edgeShare: Double?
    /// Which of its studies belong to which facility: the first rule that matches decides.
    var facilities: [FacilityRule]
    /// What it puts before and after the Patient IDs of its issuer; nil: nothing.
    var patientIDRewrite: PatientIDRewrite?
    /// The root of a DICOMweb service from which its studies can be retrieved; nil: there is none.
    var wadoRoot: String?

    init(_ section: inout YAMLSection, calling: AETitle) throws(ConfigurationError) {
        name = try section.required("name")
        guard let called = try section.aeTitle("ae_title") else { throw section.error("ae_title", "is mandatory") }
        let host = try section.required("host")
        guard let port = try section.integer("port", in: 1...65_535) else {
            throw section.error("port", "is mandatory")
        }
        let calling = try section.aeTitle("calling_ae_title") ?? calling
        issuer = try section.required("issuer")
        facilities = try section.sections("facilities") { (rule) throws(ConfigurationError) in try FacilityRule(&rule) }
        patientIDRewrite = try section.section("patient_id_rewrite") { (rewrite) throws(ConfigurationError) in
            try PatientIDRewrite(&rewrite)
        }
        wadoRoot = try section.string("wado_root")
        if let root = wadoRoot {
            guard root.hasPrefix("http://") || root.hasPrefix("https://") else {
                throw section.error("wado_root", "expected a URL such as https://pacs.example/dicom-web")
            }
            wadoRoot = root.hasSuffix("/") ? String(root.dropLast()) : root
        }
        priority = try section.integer("priority", in: 1...1_000) ?? 100
        var share: Double?
        limits =
            try section.section("limits") { (limits) throws(ConfigurationError) in
                share = try limits.number("edge", above: 0, upTo: 1_000)
                var whole = try SourceLimits(&limits)
                if let share { try whole.leave(share, &limits) }
                return whole
            } ?? SourceLimits()
        edgeShare = share
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
        peer.user = try section.section("user") { (user) throws(ConfigurationError) in try UserIdentity(&user) }
    }

    var definition: SourceDefinition {
        var definition = SourceDefinition(
            name: name, aeTitle: peer.called.value, host: peer.host, port: peer.port, issuer: issuer,
            priority: priority, limits: limits)
        definition.facilities = facilities
        return definition
    }

    func sweepSource(id: Int32) -> SweepSource {
        var source = SweepSource(
            id: id, name: name, peer: peer, associations: limits.associations, maximumResults: limits.maximumResults)
        source.asksForInstitutions = facilities.contains { $0.institution != nil }
        return source
    }
}

extension FacilityRule {
    fileprivate init(_ section: inout YAMLSection) throws(ConfigurationError) {
        self.init(facility: try section.required("name"))
        guard FacilityRule.isName(facility) else {
            throw section.error("name", "expected a name of at most 64 characters without commas")
        }
        let conditions = try section.section("match") { (match) throws(ConfigurationError) in
            issuer = try match.string("issuer")
            patientIDPrefix = try match.string("patient_id_prefix")
            accessionPrefix = try match.string("accession_prefix")
            institution = try match.string("institution")
            return [issuer, patientIDPrefix, accessionPrefix, institution].compactMap { $0 }
        }
        guard let conditions, !conditions.isEmpty, !conditions.contains("") else {
            throw section.error(
                "match", "expected issuer, patient_id_prefix, accession_prefix or institution, each with a value")
        }
        guard institution?.contains("\\") != true else {
            throw section.error("match", "an institution's name has no backslash")
        }
    }
}

extension SourceLimits {
    fileprivate init(_ section: inout YAMLSection) throws(ConfigurationError) {
        self.init()
        queriesPerSecond = try section.number("queries_per_second", above: 0, upTo: 1_000) ?? queriesPerSecond
        burst = try section.integer("burst", in: 1...1_000) ?? burst
        associations = try section.integer("associations", in: 1...64) ?? associations
        maximumResults = try section.integer("max_results", in: 1...1_000_000)
        openingGap = try section.duration("opening_gap") ?? openingGap
        let (rate, places) = (queriesPerSecond, associations)
        live =
            try section.section("live") { (live) throws(ConfigurationError) in
                let part = (
                    queriesPerSecond: try live.number("queries_per_second", above: 0, upTo: 1_000) ?? 0,
                    associations: try live.integer("associations", in: 0...63) ?? 0
                )
                guard part.queriesPerSecond < rate else {
                    throw live.error("queries_per_second", "leaves nothing of \(rate) for sweeps")
                }
                guard part.associations < places else {
                    throw live.error("associations", "leaves none of \(places) for sweeps")
                }
                return part
            } ?? live
        timeZone = try section.timeZone("time_zone") ?? TimeZone.current.identifier
        windows = try section.sections("windows") { (window) throws(ConfigurationError) in try Self.windows(&window) }
            .flatMap { $0 }
        if let clash = Self.overlap(windows) { throw section.error("windows", clash) }
    }

    /// What is left of them in the centre.
    fileprivate mutating func leave(_ share: Double, _ section: inout YAMLSection) throws(ConfigurationError) {
        guard share + live.queriesPerSecond < queriesPerSecond else {
            throw section.error("edge", "leaves nothing of \(queriesPerSecond) questions a second for the centre")
        }
        guard 1 + live.associations < associations else {
            throw section.error(
                "edge", "takes one of \(associations) associations, and leaves none for the centre's sweeps")
        }
        queriesPerSecond -= share
        associations -= 1
    }

    /// One or, where it goes past midnight, two windows.
    private static func windows(_ section: inout YAMLSection) throws(ConfigurationError) -> [Window] {
        let weekdays = try section.weekdays("days") ?? Set(1...7)
        let from = try section.minuteOfDay("from") ?? 0
        let to = try section.minuteOfDay("to") ?? 1_440
        guard from != to else { throw section.error("to", "is the same as from") }
        let utilisation = try section.integer("utilisation", in: 0...100) ?? 100
        let associations = try section.integer("associations", in: 1...64)
        func window(_ days: Set<Int>, _ minutes: Range<Int>) -> Window {
            Window(weekdays: days, minutes: minutes, utilisation: utilisation, associations: associations)
        }
        if from < to { return [window(weekdays, from..<to)] }
        let next = Set(weekdays.map { $0 % 7 + 1 })
        return [window(weekdays, from..<1_440)] + (to > 0 ? [window(next, 0..<to)] : [])
    }

    private static func overlap(_ windows: [Window]) -> String? {
        for (position, window) in windows.enumerated() {
            for other in windows[..<position]
            where window.minutes.overlaps(other.minutes) && !window.weekdays.isDisjoint(with: other.weekdays) {
                return "two of them overlap"
            }
        }
        return nil
    }
}

extension YAMLSection {
    private static let weekdayNames = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"]

    /// `mon-fri`, `sat, sun`, `fri-mon`; 1 is Monday.
    fileprivate mutating func weekdays(_ key: String) throws(ConfigurationError) -> Set<Int>? {
        guard let text = try string(key) else { return nil }
        var days: Set<Int> = []
        for part in text.lowercased().split(separator: ",") {
            let ends = part.split(separator: "-", omittingEmptySubsequences: false)
                .map { Self.weekdayNames.firstIndex(of: $0.trimmingCharacters(in: .whitespaces)) }
            guard (1...2).contains(ends.count), let first = ends[0], let last = ends[ends.count - 1] else {
                throw error(key, "expected days such as mon-fri or sat,sun")
            }
            var day = first
            while true {
                days.insert(day + 1)
                if day == last { break }
                day = (day + 1) % 7
            }
        }
        guard !days.isEmpty else { throw error(key, "expected days such as mon-fri or sat,sun") }
        return days
    }

    /// `07:00` to `24:00`, in minutes since midnight.
    fileprivate mutating func minuteOfDay(_ key: String) throws(ConfigurationError) -> Int? {
        guard let text = try string(key) else { return nil }
        let parts = text.split(separator: ":", omittingEmptySubsequences: false)
        guard parts.count == 2, parts.allSatisfy({ $0.count == 2 }), let hour = Int(parts[0]),
            let minute = Int(parts[1]),
            (0...24).contains(hour), (0..<60).contains(minute), hour * 60 + minute <= 1_440
        else { throw error(key, "expected a time such as 07:00") }
        return hour * 60 + minute
    }

    mutating func timeZone(_ key: String) throws(ConfigurationError) -> String? {
        guard let text = try string(key) else { return nil }
        guard let zone = TimeZone(identifier: text), TimeZone.knownTimeZoneIdentifiers.contains(text) || text == "UTC"
        else { throw error(key, "expected a time zone such as Europe/Berlin") }
        return zone.identifier == "GMT" ? "UTC" : zone.identifier
    }
}

extension PeerTLS {
    /// Files are relative to the configuration.
    fileprivate init(_ section: inout YAMLSection) throws(ConfigurationError) {
        self.init(
            ca: try section.file("ca"), certificate: try section.file("certificate"), key: try section.file("key"),
            serverName: try section.string("server_name"), pin: try section.fingerprint("pin_sha256"))
        minimum = try section.tlsMinimum() ?? minimum
        if (certificate == nil) != (key == nil) {
            throw section.error("certificate", "certificate and key are given together or not at all")
        }
    }
}

extension UserIdentity {
    fileprivate init(_ section: inout YAMLSection) throws(ConfigurationError) {
        let name = try section.required("name")
        let passcode = try section.secret("passcode")
        do { try self.init(name: name, passcode: passcode) } catch { throw section.error("name", "\(error)") }
    }
}

extension YAMLSection {
    /// A secret is never in the configuration: `KEY_file` names a file whose first line it is, `KEY_env` a variable of the
    /// environment. nil: neither is given.
    fileprivate mutating func secret(_ key: String) throws(ConfigurationError) -> String? {
        let (fileKey, variableKey) = ("\(key)_file", "\(key)_env")
        switch (try file(fileKey), try string(variableKey)) {
        case (nil, nil): return nil
        case (let path?, nil):
            let text = FileManager.default.contents(atPath: path).map { String(decoding: $0, as: UTF8.self) }
            guard let line = text?.split(whereSeparator: \.isNewline).first else {
                throw error(fileKey, "\(path) cannot be read, or is empty")
            }
            return String(line)
        case (nil, let variable?):
            guard let value = ProcessInfo.processInfo.environment[variable], !value.isEmpty else {
                throw error(variableKey, "\(variable) is not set in the environment")
            }
            return value
        case (_?, _?): throw error(fileKey, "give \(fileKey) or \(variableKey), not both")
        }
    }

    mutating func fingerprint(_ key: String) throws(ConfigurationError) -> CertificateFingerprint? {
        guard let text = try string(key) else { return nil }
        guard let fingerprint = CertificateFingerprint(text) else {
            throw error(key, "expected what openssl x509 -noout -fingerprint -sha256 prints: 32 bytes in hexadecimal")
        }
        return fingerprint
    }

    mutating func tlsMinimum() throws(ConfigurationError) -> TLSMinimum? {
        guard let text = try string("minimum_version") else { return nil }
        guard let minimum = TLSMinimum(rawValue: text) else { throw error("minimum_version", "expected 1.2 or 1.3") }
        return minimum
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
