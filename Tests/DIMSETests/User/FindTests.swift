import DICOM
import NIOCore
import NIOEmbedded
import Testing

@testable import DIMSE

@Suite struct FindTests {
    @Test func theRequestIsOneCFINDOfTheModelAsked() async throws {
        let (archive, association) = try await UserEnd.established()
        let task = Task { await collect(association.find(question(), priority: .low)) }
        let (command, dataSet) = try await archive.sentMessage()
        #expect(command.field == Command.Field.findRequest.rawValue)
        #expect(command.messageID == 1)
        #expect(command.sopClassUID == "1.2.840.10008.5.1.4.1.2.2.1")
        #expect(command.priority == 2)
        #expect(dataSet == (try question().encoded(as: .implicitVRLittleEndian)))
        try await archive.send(findResponse(0x0000))
        #expect(await task.value == ([], nil))
    }

    @Test(.timeLimit(.minutes(1))) func aRequestWhoseTimeHasPassedIsNotSent() async throws {
        let (archive, association) = try await UserEnd.established()
        let late = association.find(question(), within: .milliseconds(60))
        await archive.pass(.milliseconds(61))
        #expect(await collect(late).1?.code == .tooLate)
        #expect(try await archive.hasSentNothingElse())
        // The association is as good as before.
        let task = Task { await collect(association.find(question(), within: .milliseconds(60))) }
        _ = try await archive.sentMessage()
        try await archive.send(findResponse(0x0000))
        #expect(await task.value == ([], nil))
    }

    @Test func anAnswerCutAnywhereIsTheSameAnswer() async throws {
        var answer = ByteBuffer()
        for number in 0..<3 {
            answer.writeImmutableBuffer(
                message(findResponse(number == 1 ? 0xFF01 : 0xFF00), try identifier("1.\(number)")))
        }
        answer.writeImmutableBuffer(message(findResponse(0x0000)))
        for size in [1, 2, 3, 5, 7, 11, 64, 137, answer.readableBytes] {
            let (archive, association) = try await UserEnd.established()
            let task = Task { await collect(association.find(question())) }
            _ = try await archive.sentMessage()
            var rest = answer
            while rest.readableBytes > 0, let part = rest.readSlice(length: min(size, rest.readableBytes)) {
                try await archive.send(part)
            }
            #expect(await task.value == (["1.0", "1.1", "1.2"], nil))
        }
    }

    @Test func unsupportedKeysAreMarkedOnTheMatch() async throws {
        // F7: FF01 is a match like any other.
        let (archive, association) = try await UserEnd.established()
        let task = Task {
            var marks: [Bool] = []
            for try await response in association.find(question()) { marks.append(response.keysUnsupported) }
            return marks
        }
        _ = try await archive.sentMessage()
        try await archive.send(findResponse(0xFF01), try identifier("1.1"))
        try await archive.send(findResponse(0xFF00), try identifier("1.2"))
        try await archive.send(findResponse(0x0000))
        #expect(try await task.value == [true, false])
    }

    @Test func aLateResponseToAnOlderRequestIsPassedOver() async throws {
        // F86
        let (archive, association) = try await UserEnd.established()
        let task = Task { await collect(association.find(question())) }
        _ = try await archive.sentMessage()
        try await archive.send(findResponse(0xFF00, to: 9), try identifier("9.9"))
        try await archive.send(findResponse(0xFF00), try identifier("1.1"))
        try await archive.send(findResponse(0x0000, to: 9))
        try await archive.send(findResponse(0x0000))
        #expect(await task.value == (["1.1"], nil))
    }

    @Test(arguments: [0xFE00, 0xA700, 0xA900, 0xC000, 0xC123, 0x0122, 0x0124, 0xB001] as [UInt16])
    func everyFinalStatusButSuccessThrowsAfterTheMatches(_ status: UInt16) async throws {
        let (archive, association) = try await UserEnd.established()
        let task = Task { await collect(association.find(question())) }
        _ = try await archive.sentMessage()
        try await archive.send(findResponse(0xFF00), try identifier("1.1"))
        try await archive.send(findResponse(status))
        let (uids, error) = await task.value
        #expect(uids == ["1.1"])
        #expect(error?.code == .findFailed)
        #expect(error?.status == status)
        #expect(association.isOpen)
    }

