import DICOM
import EdgeShard
import Foundation

/// `edge:` where shards are published.
struct EdgeConfiguration: Sendable {
    /// A file.
    var signingKey: String
    var shards: [Shard]
    var sites: [Site]
    /// How long a publication counts as fresh at the sites.
    var freshFor = Duration.seconds(3 * 86_400)

    struct Shard: Sendable {
        var name: String
        /// By name.
        var sources: [String]
        /// How far back; nil: everything.
        var since: Age?
    }

    struct Site: Sendable {
        var name: String
        var shards: [String]
        /// A file.
        var publicKey: String
    }

    /// A time back from today.
    enum Age: Sendable, Hashable {
        case years(Int), days(Int)

        /// `5y` or `400d`.
        init?(_ text: String) {
            guard let count = Int(text.dropLast()), (1...36_500).contains(count) else { return nil }
            switch text.last {
            case "y": self = .years(count)
            case "d": self = .days(count)
            default: return nil
            }
        }

        func before(_ today: DICOMDate) -> DICOMDate {
            switch self {
            case .days(let days): today.adding(days: -days)
            case .years(let years):
                // 29 February has its years too.
                DICOMDate(year: today.year - years, month: today.month, day: min(today.day, 28)) ?? .earliest
            }
        }
    }

    init(_ section: inout YAMLSection, sources: [String]) throws(ConfigurationError) {
        guard let key = try section.file("signing_key") else { throw section.error("signing_key", "is mandatory") }
        signingKey = key
        freshFor = try section.duration("fresh_for") ?? freshFor
        shards = try section.sections("shards") { (shard) throws(ConfigurationError) in
            try Shard(&shard, known: sources)
        }
        let names = shards.map(\.name)
        sites = try section.sections("sites") { (site) throws(ConfigurationError) in try Site(&site, shards: names) }
        if shards.isEmpty { throw section.error("shards", "at least one shard is needed") }
        for (key, names) in [("shards", names), ("sites", sites.map(\.name))] {
            if let twice = names.first(where: { name in names.count { $0 == name } > 1 }) {
                throw section.error(key, "two are called \(twice); names must differ")
            }
        }
    }
}

extension EdgeConfiguration.Shard {
    fileprivate init(_ section: inout YAMLSection, known: [String]) throws(ConfigurationError) {
        name = try section.shardName("name")
        sources = try section.strings("sources") ?? []
        if sources.isEmpty { throw section.error("sources", "name the sources whose studies the shard holds") }
        if let unknown = sources.first(where: { !known.contains($0) }) {
            throw section.error("sources", "no source is called \(unknown)")
        }
        if let text = try section.string("since") {
            guard let age = EdgeConfiguration.Age(text) else { throw section.error("since", "expected 5y or 400d") }
            since = age
        }
    }
}

extension EdgeConfiguration.Site {
    fileprivate init(_ section: inout YAMLSection, shards known: [String]) throws(ConfigurationError) {
        name = try section.shardName("name")
        shards = try section.strings("shards") ?? []
        if let unknown = shards.first(where: { !known.contains($0) }) {
            throw section.error("shards", "no shard is called \(unknown)")
        }
        guard let key = try section.file("public_key") else { throw section.error("public_key", "is mandatory") }
        publicKey = key
    }
}

/// `replica:` at an edge site.
struct ReplicaConfiguration: Sendable {
    var site: String
    /// Files.
    var key: String
    var trust: String
    /// That it is encrypted when the machine is off, or need not be.
    var isAtRestAccepted: Bool

    init(_ section: inout YAMLSection) throws(ConfigurationError) {
        site = try section.shardName("site")
        guard let key = try section.file("key") else { throw section.error("key", "is mandatory") }
        guard let trust = try section.file("trust") else { throw section.error("trust", "is mandatory") }
        self.key = key
        self.trust = trust
        let atRest = try section.string("at_rest")
        guard atRest == nil || atRest == "accepted" else { throw section.error("at_rest", "expected accepted") }
        isAtRestAccepted = atRest != nil
    }
}

extension ReplicaConfiguration {
    func trustedKeys() throws -> [VerifyingKey] { try VerifyingKey.all(pem: try PEMFile.read(trust)) }

    func identity() throws -> SiteIdentity {
        SiteIdentity(name: site, key: try SiteKey(pem: try PEMFile.read(key)), trust: try trustedKeys())
    }
}

/// Keys of edge shards in files.
enum PEMFile {
    static func read(_ path: String) throws -> String {
        guard let data = FileManager.default.contents(atPath: path), data.count <= 64 << 10 else {
            throw ConfigurationError(
                file: path, line: nil, key: "",
                message: "cannot be read; `concord keys publisher` and `concord keys site` make keys")
        }
        return String(decoding: data, as: UTF8.self)
    }

    /// A new file; a private one is for its owner alone.
    static func write(_ pem: String, to path: String, isPrivate: Bool) throws {
        let descriptor = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, isPrivate ? 0o600 : 0o644)
        guard descriptor >= 0 else {
            let reason = errno == EEXIST ? "exists already; keys are not overwritten" : String(cString: strerror(errno))
            throw ConfigurationError(file: path, line: nil, key: "", message: reason)
        }
        try FileHandle(fileDescriptor: descriptor, closeOnDealloc: true).write(contentsOf: Data(pem.utf8))
    }
}

extension YAMLSection {
    fileprivate mutating func shardName(_ key: String) throws(ConfigurationError) -> String {
        let name = try required(key)
        guard Layout.isName(name) else {
            throw error(key, "expected lower-case letters, digits and hyphens, 64 at most")
        }
        return name
    }
}
