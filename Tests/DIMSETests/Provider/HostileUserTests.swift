import DICOM
import NIOConcurrencyHelpers
import NIOCore
import NIOEmbedded
import Testing

@testable import DIMSE

/// What users do to a provider, by mistake or on purpose. Whatever it is: the provider is rid of them within a known time,
/// has kept no more than a message of them, and serves the next; there is room for one association only.
@Suite struct HostileUserTests {
    /// What a user does after its association was accepted, and what comes of it.
    struct Behaviour: Sendable, CustomTestStringConvertible {
        var testDescription: String
        /// Seconds of the user's own that it takes at most.
        var seconds = 0
        var act: @Sendable (ProviderEnd) async throws -> Void
    }

    private static func request(_ messageID: UInt16 = 1) -> Command {
        Command(.findRequest, messageID: messageID, sopClassUID: FindModel.studyRoot.rawValue, hasDataSet: true)
    }

    private static func value(
        _ bytes: [UInt8], isCommand: Bool, isLast: Bool = true, contextID: UInt8 = 3
    ) -> ByteBuffer {
        var pdu = ByteBuffer()
        MessageWriter.writeHeader(length: bytes.count + 6, to: &pdu)
        MessageWriter.writePDV(bytes, isCommand: isCommand, isLast: isLast, contextID, to: &pdu)
        return pdu
    }

    static let behaviours: [Behaviour] = [
        Behaviour(testDescription: "never asks", seconds: 30) { _ in },
        Behaviour(testDescription: "asks at one byte a second", seconds: 30) { end in
            var bytes = message(request(), try identifier("1.2"))
            while end.user.channel.isActive, let byte = bytes.readSlice(length: 1) {
                try await end.user.send(byte)
                await end.user.pass(.seconds(1))
            }
        },
        Behaviour(testDescription: "announces an identifier and sends none", seconds: 30) { end in
            try await end.user.send(message(request()))
        },
        Behaviour(testDescription: "closes inside a PDV") { end in
            var bytes = message(request(), try identifier("1.2"))
            try await end.user.send(bytes.readSlice(length: bytes.readableBytes - 3) ?? bytes)
            try await end.user.close()
        },
        Behaviour(testDescription: "never ends its identifier") { end in
            try await end.user.send(message(request()))
            for _ in 0..<100 where end.user.channel.isActive {
                try await end.user.send(value([UInt8](repeating: 0, count: 1_000), isCommand: false, isLast: false))
            }
        },
        Behaviour(testDescription: "never ends its command") { end in
            for _ in 0..<100 where end.user.channel.isActive {
                try await end.user.send(value([UInt8](repeating: 0, count: 1_000), isCommand: true, isLast: false))
            }
        },
        Behaviour(testDescription: "sends fragments without a byte", seconds: 30) { end in
            for _ in 0..<10_000 { try await end.user.send(value([], isCommand: true, isLast: false)) }
        },
        Behaviour(testDescription: "announces 4 GiB") { end in
            var header = ByteBuffer()
            MessageWriter.writeHeader(length: 0xFFFF_FFFF, to: &header)
            try await end.user.send(header)
        },
        Behaviour(testDescription: "sends a data set that no command announced") { end in
            try await end.user.send(value(try identifier("1.2"), isCommand: false))
        },
        Behaviour(testDescription: "asks on a context that it does not have") { end in
            try await end.user.send(message(request(), try identifier("1.2"), contextID: 99))
        },
        Behaviour(testDescription: "asks with C-FIND on Verification's context") { end in
            try await end.user.send(message(request(), try identifier("1.2"), contextID: 1))
        },
        Behaviour(testDescription: "answers") { end in
            try await end.user.send(message(findResponse(0xFF00), try identifier("1.2")))
        },
        Behaviour(testDescription: "wants to store") { end in
            var command = Command(
                .findRequest, messageID: 1, sopClassUID: "1.2.840.10008.5.1.4.1.1.2", hasDataSet: true)
            command.field = 1
            try await end.user.send(message(command, try identifier("1.2")))
        },
        Behaviour(testDescription: "cancels what it never asked, again and again", seconds: 30) { end in
            for _ in 0..<1_000 { try await end.user.send(Command(.cancelRequest, messageID: 77)) }
        },
        Behaviour(testDescription: "asks for its association again") { end in
            try await end.user.send(.associateRequest(try sampleRequest()))
        },
        Behaviour(testDescription: "speaks HTTP") { end in
            try await end.user.send(ByteBuffer(string: "GET / HTTP/1.1\r\n\r\n"))
        },
        Behaviour(testDescription: "never closes after its release", seconds: 10) { end in
            try await end.user.send(.releaseRequest)
        },
        Behaviour(testDescription: "never closes after our abort", seconds: 10) { end in
            try await end.user.send(ByteBuffer(bytes: [9, 0, 0, 0, 0, 0]))
        },
    ]