    static let brokenAnswers: [(String, ByteBuffer)] = [
        ("pending without a data set", message(findResponse(0xFF00, hasDataSet: false))),
        (
            "two commands in a row",
            {
                var both = ByteBuffer()
                both.writeImmutableBuffer(message(findResponse(0xFF00, hasDataSet: true)))
                both.writeImmutableBuffer(message(findResponse(0xFF00, hasDataSet: true)))
                return both
            }()
        ),
        ("a request", message(Command(.findRequest, messageID: 1))),
        (
            "a response to C-ECHO",
            {
                var command = Command(.echoResponse, messageID: 1)
                command.status = 0
                return message(command)
            }()
        ),
        ("a response without status", message(Command(.findResponse, messageID: 1))),
        (
            "a data set without a command",
            {
                var buffer = ByteBuffer()
                MessageWriter.writeHeader(length: 8, to: &buffer)
                MessageWriter.writePDV([1, 2], isCommand: false, isLast: true, 3, to: &buffer)
                return buffer
            }()
        ),
        ("A-ASSOCIATE-RQ again", (try? encoded(.associateRequest(sampleRequest()))) ?? ByteBuffer()),
        ("an unknown PDU", ByteBuffer(bytes: [9, 0, 0, 0, 0, 0])),
        (
            "an empty command",
            {
                var buffer = ByteBuffer()
                MessageWriter.writeHeader(length: 6, to: &buffer)
                MessageWriter.writePDV([], isCommand: true, isLast: true, 3, to: &buffer)
                return buffer
            }()
        ),
    ]

    @Test(arguments: brokenAnswers.indices)
    func aBrokenAnswerIsAbortedAndNeverSuccess(_ index: Int) async throws {
        let (archive, association) = try await UserEnd.established()
        let task = Task { await collect(association.find(question())) }
        _ = try await archive.sentMessage()
        try await archive.send(findResponse(0xFF00), try identifier("1.1"))
        try await archive.send(Self.brokenAnswers[index].1)
        let (uids, error) = await task.value
        #expect(uids == ["1.1"], "\(Self.brokenAnswers[index].0)")
        #expect(error?.code == .malformed, "\(Self.brokenAnswers[index].0)")
        #expect(try await archive.sent().kind == .abort)
        #expect(!association.isOpen)
    }

    @Test(arguments: [-1, 0, 1])
    func aPDUMayReachTheLimitAndNoMore(_ excess: Int) async throws {
        let (archive, association) = try await UserEnd.established()
        let task = Task { await collect(association.find(question())) }
        _ = try await archive.sentMessage()
        var header = ByteBuffer()
        MessageWriter.writeHeader(length: PDULimits.user.data + excess, to: &header)
        try await archive.send(header)
        if excess <= 0 {
            #expect(try await archive.hasSentNothingElse())
            try await archive.close()
        }
        #expect(await task.value.error?.code == (excess <= 0 ? .connectionClosed : .limitExceeded))
    }

    @Test func aLossInTheMiddleKeepsTheMatchesAndThrows() async throws {
        // F10
        let (archive, association) = try await UserEnd.established()
        let task = Task { await collect(association.find(question())) }
        _ = try await archive.sentMessage()
        try await archive.send(findResponse(0xFF00), try identifier("1.1"))
        var half = message(findResponse(0xFF00), try identifier("1.2"))
        try await archive.send(half.readSlice(length: half.readableBytes - 3) ?? half)
        try await archive.close()
        let (uids, error) = await task.value
        #expect(uids == ["1.1"])
        #expect(error?.code == .connectionClosed)
    }

    @Test func anAbortOfTheArchiveThrows() async throws {
        let (archive, association) = try await UserEnd.established()
        let task = Task { await collect(association.find(question())) }
        _ = try await archive.sentMessage()
        try await archive.send(.abort(source: 2, reason: 0))
        #expect(await task.value.error?.code == .aborted)
        #expect(!association.isOpen)
    }

    // MARK: Times

