import DICOM
import NIOCore
import Testing

@testable import DIMSE

/// What an assembler handed on, comparable.
enum Assembled: Equatable {
    case command(Command, UInt8)
    case dataSet([UInt8], UInt8)

    init(_ part: MessageAssembler.Part) {
        switch part {
        case .command(let command, let contextID): self = .command(command, contextID)
        case .dataSet(let bytes, let contextID): self = .dataSet(bytes, contextID)
        }
    }
}

private func pendingResponse() -> Command {
    var command = Command(.findResponse, messageID: 7, sopClassUID: FindModel.studyRoot.rawValue, hasDataSet: true)
    command.status = 0xFF00
    return command
}

private func bytes(of command: Command) -> [UInt8] {
    var buffer = ByteBuffer()
    command.write(to: &buffer)
    return Array(buffer.readableBytesView)
}

private func value(_ fragment: some Collection<UInt8>, isCommand: Bool, isLast: Bool, _ context: UInt8 = 3)
    -> ByteBuffer
{
    var buffer = ByteBuffer()
    MessageWriter.writePDV(fragment, isCommand: isCommand, isLast: isLast, context, to: &buffer)
    return buffer
}

private func assemble(_ bodies: [ByteBuffer], limit: Int = 1 << 20) throws -> [Assembled] {
    var assembler = MessageAssembler(limit: limit)
    var parts: [Assembled] = []
    for var body in bodies { try assembler.take(&body) { (part) throws(DIMSEError) in parts.append(Assembled(part)) } }
    return parts
}

@Suite struct MessageAssemblerTests {
    private let identifier = [UInt8]((0..<41).map { UInt8($0) })

    @Test func aMessageCutAtAnyByteIsTheSameMessage() throws {
        let command = pendingResponse()
        let encoded = bytes(of: command)
        for cut in 0...encoded.count {
            for dataCut in 0...identifier.count {
                let bodies = [
                    value(encoded[..<cut], isCommand: true, isLast: false),
                    value(encoded[cut...], isCommand: true, isLast: true),
                    value(identifier[..<dataCut], isCommand: false, isLast: false),
                    value(identifier[dataCut...], isCommand: false, isLast: true),
                ]
                #expect(try assemble(bodies) == [.command(command, 3), .dataSet(identifier, 3)])
            }
        }
    }

    @Test(arguments: 1...6)
    func severalValuesInOnePDUAreReadAlike(_ perPDU: Int) throws {
        // F88: command and data set together, the end of one and the start of the next.
        let command = pendingResponse()
        let encoded = bytes(of: command)
        let values = (0..<4).flatMap { _ in
            [
                value(encoded[..<9], isCommand: true, isLast: false),
                value(encoded[9...], isCommand: true, isLast: true),
                value(identifier[..<1], isCommand: false, isLast: false),
                value(identifier[1...], isCommand: false, isLast: true),
            ]
        }
        let bodies = stride(from: 0, to: values.count, by: perPDU).map { start in
            values[start..<min(start + perPDU, values.count)].reduce(into: ByteBuffer()) { $0.writeImmutableBuffer($1) }
        }
        let expected = (0..<4).flatMap { _ in [Assembled.command(command, 3), .dataSet(identifier, 3)] }
        #expect(try assemble(bodies) == expected)
    }

    @Test(arguments: [-1, 0, 1])
    func aDataSetMayReachTheLimitAndNoMore(_ excess: Int) throws {
        let limit = 1_000
        let whole = [UInt8](repeating: 0, count: limit + excess)
        for bodies in [
            [value(whole, isCommand: false, isLast: true)],
            [
                value(whole[..<500], isCommand: false, isLast: false),
                value(whole[500...], isCommand: false, isLast: true),
            ],
        ] {
            if excess <= 0 {
                #expect(try assemble(bodies, limit: limit) == [.dataSet(whole, 3)])
            } else {
                #expect(throws: DIMSEError(.limitExceeded, "")) { try assemble(bodies, limit: limit) }
            }
        }
    }

    @Test func fragmentsThatNeverEndAreRefused() {
        // F89
        let bodies = (0..<100).map { _ in value([UInt8](repeating: 0, count: 100), isCommand: false, isLast: false) }
        #expect(throws: DIMSEError(.limitExceeded, "")) { try assemble(bodies, limit: 5_000) }
    }

