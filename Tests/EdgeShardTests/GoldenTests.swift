import DICOM
import Foundation
import SearchSuite
import Testing

@testable import EdgeShard

/// A shard of every format version stays here for ever: three generations of `ShardStudy.samples`, published at a fixed moment,
/// with the keys that open it. CONCORD_WRITE_GOLDEN=1 writes that of this version, once.
@Suite struct GoldenTests {
    private static let directory = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
        .appending(path: "Golden/format-\(ShardSchema.format)").path

    private static var isWanted: Bool { ProcessInfo.processInfo.environment["CONCORD_WRITE_GOLDEN"] == "1" }

    private func text(_ name: String) throws -> String {
        try String(contentsOfFile: "\(Self.directory)/\(name)", encoding: .utf8)
    }

    private func publishThreeGenerations(_ published: Published) throws {
        try published.publish(ShardStudy.samples(0..<60))
        for generation in 1...2 {
            published.night()
            let changed = ShardStudy.samples(generation..<generation + 2).changing(
                .studyDescription, to: "MR \(generation)")
            try published.publish(changed + ShardStudy.samples(57 + generation * 3..<60 + generation * 3))
        }
    }

    @Test(.enabled(if: isWanted)) func write() throws {
        let published = try Published()
        try publishThreeGenerations(published)
        let files = FileManager.default
        try? files.removeItem(atPath: Self.directory)
        try files.createDirectory(atPath: Self.directory, withIntermediateDirectories: true)
        for name in ["objects", "sites", "north"] {
            try files.copyItem(atPath: "\(published.output)/\(name)", toPath: "\(Self.directory)/\(name)")
        }
        try published.signingKey.publicKey.pem().write(
            toFile: Self.directory + "/publisher.pub", atomically: true, encoding: .utf8)
        try published.siteKey.pem().write(toFile: Self.directory + "/site.key", atomically: true, encoding: .utf8)
        try "\(published.now)\n\(published.manifest(3).content)\n".write(
            toFile: Self.directory + "/expected", atomically: true, encoding: .utf8)
    }

    @Test func theGoldenShardIsRead() async throws {
        let expected = try text("expected").split(separator: "\n").map(String.init)
        let identity = SiteIdentity(
            name: "north-1", key: try SiteKey(pem: try text("site.key")),
            trust: try VerifyingKey.all(pem: try text("publisher.pub")))
        let replica = FileManager.default.temporaryDirectory.appending(path: "concord-golden-\(UUID().uuidString)").path
        defer { try? FileManager.default.removeItem(atPath: replica) }
        let sync = ReplicaSync(
            site: identity, replica: replica, origin: DirectoryOrigin(Self.directory), bytesPerSecond: nil,
            clock: try #require(Int(expected[0])), report: { _ in })
        #expect(try await sync.run())
        let found = try ReplicaVerification.of(replica, trusting: identity.trust)
        #expect(found.map(\.error) == [nil])
        #expect(found.first?.generation == 3)
        #expect(found.first?.manifest?.content.hex == expected[1])
    }

    /// What is published of the same rows has the same content, on every machine and in every version of SQLite.
    @Test func theSameRowsHaveTheSameContent() throws {
        let published = try Published()
        try publishThreeGenerations(published)
        #expect(try published.manifest(3).content.hex == text("expected").split(separator: "\n").last.map(String.init))
    }
}
