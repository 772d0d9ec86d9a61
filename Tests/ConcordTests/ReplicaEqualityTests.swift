import DICOM
import EdgeShard
import Foundation
import PostgresClient
import SearchSuite
import StudyIndex
import TestCluster
import Testing

@testable import concord

@Suite struct ReplicaEqualityTests {
    /// Random queries put to each pair of catalogs; CONCORD_QUERIES asks for more (`scripts/faults`).
    private static let queries = ProcessInfo.processInfo.environment["CONCORD_QUERIES"].flatMap { Int($0) } ?? 400

    /// Promise 8: rows, their order, holders, totals, doubts and pages.
    @Test func aReplicaAnswersAsTheIndexThatItWasPublishedFrom() async throws {
        try await PublishedIndex.with(sources: ["a", "b", "c"]) { published in
            try await expectEqualAnswers(of: published.index, and: published.replica(of: "all"), seed: 1)
        }
    }

    /// A site has what it may see, as if there were nothing else.
    @Test func aReplicaOfSomeSourcesAnswersAsAnIndexOfTheseAlone() async throws {
        try await PublishedIndex.with(sources: ["a", "b", "c"]) { published in
            let replica = try await published.replica(of: "two")
            try await PublishedIndex.with(sources: ["a", "b"]) { smaller in
                try await expectEqualAnswers(of: smaller.index, and: replica, seed: 2)
            }
        }
    }

    private func expectEqualAnswers(of index: StudyIndex, and replica: ReplicaCatalog, seed: UInt64) async throws {
        var exercise = SearchExercise(seed: seed)
        var found = 0
        for number in 0..<Self.queries {
            var query = number % 2 == 0 ? exercise.query() : exercise.nameQuery()
            found += try await expectEqualAnswers(of: index, and: replica, query)
            guard number % 5 == 0 else { continue }
            let (left, right) = (
                try await SearchExercise.byPages(of: 1 + number % 9, query, index),
                try await SearchExercise.byPages(of: 1 + number % 9, query, replica)
            )
            #expect(left == right, "by pages: \(SearchExercise.describe(query))")
            query.limit = number % 11
            query.offset = number % 13
            _ = try await expectEqualAnswers(of: index, and: replica, query)
        }
        // Of those that nothing matches equality says little.
        #expect(found > Self.queries / 2)
        await replica.stop()
    }

    /// - Returns: 1 where anything matches.
    private func expectEqualAnswers(
        of index: StudyIndex, and replica: ReplicaCatalog, _ query: StudyQuery
    ) async throws -> Int {
        let (left, right) = (
            try await index.search(query, within: .unrestricted), try await replica.search(query, within: .unrestricted)
        )
        let isEqual =
            left.studies == right.studies && left.total == right.total
            && left.undecidedSources == right.undecidedSources
        #expect(isEqual, "\(SearchExercise.describe(query)): \(left.total) in the index, \(right.total) in the replica")
        return left.studies.isEmpty ? 0 : 1
    }
}

/// An index that was swept and published twice, and sites that follow.
private struct PublishedIndex {
    let index: StudyIndex
    let directory: String
    let trust: [VerifyingKey]

    static func with(sources: [String], _ body: (PublishedIndex) async throws -> Void) async throws {
        let directory = FileManager.default.temporaryDirectory.appending(path: "concord-equality-\(UUID())").path
        try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
        let pool = PostgresPool(connectionString: try await TestCluster.shared.database(), size: 2)
        let result: Result<Void, any Error>
        do {
            let index = StudyIndex(pool: pool)
            try await index.migrate()
            try await body(try await PublishedIndex(index, sources: sources, directory))
            result = .success(())
        } catch { result = .failure(error) }
        await pool.close()
        try? FileManager.default.removeItem(atPath: directory)
        try result.get()
    }

    private init(_ index: StudyIndex, sources: [String], _ directory: String) async throws {
        self.index = index
        self.directory = directory
        let signingKey = try SigningKey()
        trust = [signingKey.publicKey]
        try Data(try signingKey.pem().utf8).write(to: URL(fileURLWithPath: directory + "/publisher.key"))
        for shard in ["all", "two"] {
            let site = try SiteKey()
            try Data(try site.pem().utf8).write(to: URL(fileURLWithPath: "\(directory)/\(shard).key"))
            try Data(try site.publicKey.pem().utf8).write(to: URL(fileURLWithPath: "\(directory)/\(shard).pub"))
        }
        let configuration = try Configuration.parse(
            Self.yaml(sources), file: directory + "/concord.yaml")
        let ids = try await index.register(configuration.sources.map(\.definition))
        var exercise = SearchExercise(seed: 7)
        let copies = exercise.copies(studies: 120)
        let edge = try #require(configuration.edge)
        // The last source comes by a delta.
        for names in [sources.dropLast(), sources.suffix(1)] {
            for name in names {
                let records = copies.filter { $0.source == name }.map(\.record)
                try await index.enter(records, of: try #require(ids[name]))
            }
            _ = try await Publication(index: index, edge: edge, output: directory + "/out").run()
            for shard in ["all", "two"] { try await sync(shard) }
        }
    }

    private static func yaml(_ sources: [String]) -> String {
        let described = sources.enumerated().map { position, name in
            """
              - { name: \(name), ae_title: PACS\(name.uppercased()), host: 127.0.0.1, port: 104, \
            issuer: \(name == "c" ? "OTHER" : "HOSP"), priority: \(position + 1) }
            """
        }.joined(separator: "\n")
        return """
            sources:
            \(described)
            edge:
              signing_key: publisher.key
              shards: [ { name: all, sources: [\(sources.joined(separator: ", "))] }, { name: two, sources: [a, b] } ]
              sites:
                - { name: site-all, shards: [all], public_key: all.pub }
                - { name: site-two, shards: [two], public_key: two.pub }
            """
    }

    private func sync(_ shard: String) async throws {
        let key = try String(contentsOfFile: "\(directory)/\(shard).key", encoding: .utf8)
        let sync = ReplicaSync(
            site: SiteIdentity(name: "site-\(shard)", key: try SiteKey(pem: key), trust: trust),
            replica: "\(directory)/replica-\(shard)", origin: DirectoryOrigin(directory + "/out"), bytesPerSecond: nil,
            clock: Int(Date().timeIntervalSince1970), report: { _ in })
        #expect(try await sync.run())
    }

    func replica(of shard: String) async throws -> ReplicaCatalog {
        let catalog = ReplicaCatalog(root: "\(directory)/replica-\(shard)", trust: trust, threads: 1)
        #expect(try catalog.view().shards.map(\.manifest.generation) == [2])
        return catalog
    }
}

extension StudyIndex {
    /// As the complete answer to a question for all studies of a source.
    fileprivate func enter(_ records: [StudyRecord], of source: Int32) async throws {
        let range = SliceRange(dates: DateRange(lower: nil, upper: nil))
        let run = try await openRun(
            job: "test", slices: [NewSlice(sourceID: source, range: range)], resumeKey: nil
        ).id
        guard case .slice(let slice) = try await claim(run: run, source: source, worker: "test") else {
            throw IndexError(.corrupt, "nothing to claim")
        }
        let proof = SliceProof(
            rawRows: records.count, distinctUIDs: records.count, filteredOut: 0, finalStatus: 0, duration: .zero)
        _ = try await finish(slice, outcome: .complete(proof), records: records)
    }
}
