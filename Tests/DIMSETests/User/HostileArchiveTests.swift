import DICOM
import NIOCore
import NIOEmbedded
import Testing

@testable import DIMSE

/// What archives do to a user. Whatever it is: the question ends within a known time, never in Success unless it was one, no
/// match that was received is lost, and the next question is answered: on the same association where it is still good.
@Suite struct HostileArchiveTests {
    struct Behaviour: Sendable, CustomTestStringConvertible {
        var testDescription: String
        var uids: [String] = []
        /// nil: Success.
        var code: DIMSEError.Code?
        /// Of the whole question, at most.
        var seconds: Int64 = 0
        var act: @Sendable (ScriptedPeer) async throws -> Void
    }

    private static let behaviours: [Behaviour] = [
        Behaviour(testDescription: "never answers", code: .timedOut, seconds: 60) { _ in },
        Behaviour(testDescription: "answers at one byte a second", code: .timedOut, seconds: 900) { archive in
            var bytes = message(findResponse(0xFF00), [UInt8](repeating: 0, count: 2_000))
            for _ in 0..<900 {
                guard archive.channel.isActive, let byte = bytes.readSlice(length: 1) else { break }
                try await archive.send(byte)
                await archive.pass(.seconds(1))
            }
        },
        Behaviour(testDescription: "answers another question for ever", code: .timedOut, seconds: 900) { archive in
            for number in 0..<100 where archive.channel.isActive {
                try await archive.send(findResponse(0xFF00, to: 9), try identifier("9.\(number)"))
                await archive.pass(.seconds(30))
            }
        },
        Behaviour(testDescription: "sends a match twice", uids: ["1.1", "1.1"]) { archive in
            for _ in 0..<2 { try await archive.send(findResponse(0xFF00), try identifier("1.1")) }
            try await archive.send(findResponse(0x0000))
        },
        Behaviour(testDescription: "ends twice", uids: ["1.1"]) { archive in
            try await archive.send(findResponse(0xFF00), try identifier("1.1"))
            try await archive.send(findResponse(0x0000))
            try await archive.send(findResponse(0x0000))
        },
        Behaviour(testDescription: "closes between matches", uids: ["1.1"], code: .connectionClosed) { archive in
            try await archive.send(findResponse(0xFF00), try identifier("1.1"))
            try await archive.close()
        },
        Behaviour(testDescription: "releases in the middle", uids: ["1.1"], code: .connectionClosed) { archive in
            try await archive.send(findResponse(0xFF00), try identifier("1.1"))
            try await archive.send(.releaseRequest)
        },
        Behaviour(testDescription: "aborts in the middle", uids: ["1.1"], code: .aborted) { archive in
            try await archive.send(findResponse(0xFF00), try identifier("1.1"))
            try await archive.send(.abort(source: 0, reason: 0))
        },
        Behaviour(testDescription: "never ends a match", code: .limitExceeded) { archive in
            try await archive.send(message(findResponse(0xFF00)))
            var fragment = ByteBuffer()
            MessageWriter.writeHeader(length: 60_006, to: &fragment)
            MessageWriter.writePDV(
                [UInt8](repeating: 0, count: 60_000), isCommand: false, isLast: false, 3, to: &fragment)
            for _ in 0..<80 where archive.channel.isActive { try await archive.send(fragment) }
        },
        Behaviour(testDescription: "announces 4 GiB", code: .limitExceeded) { archive in
            var header = ByteBuffer()
            MessageWriter.writeHeader(length: 0xFFFF_FFFF, to: &header)
            try await archive.send(header)
        },
        Behaviour(testDescription: "speaks HTTP", code: .malformed) { archive in
            try await archive.send(ByteBuffer(string: "HTTP/1.1 400 Bad Request\r\n\r\n"))
        },
        Behaviour(testDescription: "asks us", code: .malformed) { archive in
            try await archive.send(
                Command(.findRequest, messageID: 1, sopClassUID: FindModel.studyRoot.rawValue, hasDataSet: true),
                try identifier("1.1"))
        },
    ]

    @Test(arguments: behaviours)
    func theNextQuestionIsAnswered(_ behaviour: Behaviour) async throws {
        let (archive, association) = try await UserEnd.established()
        let task = Task { await collect(association.find(question())) }
        _ = try await archive.sentMessage()
        try await behaviour.act(archive)
        await archive.pass(.seconds(behaviour.seconds))
        let (uids, error) = await task.value
        #expect(uids == behaviour.uids)
        #expect(error?.code == behaviour.code)
        // Whoever does not close what we aborted is closed.
        if !association.isOpen {
            await archive.pass(.seconds(10))
            #expect(!archive.channel.isActive)
        }
        let (again, next) = association.isOpen ? (archive, association) : try await UserEnd.established()
        let messageID: UInt16 = association.isOpen ? 2 : 1
        let second = Task { await collect(next.find(question())) }
        _ = try await again.sentMessage()
        try await again.send(findResponse(0xFF00, to: messageID), try identifier("2.1"))
        try await again.send(findResponse(0x0000, to: messageID))
        #expect(await second.value == (["2.1"], nil))
    }