    @Test(arguments: behaviours)
    func theNextUserIsServed(_ behaviour: Behaviour) async throws {
        var limits = AssociationLimits()
        limits.total = 1
        let associations = OpenAssociations(limits)
        let questions = NIOLockedValueBox(0)
        func end() async throws -> ProviderEnd {
            try await ProviderEnd(among: associations) { _, _ in
                questions.withLockedValue { $0 += 1 }
                return .success
            }
        }
        let hostile = try await end()
        guard case .associateAccept = try await hostile.associate() else {
            Issue.record("not accepted")
            return
        }
        try await behaviour.act(hostile)
        if behaviour.seconds > 0 {
            await hostile.user.pass(.seconds(Int64(behaviour.seconds)) - .nanoseconds(1))
            await hostile.user.pass(.nanoseconds(1))
        }
        #expect(associations.count == 0, "its place is free")
        await hostile.user.pass(.seconds(10))
        #expect(!hostile.user.channel.isActive)
        #expect(questions.withLockedValue { $0 } == 0, "nothing of it was asked")

        let next = try await end()
        guard case .associateAccept = try await next.associate() else {
            Issue.record("the next is not accepted")
            return
        }
        try await next.user.send(Self.request(), try identifier("1.2"))
        #expect(try await next.user.sentMessage().command.status == 0)
    }

    @Test func anAssociationIsAskedForWithinARTIMOrNotAtAll() async throws {
        let end = try await ProviderEnd()
        var bytes = encoded(.associateRequest(try sampleRequest()))
        for _ in 0..<10 {
            #expect(end.user.channel.isActive)
            try await end.user.send(bytes.readSlice(length: 1) ?? bytes)
            await end.user.pass(.seconds(1))
        }
        #expect(!end.user.channel.isActive)
    }

    @Test func aNameOf64KiBIsAQuestionLikeAnother() async throws {
        let length = NIOLockedValueBox(0)
        let end = try await ProviderEnd { request, responder in
            length.withLockedValue { $0 = request.identifier.text(.patientName)?.utf8.count ?? 0 }
            try await responder.send(request.identifier)
            return .success
        }
        _ = try await end.associate()
        var asked = DataSet()
        asked.set(.patientName, String(repeating: "N", count: 65_536 - 8))
        let bytes = try asked.encoded(as: .implicitVRLittleEndian)
        #expect(bytes.count == 65_536)
        try await end.user.send(Self.request(), bytes)
        #expect(try await end.user.sentMessage().dataSet == bytes)
        #expect(length.withLockedValue { $0 } == 65_528)
    }

    @Test func aSecondQuestionWhileOneIsAnsweredEndsBoth() async throws {
        let (left, leaves) = AsyncStream.makeStream(of: Bool.self)
        let end = try await ProviderEnd { _, _ in
            do { try await Task.sleep(for: .seconds(3_600)) } catch { leaves.yield(true) }
            leaves.finish()
            return .success
        }
        _ = try await end.associate()
        try await end.user.send(Self.request(1), try identifier("1.2"))
        try await end.user.send(Self.request(2), try identifier("1.3"))
        #expect(try await end.user.sent().kind == .abort)
        for await wasCancelled in left { #expect(wasCancelled) }
    }

    /// It asks, and does not read what it is answered: no more than one answer waits for it, and not for long.
    @Test(arguments: ["C-ECHO", "C-FIND"])
    func whoAsksWithoutReadingIsAborted(_ question: String) async throws {
        func ask(_ messageID: UInt16) throws -> ByteBuffer {
            question == "C-ECHO"
                ? message(
                    Command(.echoRequest, messageID: messageID, sopClassUID: Verification.sopClassUID), contextID: 1)
                : message(Self.request(messageID), try identifier("1.2"))
        }
        let hasty = try await ProviderEnd()
        _ = try await hasty.associate()
        try await hasty.user.holdWrites()
        try await hasty.user.send(try ask(1))
        try await hasty.user.untilHeld()
        try await hasty.user.send(try ask(2))
        #expect(hasty.user.heldWrites == 2, "an answer, and an abort")
        await hasty.user.pass(.seconds(10))
        #expect(!hasty.user.channel.isActive)

        let slow = try await ProviderEnd()
        _ = try await slow.associate()
        try await slow.user.holdWrites()
        try await slow.user.send(try ask(1))
        try await slow.user.untilHeld()
        await slow.user.pass(.milliseconds(14_999))
        #expect(slow.user.channel.isActive)
        await slow.user.pass(.milliseconds(1))
        #expect(!slow.user.channel.isActive)
    }
}
