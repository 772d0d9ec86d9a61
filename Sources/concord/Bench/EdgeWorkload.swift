import DICOM
import EdgeShard
import Foundation

/// Made-up studies of one source, a night that changes them, and both ends of a shard of them.
struct EdgeWorkload: Sendable {
    private let directory: String
    private let studies: Int
    private let changes: Int
    private let signingKey: SigningKey
    private let siteKey: SiteKey
    private let now = Int(Date().timeIntervalSince1970)
    private static let source = ShardSource(id: 1, name: "bench", aeTitle: "BENCH", issuer: "BENCH", priority: 1)

    init(directory: String, studies: Int, changes: Int) throws {
        self.directory = directory
        self.studies = studies
        self.changes = changes
        signingKey = try SigningKey()
        siteKey = try SiteKey()
    }

    var replica: String { directory + "/replica" }
    var trust: [VerifyingKey] { [signingKey.publicKey] }

    func timed<T>(_ body: () throws -> T) rethrows -> (value: T, spent: Duration) {
        let start = ContinuousClock.now
        let value = try body()
        return (value, ContinuousClock.now - start)
    }

    func publish(
        whole: Bool, _ studies: ((ShardStudy) throws -> Void) throws -> Void
    ) throws -> ShardPublisher.Report {
        let output = try PublishedDirectory(directory + "/out", now: now)
        let publisher = try ShardPublisher(
            ShardScope(name: "bench", sources: ["bench"]), state: directory + "/state", output: output,
            signingKey: signingKey, sites: [siteKey.publicKey], acceptedDeletes: ["bench"], freshFor: .seconds(86_400),
            now: now)
        let cut = ShardCut(sources: [Self.source], horizon: "", origin: "bench", isWhole: whole)
        let report = try publisher.publish(try publisher.draft(cut, studies: studies))
        try output.publish(
            Subscription(site: "site", shards: ["bench"], created: now, expires: now + 86_400), signedBy: signingKey)
        return report
    }

    func sync() async throws -> Duration {
        let sync = ReplicaSync(
            site: SiteIdentity(name: "site", key: siteKey, trust: trust), replica: replica,
            origin: DirectoryOrigin(directory + "/out"), bytesPerSecond: nil, clock: now, report: { _ in })
        let start = ContinuousClock.now
        guard try await sync.run() else {
            throw ShardError(.transfer, "the replica did not come to the newest generation")
        }
        return ContinuousClock.now - start
    }

    /// Hashes of an installed generation's pages: what a tool that ships pages would ship.
    func pages(of generation: Int) throws -> [Int] {
        let data = try Data(
            contentsOf: URL(fileURLWithPath: "\(replica)/bench/\(generation)/shard.sqlite"), options: .alwaysMapped)
        return stride(from: 0, to: data.count, by: 4_096).map { data[$0..<min(data.count, $0 + 4_096)].hashValue }
    }

    // MARK: Studies

    func eachStudy(_ write: (ShardStudy) throws -> Void) throws {
        for number in 0..<studies { try write(study(number)) }
    }

    /// 13 % inserts, 53 % updates of recent studies, 31 % of old ones, 3 % deletes.
    func eachChange(_ write: (ShardStudy) throws -> Void) throws {
        for change in 0..<changes {
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

    /// What is looked up: a name for it, a keyword, and the Nth value.
    var questions: [(name: String, keyword: String, value: @Sendable (Int) -> String)] {
        [
            ("Study Instance UID", "StudyInstanceUID", { uid(scattered($0) % studies) }),
            ("patient ID", "PatientID", { "ID\(patient($0))" }),
            ("accession number", "AccessionNumber", { "ACC\(scattered($0) % studies)" }),
            ("name, prefix", "PatientName", { "FAMILY\(patient($0) % 50_021)^*" }),
            ("name, infix", "PatientName", { "*Y\(patient($0) % 50_021)^GIV*" }),
        ]
    }
}