    @Test func silenceBetweenResponsesIsAbortedAfterTheResponseTime() async throws {
        let (archive, association) = try await UserEnd.established()
        let task = Task { await collect(association.find(question())) }
        _ = try await archive.sentMessage()
        await archive.pass(.seconds(59))
        try await archive.send(findResponse(0xFF00), try identifier("1.1"))
        await archive.pass(.seconds(59))
        #expect(association.isOpen)
        await archive.pass(.seconds(1))
        let (uids, error) = await task.value
        #expect(uids == ["1.1"])
        #expect(error?.code == .timedOut)
        #expect(try await archive.sent().kind == .abort)
    }

    @Test func aDribblingAnswerIsAbortedAfterTheQueryTime() async throws {
        let (archive, association) = try await UserEnd.established()
        let task = Task { await collect(association.find(question())) }
        _ = try await archive.sentMessage()
        for number in 0..<29 {
            await archive.pass(.seconds(30))
            try await archive.send(findResponse(0xFF00), try identifier("1.\(number)"))
        }
        #expect(association.isOpen)
        await archive.pass(.seconds(30))
        let (uids, error) = await task.value
        #expect(uids.count == 29)
        #expect(error?.code == .timedOut)
    }

    @Test func aQueryTimeShorterThanTheResponseTimeCounts() async throws {
        var timeouts = Timeouts()
        timeouts.query = .seconds(5)
        let (archive, association) = try await UserEnd.established(timeouts: timeouts)
        let task = Task { await collect(association.find(question())) }
        _ = try await archive.sentMessage()
        await archive.pass(.seconds(5))
        #expect(await task.value.error?.code == .timedOut)
    }

    @Test func timesBeyondAnyClockAreNoTrap() async throws {
        var timeouts = Timeouts()
        timeouts.query = .seconds(Int64.max)
        timeouts.response = .seconds(Int64.max)
        let (archive, association) = try await UserEnd.established(timeouts: timeouts)
        let task = Task { await collect(association.find(question())) }
        _ = try await archive.sentMessage()
        try await archive.send(findResponse(0x0000))
        #expect(await task.value == ([], nil))
    }

    @Test func aModelThatWasNotAcceptedIsNotAsked() async throws {
        let (archive, association) = try await UserEnd.established(results: [UserContexts.id(of: .patientStudyOnly): 3])
        let answer = await collect(association.find(question(), model: .patientStudyOnly))
        #expect(answer.error?.code == .noAcceptedContext)
        #expect(try await archive.hasSentNothingElse())
    }

    @Test func aSecondQuestionWhileOneRunsFailsAndHarmsNothing() async throws {
        // F85
        let (archive, association) = try await UserEnd.established()
        let task = Task { await collect(association.find(question())) }
        _ = try await archive.sentMessage()
        #expect(await collect(association.find(question())).error != nil)
        try await archive.send(findResponse(0xFF00), try identifier("1.1"))
        try await archive.send(findResponse(0x0000))
        #expect(await task.value == (["1.1"], nil))
    }

    @Test func aSlowConsumerPausesTheSocketAndNotTheArchivesClock() async throws {
        let (archive, association) = try await UserEnd.established()
        let responses = association.find(question())
        let iterator = responses.makeAsyncIterator()
        _ = try await archive.sentMessage()
        let large = [UInt8](repeating: 0, count: 60_000)
        for _ in 0..<20 { try await archive.send(findResponse(0xFF00), large) }
        #expect(archive.autoRead == false)
        await archive.pass(.seconds(600))
        #expect(association.isOpen)
        try await archive.send(findResponse(0x0000))
        var count = 0
        do {
            var iterator = iterator
            while try await iterator.next() != nil { count += 1 }
        }
        #expect(count == 20)
        await archive.pass(.nanoseconds(0))
        #expect(archive.autoRead == true)
    }

    // MARK: Cancelling

    @Test func cancellingAsksTheArchiveAndReadsOnToItsEnd() async throws {
        // F94: what is under way still comes.
        let (archive, association) = try await UserEnd.established()
        let responses = association.find(question())
        let task = Task { await collect(responses) }
        let (find, _) = try await archive.sentMessage()
        responses.cancel()
        let (cancel, _) = try await archive.sentMessage()
        #expect(cancel.field == 0x0FFF)
        #expect(cancel.messageID == find.messageID)
        try await archive.send(findResponse(0xFF00), try identifier("1.1"))
        try await archive.send(findResponse(0xFE00))
        let (uids, error) = await task.value
        #expect(uids == ["1.1"])
        #expect(error?.status == 0xFE00)
        #expect(association.isOpen)
    }