    @Test func fragmentsOfTwoMessagesDoNotMix() {
        let start = value([0, 0], isCommand: true, isLast: false)
        for other in [
            value([0, 0], isCommand: false, isLast: true), value([0, 0], isCommand: true, isLast: true, 5),
        ] {
            #expect(throws: DIMSEError(.malformed, "")) { try assemble([start, other]) }
        }
    }

    @Test(
        arguments: [
            [0, 0, 0, 1, 3], [0, 0, 0, 0], [0, 0, 0], [0, 0, 0, 9, 3, 2, 1], [0xFF, 0xFF, 0xFF, 0xFF, 3, 2],
        ] as [[UInt8]])
    func aValueThatDoesNotFitItsPDUIsMalformed(_ bytes: [UInt8]) {
        #expect(throws: DIMSEError(.malformed, "")) { try assemble([ByteBuffer(bytes: bytes)]) }
    }

    @Test func mutatedPDUsNeverTrap() throws {
        var random = SeededGenerator(state: 3)
        let command = bytes(of: pendingResponse())
        var body = value(command, isCommand: true, isLast: true)
        body.writeImmutableBuffer(value(identifier, isCommand: false, isLast: true))
        let sample = Array(body.readableBytesView)
        for _ in 0..<20_000 {
            var mutated = sample
            for _ in 0..<Int.random(in: 1...6, using: &random) {
                mutated[Int.random(in: 0..<mutated.count, using: &random)] = .random(in: 0...255, using: &random)
            }
            _ = try? assemble([ByteBuffer(bytes: mutated)])
        }
    }
}

@Suite struct MessageWriterTests {
    @Test(arguments: [8, 9, 16, 127, 128, 16_384, 65_536])
    func noPDUExceedsWhatThePeerReads(_ limit: Int) throws {
        let identifier = [UInt8](repeating: 7, count: 300)
        var pdus = ByteBuffer()
        MessageWriter.write(pendingResponse(), dataSet: identifier, contextID: 3, bodyLimit: limit, to: &pdus)
        var bodies: [ByteBuffer] = []
        while pdus.readableBytes > 0 {
            let (kind, body) = try nextPDU(&pdus)
            #expect(kind == .data)
            #expect(body.readableBytes <= limit)
            #expect(body.readableBytes % 2 == 0)
            bodies.append(body)
        }
        #expect(try assemble(bodies) == [.command(pendingResponse(), 3), .dataSet(identifier, 3)])
    }

    @Test func zeroMeansNoLimitAndIsNotTakenAtItsWord() {
        // F87
        #expect(MessageWriter.bodyLimit(peerMaximum: 0) == 65_536)
        #expect(MessageWriter.bodyLimit(peerMaximum: .max) == 65_536)
        #expect(MessageWriter.bodyLimit(peerMaximum: 16_384) == 16_384)
    }
}

@Suite struct CommandTests {
    @Test func commandsReadBackAsTheyWereWritten() throws {
        var failed = Command(.findResponse, messageID: 65_535, sopClassUID: FindModel.patientRoot.rawValue)
        failed.status = 0xA900
        failed.errorComment = "key not supported"
        failed.offendingElements = [.studyDate, .studyTime]
        var asked = Command(.findRequest, messageID: 1, sopClassUID: FindModel.studyRoot.rawValue, hasDataSet: true)
        asked.priority = 2
        for command in [failed, asked, pendingResponse(), Command(.cancelRequest, messageID: 3)] {
            #expect(try bytes(of: command).withUnsafeBytes { try Command($0) } == command)
        }
    }

    @Test func anEchoRequestIsTheStandards() {
        #expect(
            bytes(of: Command(.echoRequest, messageID: 1, sopClassUID: Verification.sopClassUID)) == [
                0, 0, 0, 0, 4, 0, 0, 0, 56, 0, 0, 0,
                0, 0, 2, 0, 18, 0, 0, 0,
            ] + Array("1.2.840.10008.1.1\0".utf8) + [
                0, 0, 0, 1, 2, 0, 0, 0, 0x30, 0,
                0, 0, 0x10, 1, 2, 0, 0, 0, 1, 0,
                0, 0, 0, 8, 2, 0, 0, 0, 1, 1,
            ])
    }

    @Test func everyLengthOfACommandIsEven() throws {
        var failed = Command(.findResponse, messageID: 1)
        failed.status = 0xC000
        for comment in ["odd", "even", "übergroß", String(repeating: "x", count: 99)] {
            failed.errorComment = comment
            #expect(bytes(of: failed).count % 2 == 0)
        }
        #expect(try bytes(of: failed).withUnsafeBytes { try Command($0) }.errorComment?.count == 64)
    }
}
