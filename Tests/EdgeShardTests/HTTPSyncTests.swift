import Foundation
import Testing

@testable import EdgeShard

@Suite struct HTTPSyncTests {
    private func origin(_ server: FaultyServer) throws -> HTTPOrigin {
        try HTTPOrigin(url: server.url, silence: .milliseconds(300))
    }

    @Test func allOfItComesByOneConnection() async throws {
        let published = try Published()
        try published.publish(ShardStudy.samples(0..<300))
        let server = try await FaultyServer.start(root: published.output)
        let origin = try origin(server)
        try await published.sync(from: origin)
        await origin.close()
        #expect(try published.serves(1))
        #expect(server.connections == 1)
        await server.stop()
    }

    @Test(arguments: [FaultyServer.Fault.notKept, .noRanges]) func whatMayBeOtherwiseIsNoFault(
        fault: FaultyServer.Fault
    ) async throws {
        let published = try Published()
        try published.publish(ShardStudy.samples(0..<300))
        let server = try await FaultyServer.start(root: published.output, fault)
        try await published.sync(from: try origin(server))
        #expect(try published.serves(1))
        await server.stop()
    }

    /// A new site wastes no more than 2 % of its bytes over twenty cuts; an interrupted process goes on where it was.
    @Test func cutsWasteNothing() async throws {
        let published = try Published()
        try published.publish(ShardStudy.samples(0..<5_000))
        let length = try published.manifest(1).snapshot.object.length
        let server = try await FaultyServer.start(root: published.output, .cuts(every: length / 21))
        try await published.sync(from: try origin(server))
        #expect(try published.serves(1))
        #expect(server.connections > 20)
        let small = try published.manifest(1).snapshot.object.envelopeLength + 8_192
        #expect(server.bodyBytes <= length + length / 50 + small)
        await server.stop()
    }

    @Test func whatAnEarlierSyncHasFetchedIsNotFetchedAgain() async throws {
        let published = try Published()
        try published.publish(ShardStudy.samples(0..<2_000))
        let length = try published.manifest(1).snapshot.object.length
        let server = try await FaultyServer.start(root: published.output, .half)
        await #expect(throws: ShardError(.transfer, "")) { try await published.sync(from: try origin(server)) }
        let before = server.bodyBytes
        server.become(.none)
        try await published.sync(from: try origin(server))
        #expect(try published.serves(1))
        #expect(server.bodyBytes - before < length / 2 + 16_384)
        await server.stop()
    }

    /// Whatever the server does, the old generation stays, and the next sync with a good one succeeds.
    @Test(arguments: FaultyServer.Fault.allCases) func aFaultyServerChangesNothing(
        fault: FaultyServer.Fault
    ) async throws {
        let published = try Published()
        try published.publish(ShardStudy.samples(0..<300))
        try await published.sync()
        published.night()
        try published.publish(ShardStudy.samples(300..<600))
        let server = try await FaultyServer.start(root: published.output, fault)
        await #expect(throws: ShardError.self) { try await published.sync(from: try origin(server)) }
        #expect(try published.serves(1))
        server.become(.none)
        try await published.sync(from: try origin(server))
        #expect(try published.serves(2))
        await server.stop()
    }

    @Test func aStaleCacheIsNoWayBack() async throws {
        let published = try Published()
        try published.publish(ShardStudy.samples(0..<100))
        let old = Array(try Data(contentsOf: URL(fileURLWithPath: "\(published.output)/north/timestamp")))
        published.night()
        try published.publish(ShardStudy.samples(100..<110))
        try await published.sync()
        let server = try await FaultyServer.start(root: published.output)
        server.cache(old, for: "north/timestamp")
        await #expect(throws: ShardError(.rollback, "")) { try await published.sync(from: try origin(server)) }
        #expect(try published.serves(2))
        // The manifest of the generation before the one that the timestamp names.
        server.cache(nil, for: "north/timestamp")
        published.night()
        try published.publish(ShardStudy.samples(110..<120))
        server.cache(Array("stale".utf8), for: Layout.manifest("north", 3))
        await #expect(throws: ShardError.self) { try await published.sync(from: try origin(server)) }
        #expect(try published.serves(2))
        await server.stop()
    }

    @Test func smallFilesMayComeInChunks() async throws {
        let published = try Published()
        try published.publish(ShardStudy.samples(0..<10))
        let server = try await FaultyServer.start(root: published.output, .chunked)
        let origin = try origin(server)
        let bytes = try await origin.file("north/timestamp", limit: 4_096)
        #expect(bytes == Array(try Data(contentsOf: URL(fileURLWithPath: "\(published.output)/north/timestamp"))))
        await #expect(throws: ShardError(.tooLarge, "")) { try await origin.file("north/timestamp", limit: 100) }
        await server.stop()
    }

    @Test func aServerThatIsNotThereIsSaidToBe() async throws {
        let origin = try HTTPOrigin(url: "http://127.0.0.1:1/x", silence: .milliseconds(300))
        await #expect(throws: ShardError(.transfer, "")) { try await origin.file("north/timestamp", limit: 100) }
    }

    @Test(arguments: ["ftp://x/", "http://", "https://host:0/", "http://h/?q", "host/path", "http://user@host/"])
    func whatIsNoOriginIsRefused(url: String) {
        #expect(throws: ShardError(.transfer, "")) { try HTTPOrigin(url: url) }
    }
}