    @Test func anArchiveThatIgnoresACancellationIsAborted() async throws {
        let (archive, association) = try await UserEnd.established()
        let responses = association.find(question())
        let task = Task { await collect(responses) }
        _ = try await archive.sentMessage()
        responses.cancel()
        _ = try await archive.sentMessage()
        for number in 0..<6 {
            try await archive.send(findResponse(0xFF00), try identifier("1.\(number)"))
            await archive.pass(.seconds(10))
        }
        #expect(await task.value.error?.code == .timedOut)
        #expect(!association.isOpen)
    }

    @Test func aCancelledTaskAbortsItsAssociation() async throws {
        let (archive, association) = try await UserEnd.established()
        let task = Task { await collect(association.find(question())) }
        _ = try await archive.sentMessage()
        task.cancel()
        #expect(await task.value.error?.code == .cancelled)
        #expect(try await archive.sent().kind == .abort)
    }

    // MARK: Small exchanges

    @Test func acknowledgementsAreImmediateOnlyWhileAnswersAreShort() async throws {
        // N1
        let (archive, association) = try await UserEnd.established()
        let task = Task { await collect(association.find(question())) }
        _ = try await archive.sentMessage()
        var armed = 0
        for number in 0..<100 {
            _ = try await archive.hasArmedAcknowledgement()
            try await archive.send(findResponse(0xFF00), try identifier("1.\(number)"))
            if try await archive.hasArmedAcknowledgement() { armed += 1 }
        }
        #expect(armed == 63)
        try await archive.send(findResponse(0x0000))
        #expect(await task.value.uids.count == 100)
    }
}

@Suite struct EchoAndReleaseTests {
    @Test func anEchoEndsWithItsStatus() async throws {
        let (archive, association) = try await UserEnd.established()
        for status in [0x0000, 0x0122] as [UInt16] {
            let task = Task { () -> DIMSEError? in
                do {
                    try await association.echo()
                    return nil
                } catch { return error as? DIMSEError }
            }
            let (command, _) = try await archive.sentMessage()
            var response = Command(.echoResponse, messageID: command.messageID)
            response.status = status
            try await archive.send(response, contextID: 1)
            let error = await task.value
            #expect(error?.status == (status == 0 ? nil : status))
        }
    }

    @Test func aReleaseWaitsForItsAnswer() async throws {
        let (archive, association) = try await UserEnd.established()
        let task = Task { await association.release() }
        #expect(try await archive.sent().kind == .releaseRequest)
        try await archive.send(.releaseResponse)
        await task.value
        #expect(!association.isOpen)
        #expect(try await archive.hasSentNothingElse())
    }

    @Test func aReleaseThatIsNotAnsweredBecomesAnAbort() async throws {
        let (archive, association) = try await UserEnd.established()
        let task = Task { await association.release() }
        #expect(try await archive.sent().kind == .releaseRequest)
        await archive.pass(.seconds(30))
        await task.value
        #expect(try await archive.sent().kind == .abort)
    }

    @Test func anArchiveMayReleaseItself() async throws {
        let (archive, association) = try await UserEnd.established()
        try await archive.send(.releaseRequest)
        #expect(try await archive.sent().kind == .releaseResponse)
        #expect(!association.isOpen)
    }

    @Test func anAssociationThatIsLetGoOfIsAborted() async throws {
        let archive = try await UserEnd.established().0
        #expect(try await archive.sent().kind == .abort)
    }

    @Test func nothingIsWrittenForeverToAPeerThatDoesNotRead() async throws {
        let (archive, association) = try await UserEnd.established()
        try await archive.holdWrites()
        let task = Task { await collect(association.find(question())) }
        try await archive.untilHeld()
        await archive.pass(.seconds(15))
        #expect(await task.value.error?.code == .timedOut)
    }
}
