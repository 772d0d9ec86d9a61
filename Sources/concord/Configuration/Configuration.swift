import DICOM
import DIMSE
import Foundation
import QueryServer
import StudyIndex
import Sweep

/// `concord.yaml`, read and checked. The file's JSON Schema is `schemas/config.schema.json`; `concord init` writes a
/// commented example.
struct Configuration: Sendable {
    var file: String
    /// Absolute; relative paths in the file are relative to the file.
    var dataDirectory: String
    /// nil: `embedded`.
    var databaseURL: String?
    var aeTitle: AETitle
    var sources: [SourceConfiguration]
    var expects: [Expectation]
    var reconcile: ReconcileConfiguration
    var server: ServerConfiguration
    /// nil: no shards are published.
    var edge: EdgeConfiguration?
    /// nil: this is no edge site.
    var replica: ReplicaConfiguration?

    /// One source should hold what another holds, from a study date on.
    struct Expectation: Sendable {
        var from: String
        var to: String
        var since: DICOMDate
    }

    static func load(_ explicit: String?) throws(ConfigurationError) -> Configuration {
        let candidates = explicit.map { [$0] } ?? ["./concord.yaml", "/etc/concord/concord.yaml"]
        guard let file = candidates.first(where: FileManager.default.isReadableFile(atPath:)) else {
            throw ConfigurationError(
                file: candidates.joined(separator: " or "), line: nil, key: "",
                message: "cannot be read; `concord init` writes a first one, --config names another")
        }
        return try YAMLSection.read(file: file, Self.read)
    }

    static func parse(_ yaml: String, file: String) throws(ConfigurationError) -> Configuration {
        try YAMLSection.read(yaml: yaml, file: file, Self.read)
    }

    private static func read(_ section: inout YAMLSection) throws(ConfigurationError) -> Configuration {
        try Configuration(&section)
    }

    private init(_ section: inout YAMLSection) throws(ConfigurationError) {
        file = section.file
        let directory = URL(fileURLWithPath: file).deletingLastPathComponent()
        dataDirectory =
            URL(fileURLWithPath: try section.string("data_dir") ?? "./data", relativeTo: directory)
            .standardizedFileURL.path
        let database = try section.string("database") ?? "embedded"
        if database == "embedded" {
            databaseURL = nil
        } else if database.hasPrefix("postgresql://") || database.hasPrefix("postgres://") {
            databaseURL = database
        } else {
            throw section.error("database", "expected `embedded` or a postgresql:// URL")
        }
        let aeTitle = try section.aeTitle("ae_title", default: "CONCORD")
        self.aeTitle = aeTitle
        sources = try section.sections("sources") { (source) throws(ConfigurationError) in
            try SourceConfiguration(&source, calling: aeTitle)
        }
        let names = sources.map(\.name)
        replica = try section.section("replica") { (replica) throws(ConfigurationError) in
            try ReplicaConfiguration(&replica)
        }
        if names.isEmpty, replica == nil { throw section.error("sources", "at least one source is needed") }
        if let twice = names.first(where: { name in names.filter { $0 == name }.count > 1 }) {
            throw section.error("sources", "two sources are called \(twice); names must differ")
        }
        expects = try section.sections("expects") { (expectation) throws(ConfigurationError) in
            try Expectation(&expectation, names: names)
        }
        reconcile =
            try section.section("reconcile") { (reconcile) throws(ConfigurationError) in
                try ReconcileConfiguration(&reconcile)
            } ?? ReconcileConfiguration()
        server =
            try section.section("server") { (server) throws(ConfigurationError) in
                try ServerConfiguration(&server, aeTitle: aeTitle)
            } ?? ServerConfiguration()
        edge = try section.section("edge") { (edge) throws(ConfigurationError) in
            try EdgeConfiguration(&edge, sources: names)
        }
        for peer in server.dimse?.peers ?? [] {
            guard case .facilities(let names) = peer.visibility, let unknown = names.subtracting(facilities).min()
            else {
                continue
            }
            throw section.error("server", "\(peer.aeTitle.value) is to see \(unknown), which is no source's facility")
        }
    }

    /// Those that studies may belong to.
    var facilities: Set<String> { Set(sources.flatMap(\.facilities).map(\.facility)) }
}

extension Configuration.Expectation {
    fileprivate init(_ section: inout YAMLSection, names: [String]) throws(ConfigurationError) {
        from = try section.required("from")
        to = try section.required("to")
        for (key, name) in [("from", from), ("to", to)] where !names.contains(name) {
            throw section.error(key, "no source is called \(name)")
        }
        guard let since = try section.date("since") else { throw section.error("since", "is mandatory") }
        self.since = since
    }
}

extension Configuration {
    /// `expects`, by the sources' ids in the database.
    func expectations(_ ids: [String: Int32]) -> [Sweep.Expectation] {
        expects.compactMap { expected in
            guard let from = ids[expected.from], let to = ids[expected.to] else { return nil }
            return Sweep.Expectation(from: from, to: to, since: expected.since)
        }
    }
}

extension YAMLSection {
    mutating func aeTitle(_ key: String) throws(ConfigurationError) -> AETitle? {
        guard let text = try string(key) else { return nil }
        return try aeTitle(key, text)
    }

    mutating func aeTitle(_ key: String, default standard: String) throws(ConfigurationError) -> AETitle {
        try aeTitle(key, try string(key) ?? standard)
    }

    private func aeTitle(_ key: String, _ text: String) throws(ConfigurationError) -> AETitle {
        do { return try AETitle(text) } catch {
            throw self.error(key, "expected an AE title of 1 to 16 characters")
        }
    }
}
