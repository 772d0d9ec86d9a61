import DICOM
import EdgeShard
import Foundation

/// Made-up studies of one source, a night that changes them, and both ends of a shard of them.
struct EdgeWorkload: Sendable {
    private let directory: String
    private let studies: Int
    private let changes: Int
    private let signingKey: SigningKey
    private let siteKeys: [SiteKey]
    private let now = Int(Date().timeIntervalSince1970)
    private static let source = ShardSource(id: 1, name: "bench", aeTitle: "BENCH", issuer: "BENCH", priority: 1)

    init(directory: String, studies: Int, changes: Int, sites: Int = 1) throws {
        self.directory = directory
        self.studies = studies
        self.changes = changes
        signingKey = try SigningKey()
        siteKeys = try (0..<sites).map { _ in try SiteKey() }
    }

    var output: String { directory + "/out" }
    var replica: String { replica(of: 0) }
    func replica(of site: Int) -> String { "\(directory)/replica-\(site)" }
    func shardFile(_ generation: Int) -> String { "\(replica)/bench/\(generation)/shard.sqlite" }
    var trust: [VerifyingKey] { [signingKey.publicKey] }

    func timed<T>(_ body: () throws -> T) rethrows -> (value: T, spent: Duration) {
        let start = ContinuousClock.now
        let value = try body()
        return (value, ContinuousClock.now - start)
    }

    func publish(
        whole: Bool, _ studies: ((ShardStudy) throws -> Void) throws -> Void
    ) throws -> ShardPublisher.Report {
        let output = try PublishedDirectory(output, now: now)
        let publisher = try ShardPublisher(
            ShardScope(name: "bench", sources: ["bench"]), state: directory + "/state", output: output,
            signingKey: signingKey, sites: siteKeys.map(\.publicKey), acceptedDeletes: ["bench"],
            freshFor: .seconds(86_400),
            now: now)
        let cut = ShardCut(sources: [Self.source], horizon: "", origin: "bench", isWhole: whole)
        let report = try publisher.publish(try publisher.draft(cut, studies: studies))
        for site in siteKeys.indices {
            try output.publish(
                Subscription(site: "site-\(site)", shards: ["bench"], created: now, expires: now + 86_400),
                signedBy: signingKey)
        }
        return report
    }

    func sync(
        site: Int = 0, from origin: (any ShardOrigin)? = nil, bytesPerSecond: Int? = nil
    ) async throws -> Duration {
        let sync = ReplicaSync(
            site: SiteIdentity(name: "site-\(site)", key: siteKeys[site], trust: trust), replica: replica(of: site),
            origin: origin ?? DirectoryOrigin(output), bytesPerSecond: bytesPerSecond, clock: now, report: { _ in })
        let start = ContinuousClock.now
        guard try await sync.run() else {
            throw ShardError(.transfer, "the replica did not come to the newest generation")
        }
        return ContinuousClock.now - start
    }

    /// Of the newest installed generation, in bytes: all of it, and what finds names by any letters.
    func sizes() throws -> (whole: Int, trigrams: Int) {
        let catalog = ReplicaCatalog(root: replica, trust: trust, threads: 1)
        let sizes = try catalog.view().shards[0].sizes()
        return (
            sizes.values.reduce(0, +), sizes.filter { $0.key.hasPrefix("name_trigram") }.values.reduce(0, +)
        )
    }

    /// Megabytes a second from file to file, of the file that a snapshot holds: by our decompressor and by `lz4`, the best of
    /// three each, in turn.
    func decompression() throws -> (own: Double, command: Double) {
        let (file, compressed, output) = (shardFile(2), directory + "/shard.lz4", directory + "/shard.out")
        defer { for each in [compressed, output] { try? FileManager.default.removeItem(atPath: each) } }
        _ = try ProcessUsage.ofRunning("/usr/bin/lz4", ["-3", "-B4", "-BI", "-f", "-q", file, compressed])
        let size = try FileManager.default.attributesOfItem(atPath: file)[.size] as? Int ?? 0
        var (own, command) = (Double.infinity, Double.infinity)
        for _ in 0..<3 {
            let start = ContinuousClock.now
            try LZ4Decompressor.decompress(compressed, to: output, size: size)
            own = min(own, (ContinuousClock.now - start) / .seconds(1))
            command = min(
                command, try ProcessUsage.ofRunning("/usr/bin/lz4", ["-d", "-f", "-q", compressed, output]).wall)
        }
        return (Double(size) / own / 1_000_000, Double(size) / command / 1_000_000)
    }

