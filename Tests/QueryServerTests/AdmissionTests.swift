import Testing

@testable import QueryServer

@Suite struct AdmissionTests {
    private let now = ContinuousClock.now

    @Test func aKeyHasAsManyAtOnceAsItMay() {
        let admission = Admission(most: 100)
        let limits = Admission.Limits(concurrentRequests: 3)
        for _ in 0..<3 { #expect(admission.enter("a", limits, at: now) == nil) }
        let refusal = admission.enter("a", limits, at: now)
        #expect(refusal?.isOwn == true)
        #expect(refusal?.seconds == 1)
        admission.leave("a")
        #expect(admission.enter("a", limits, at: now) == nil)
    }

    /// Whoever comes next finds room, however much one asks.
    @Test func oneWhoAsksForEverythingLeavesRoomForOthers() {
        let admission = Admission(most: 8)
        let greedy = (0..<100).filter { _ in admission.enter("greedy", Admission.Limits(), at: now) == nil }
        #expect(greedy.count == 6)
        #expect(admission.enter("other", Admission.Limits(), at: now) == nil)
        #expect(admission.enter("third", Admission.Limits(), at: now) == nil)
        let refusal = admission.enter("fourth", Admission.Limits(), at: now)
        #expect(refusal?.isOwn == false)
        admission.leave("greedy")
        #expect(admission.enter("fourth", Admission.Limits(), at: now) == nil)
        #expect(admission.underWay == 8)
    }

    @Test func aRateHoldsOverTimeWithASecondsWorthAtOnce() {
        let admission = Admission()
        let limits = Admission.Limits(requestsPerSecond: 10)
        var admitted = 0
        for step in 0..<400 {
            guard admission.enter("a", limits, at: now + .milliseconds(10 * step)) == nil else { continue }
            admission.leave("a")
            admitted += 1
        }
        // Ten at once, and ten for each of four seconds.
        #expect((49...50).contains(admitted))
        let refusal = admission.enter("a", limits, at: now + .milliseconds(3_991))
        #expect(refusal?.isOwn == true)
        #expect(admission.enter("b", limits, at: now) == nil)
    }
}
