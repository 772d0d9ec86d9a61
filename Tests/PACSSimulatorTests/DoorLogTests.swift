import PACSSimulator
import Synchronization
import Testing

@Suite struct DoorLogTests {
    /// A log whose clock moves on by one of these steps per event.
    private func log(_ steps: [Duration]) -> DoorLog {
        let times = Mutex((index: 0, time: Duration.zero))
        return DoorLog {
            times.withLock { state in
                state.time += state.index < steps.count ? steps[state.index] : .zero
                state.index += 1
                return state.time
            }
        }
    }

    @Test func countsTheFullestWindow() {
        let log = log([.zero, .milliseconds(400), .milliseconds(400), .milliseconds(200), .seconds(5)])
        for event in [DoorLog.Event.find, .find, .echo, .find, .find] { log.record(event, calling: "CONCORD") }
        #expect(log.maximumRequests(within: .seconds(1)) == 3)
        #expect(log.maximumRequests(within: .milliseconds(1001)) == 4)
        #expect(log.shortestInterval == .milliseconds(200))
        #expect(log.requests.count == 5)
    }

    @Test func countsOpenAssociations() {
        let log = log([])
        for event in [
            DoorLog.Event.associationOpened, .associationOpened, .find, .associationClosed, .associationOpened,
        ] {
            log.record(event, calling: "CONCORD")
        }
        #expect(log.maximumOpenAssociations == 2)
        #expect(log.maximumRequests(within: .seconds(1)) == 1)
    }

    @Test func writesOneLinePerEvent() {
        let log = log([.milliseconds(1500)])
        log.record(.associationOpened, calling: "CONCORD")
        #expect(log.lines(source: "pacs-a") == "pacs-a,1.500000,association-opened,CONCORD,1\n")
    }
}