    // MARK: Studies

    func eachStudy(_ write: (ShardStudy) throws -> Void) throws {
        for number in 0..<studies { try write(study(number)) }
    }

    /// 13 % inserts, 53 % updates of recent studies, 31 % of old ones, 3 % deletes.
    ///
    /// - Parameter seed: another night.
    func eachChange(seed: Int = 0, _ write: (ShardStudy) throws -> Void) throws {
        for number in 0..<changes {
            let change = number + seed * changes
            switch change % 100 {
            case 0..<13: try write(study(studies + change))
            case 13..<66: try write(study(studies - 1 - change % max(1, studies / 50), instances: 1_000 + change))
            case 66..<97: try write(study(scattered(change) % studies, instances: 1_000 + change))
            default: try write(ShardStudy(uid: uid(scattered(change) % studies), copies: [], goneFrom: [1]))
            }
        }
    }

    private func scattered(_ number: Int) -> Int { Int((UInt64(number) &* 0x9E37_79B9_7F4A_7C15) >> 20) }
    private func uid(_ number: Int) -> String { "1.2.840.99999.7.\(number % 977).\(scattered(number))" }
    private func patient(_ number: Int) -> Int { scattered(number) % max(1, studies / 4) }

    private func study(_ number: Int, instances: Int? = nil) -> ShardStudy {
        let patient = patient(number)
        let day = (DICOMDate("20210101") ?? .earliest).adding(days: number * 1_800 / max(1, studies))
        let descriptions = [
            "CT CHEST WITH CONTRAST", "MR BRAIN", "XR CHEST PA AND LATERAL", "US ABDOMEN", "CT ABDOMEN PELVIS",
        ]
        let record = StudyRecord(texts: [
            uid(number), "ID\(patient)", "", "FAMILY\(patient % 50_021)^GIVEN\(patient % 997)",
            "19\(50 + patient % 50)0\(1 + patient % 9)15", patient % 2 == 0 ? "F" : "M", day.da,
            "1\(number % 10)3\(number % 6)27", "ACC\(number)", "\(number % 9_999)", descriptions[number % 5],
            "REFERRER\(number % 977)^DOCTOR", ["CT", "MR", "CR", "US", "CT\\SR"][number % 5], "\(1 + number % 9)",
            "\(instances ?? 100 + number % 900)", nil, nil, nil,
        ])
        return ShardStudy(
            uid: uid(number),
            copies: [ShardStudy.Copy(source: 1, issuer: "BENCH", record: record, areSeriesKnown: true)])
    }

    struct Question: Sendable {
        var name: String
        var keyword: String
        /// The Nth.
        var value: @Sendable (Int) -> String

        init(_ name: String, _ keyword: String, _ value: @escaping @Sendable (Int) -> String) {
            self.name = name
            self.keyword = keyword
            self.value = value
        }
    }

    /// What is looked up.
    var questions: [Question] {
        [
            Question("Study Instance UID", "StudyInstanceUID", { uid(scattered($0) % studies) }),
            Question("patient ID", "PatientID", { "ID\(patient($0))" }),
            Question("accession number", "AccessionNumber", { "ACC\(scattered($0) % studies)" }),
            Question("name, prefix", "PatientName", { "FAMILY\(patient($0) % 50_021)^*" }),
            Question("name, infix", "PatientName", { "*Y\(patient($0) % 50_021)^GIV*" }),
        ]
    }
}