    @Test func aCloseAtAnyByteKeepsWhatWasWholeAndIsNeverSuccess() async throws {
        let match = message(findResponse(0xFF00), try identifier("1.1"))
        var answer = match
        answer.writeImmutableBuffer(message(findResponse(0x0000)))
        for cut in 0..<answer.readableBytes {
            let (archive, association) = try await UserEnd.established()
            let task = Task { await collect(association.find(question())) }
            _ = try await archive.sentMessage()
            if cut > 0 { try await archive.send(answer.getSlice(at: answer.readerIndex, length: cut) ?? answer) }
            try await archive.close()
            let (uids, error) = await task.value
            #expect(uids == (cut >= match.readableBytes ? ["1.1"] : []))
            #expect(error?.code == .connectionClosed)
        }
    }

    @Test func whatComesBeforeTheQuestionIsNoAnswerToIt() async throws {
        let (archive, association) = try await UserEnd.established()
        try await archive.send(findResponse(0xFF00), try identifier("9.9"))
        try await archive.send(findResponse(0x0000))
        #expect(association.isOpen)
        let task = Task { await collect(association.find(question())) }
        _ = try await archive.sentMessage()
        try await archive.send(findResponse(0x0000))
        #expect(await task.value == ([], nil))
    }

    @Test func namesOf64KiBArrive() async throws {
        let (archive, association) = try await UserEnd.established()
        let task = Task {
            var lengths: [Int] = []
            for try await response in association.find(question()) {
                lengths.append(try response.record().patientName?.alphabetic.utf8.count ?? 0)
            }
            return lengths
        }
        _ = try await archive.sentMessage()
        var match = DataSet()
        match.set(.studyInstanceUID, "1.2")
        match.set(.patientName, String(repeating: "N", count: 65_536))
        try await archive.send(findResponse(0xFF00), try match.encoded(as: .implicitVRLittleEndian))
        try await archive.send(findResponse(0x0000))
        #expect(try await task.value == [65_536])
    }

    @Test func aMatchThatIsNoDataSetIsTheReadersErrorAndTheNextOneArrives() async throws {
        let (archive, association) = try await UserEnd.established()
        let task = Task {
            var readable: [Bool] = []
            for try await response in association.find(question()) {
                readable.append((try? response.record()) != nil)
            }
            return readable
        }
        _ = try await archive.sentMessage()
        try await archive.send(findResponse(0xFF00), [8, 0, 0x20, 0, 0xFF, 0xFF, 0xFF, 0x7F])
        try await archive.send(findResponse(0xFF00), try identifier("1.1"))
        try await archive.send(findResponse(0x0000))
        #expect(try await task.value == [false, true])
    }

    /// An archive that sends for ever to a consumer that takes nothing: the socket is left alone at 1 MiB.
    @Test(arguments: [-1, 0, 1])
    func oneMebibyteMayWaitAndNoMore(_ excess: Int) async throws {
        let (archive, association) = try await UserEnd.established()
        let responses = association.find(question())
        let iterator = responses.makeAsyncIterator()
        _ = try await archive.sentMessage()
        let part = (ResponseBuffer.highWatermark + excess) / 32
        let rest = ResponseBuffer.highWatermark + excess - part * 31
        for number in 0..<32 {
            #expect(archive.autoRead)
            try await archive.send(
                findResponse(0xFF00), [UInt8](repeating: 0, count: number == 31 ? rest : part))
        }
        #expect(archive.autoRead == (excess < 0))
        withExtendedLifetime(iterator) {}
        association.abort()
    }

    @Test(arguments: [-2, 0, 2])
    func aMatchMayReachFourMebibytesAndNoMore(_ excess: Int) async throws {
        let (archive, association) = try await UserEnd.established()
        let task = Task {
            var bytes: [Int] = []
            for try await response in association.find(question()) { bytes.append(response.identifier.count) }
            return bytes
        }
        _ = try await archive.sentMessage()
        let whole = [UInt8](repeating: 0, count: 4 << 20 + excess)
        try await archive.send(message(findResponse(0xFF00), whole))
        if excess <= 0 {
            try await archive.send(findResponse(0x0000))
            #expect(try await task.value == [whole.count])
        } else {
            await #expect(throws: DIMSEError(.limitExceeded, "")) { try await task.value }
        }
    }

    // MARK: Before the association

    private func failure(to end: UserEnd) async -> DIMSEError? {
        do {
            (try await end.opening.established()).abort()
            return nil
        } catch { return error }
    }

    @Test(arguments: [-1, 0, 1])
    func anAcceptanceMayReachItsLimitAndNoMore(_ excess: Int) async throws {
        let end = try await UserEnd()
        _ = try await end.archive.sent()
        let task = Task { await failure(to: end) }
        var header = ByteBuffer(bytes: [2, 0])
        header.writeInteger(UInt32(65_536 + excess))
        try await end.archive.send(header)
        if excess <= 0 { try await end.archive.close() }
        #expect(await task.value?.code == (excess <= 0 ? .connectionClosed : .limitExceeded))
    }

    @Test func anAcceptanceAtOneByteASecondIsNotWaitedFor() async throws {
        let end = try await UserEnd()
        _ = try await end.archive.sent()
        let task = Task { await failure(to: end) }
        var bytes = encoded(end.accept())
        for _ in 0..<30 {
            try await end.archive.send(bytes.readSlice(length: 1) ?? bytes)
            await end.archive.pass(.seconds(1))
        }
        #expect(await task.value?.code == .timedOut)
        #expect(try await end.archive.sent().kind == .abort)
    }
}
