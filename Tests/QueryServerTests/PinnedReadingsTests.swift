import EdgeShard
import Synchronization
import Testing

@testable import QueryServer

@Suite struct PinnedReadingsTests {
    private let pages = PinnedReadings.Reading.pages(authorization: "k", path: "/studies", keys: ["PatientID=1"])

    /// As long as it goes on, and no longer.
    @Test func aReadingKeepsItsGenerations() {
        let now = Mutex(ContinuousClock.now)
        let readings = PinnedReadings { now.withLock { $0 } }
        #expect(readings.view(for: pages) == nil)
        readings.begin(pages, with: ReplicaView(shards: []))
        #expect(readings.view(for: pages) != nil)
        #expect(readings.view(for: .association(1)) == nil)
        for _ in 0..<12 {
            now.withLock { $0 += PinnedReadings.idle - .seconds(1) }
            #expect(readings.view(for: pages) != nil)
        }
        // An hour is over.
        now.withLock { $0 += PinnedReadings.idle - .seconds(1) }
        #expect(readings.view(for: pages) == nil)
        readings.begin(pages, with: ReplicaView(shards: []))
        now.withLock { $0 += PinnedReadings.idle }
        #expect(readings.view(for: pages) == nil)
    }

    @Test func theOldestAreForgotten() {
        let readings = PinnedReadings()
        readings.begin(pages, with: ReplicaView(shards: []))
        for number in 0..<PinnedReadings.most { readings.begin(.association(number), with: ReplicaView(shards: [])) }
        #expect(readings.view(for: pages) == nil)
        #expect(readings.view(for: .association(PinnedReadings.most - 1)) != nil)
    }
}
