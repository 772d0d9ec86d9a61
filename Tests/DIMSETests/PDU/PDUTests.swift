import NIOCore
import Testing

@testable import DIMSE

/// SplitMix64: the same seed gives the same bytes everywhere.
struct SeededGenerator: RandomNumberGenerator {
    var state: UInt64
    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var z = state
        z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
        z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
        return z ^ (z >> 31)
    }
}

func encoded(_ pdu: PDU) -> ByteBuffer {
    var buffer = ByteBuffer()
    pdu.write(to: &buffer)
    return buffer
}

struct EndedTooEarly: Error {}

/// Cuts the first PDU off a stream.
func nextPDU(_ stream: inout ByteBuffer) throws -> (kind: PDU.Kind, body: ByteBuffer) {
    guard let header: (UInt8, UInt8, UInt32) = stream.readMultipleIntegers(), let kind = PDU.Kind(rawValue: header.0),
        let body = stream.readSlice(length: Int(header.2))
    else { throw EndedTooEarly() }
    return (kind, body)
}

func decoded(_ buffer: ByteBuffer) throws -> PDU {
    var buffer = buffer
    let (kind, body) = try nextPDU(&buffer)
    #expect(buffer.readableBytes == 0)
    return try PDU(kind, body: body)
}

func sampleRequest() throws -> AssociateRequest {
    AssociateRequest(
        called: try AETitle("PACSA"), calling: try AETitle("CONCORD"), contexts: UserContexts.proposed)
}

func samplePDUs() throws -> [PDU] {
    let request = try sampleRequest()
    let results = UserContexts.proposed.map {
        ContextResult(result: $0.id == 5 ? 3 : 0, id: $0.id, transferSyntax: "1.2.840.10008.1.2")
    }
    return [
        .associateRequest(request),
        .associateAccept(
            AssociateAccept(called: request.called.padded, calling: request.calling.padded, contexts: results)),
        .associateReject(Rejection(result: 1, source: 1, reason: 7)),
        .releaseRequest, .releaseResponse, .abort(source: 2, reason: 6),
    ]
}

@Suite struct PDUTests {
    @Test func everyPDUReadsBackAsItWasWritten() throws {
        for pdu in try samplePDUs() { #expect(try decoded(encoded(pdu)) == pdu) }
    }

    @Test func fixedPDUsAreThoseOfTheStandard() {
        #expect(Array(encoded(.releaseRequest).readableBytesView) == [5, 0, 0, 0, 0, 4, 0, 0, 0, 0])
        #expect(Array(encoded(.releaseResponse).readableBytesView) == [6, 0, 0, 0, 0, 4, 0, 0, 0, 0])
        #expect(Array(encoded(.abort(source: 2, reason: 1)).readableBytesView) == [7, 0, 0, 0, 0, 4, 0, 0, 2, 1])
        #expect(
            Array(encoded(.associateReject(Rejection(result: 2, source: 3, reason: 2))).readableBytesView)
                == [3, 0, 0, 0, 0, 4, 0, 2, 3, 2])
    }

    @Test func anAssociateRequestHasItsFieldsWhereTheStandardPutsThem() throws {
        let bytes = Array(encoded(.associateRequest(try sampleRequest())).readableBytesView)
        #expect(bytes[0] == 1)
        #expect(Array(bytes[6..<8]) == [0, 1])
        #expect(String(decoding: bytes[10..<26], as: UTF8.self) == "PACSA           ")
        #expect(String(decoding: bytes[26..<42], as: UTF8.self) == "CONCORD         ")
        #expect(bytes[42..<74].allSatisfy { $0 == 0 })
        #expect(Array(bytes[74..<78]) == [0x10, 0, 0, 21])
        #expect(String(decoding: bytes[78..<99], as: UTF8.self) == "1.2.840.10008.3.1.1.1")
        #expect(Array(bytes[99..<101]) == [0x20, 0])
        #expect(bytes[103] == 1)
    }

    @Test func noAsynchronousOperationsAreAskedFor() throws {
        // F86: without item 53H one operation is outstanding, which every archive understands.
        let bytes = Array(encoded(.associateRequest(try sampleRequest())).readableBytesView)
        let user = try #require(bytes.lastIndex(of: 0x50))
        #expect(Array(bytes[user + 4..<user + 12]) == [0x51, 0, 0, 4, 0, 1, 0, 0])
        #expect(!bytes[(user + 4)...].contains(0x53))
    }

    @Test func paddingOfUIDsIsStripped() throws {
        // F76: some stacks end UIDs in NUL.
        var request = try sampleRequest()
        request.contexts = [
            ProposedContext(id: 1, abstractSyntax: "1.2.840.10008.1.1\0", transferSyntaxes: ["1.2.840.10008.1.2\0 "])
        ]
        guard case .associateRequest(let read) = try decoded(encoded(.associateRequest(request))) else {
            Issue.record("another PDU")
            return
        }
        #expect(read.contexts.first?.abstractSyntax == "1.2.840.10008.1.1")
        #expect(read.contexts.first?.transferSyntaxes == ["1.2.840.10008.1.2"])
    }

    @Test func unknownItemsAndUserIdentityAreSkipped() throws {
        // F97: a peer that says who its user is must not be refused for it.
        let plain = encoded(
            .associateAccept(
                AssociateAccept(
                    called: [UInt8](repeating: 32, count: 16), calling: [UInt8](repeating: 32, count: 16),
                    contexts: [])))
        var bytes = Array(plain.readableBytesView)
        bytes += [0x77, 0, 0, 3, 1, 2, 3]
        bytes += [0x50, 0, 0, 18, 0x51, 0, 0, 4, 0, 0, 0x40, 0, 0x59, 0, 0, 2, 0, 0, 0x7F, 0, 0, 0]
        bytes[5] = UInt8(bytes.count - 6)
        guard case .associateAccept(let accept) = try decoded(ByteBuffer(bytes: bytes)) else {
            Issue.record("another PDU")
            return
        }
        #expect(accept.user.maximumLength == 16_384)
    }

    @Test(arguments: [127, 128, 129])
    func noMoreThan128ContextsAreRead(_ count: Int) throws {
        var request = try sampleRequest()
        request.contexts = (0..<count).map {
            ProposedContext(id: UInt8(truncatingIfNeeded: $0 * 2 + 1), abstractSyntax: "1.2", transferSyntaxes: ["1.3"])
        }
        let read = Result { try decoded(encoded(.associateRequest(request))) }
        if count <= 128 {
            #expect(throws: Never.self) { try read.get() }
        } else {
            #expect(throws: DIMSEError(.limitExceeded, "")) { try read.get() }
        }
    }

    @Test func truncatedPDUsAreErrors() throws {
        for pdu in try samplePDUs() {
            let whole = encoded(pdu)
            let kind = try #require(whole.getInteger(at: 0, as: UInt8.self).flatMap(PDU.Kind.init))
            let body = try #require(whole.getSlice(at: 6, length: whole.readableBytes - 6))
            for count in 0..<body.readableBytes {
                let part = try #require(body.getSlice(at: body.readerIndex, length: count))
                // Whole items may be missing; half ones may not. Reading must end either way.
                _ = try? PDU(kind, body: part)
            }
        }
    }

    @Test func mutatedPDUsNeverTrap() throws {
        var random = SeededGenerator(state: 2)
        let samples = try samplePDUs().map { Array(encoded($0).readableBytesView) }
        for _ in 0..<20_000 {
            guard var bytes = samples.randomElement(using: &random) else { continue }
            for _ in 0..<Int.random(in: 1...8, using: &random) {
                let index = Int.random(in: 0..<bytes.count, using: &random)
                switch Int.random(in: 0..<4, using: &random) {
                case 0: bytes[index] = .random(in: 0...255, using: &random)
                case 1: bytes[index] = [0, 1, 0x7F, 0x80, 0xFF].randomElement(using: &random) ?? 0
                case 2: bytes.remove(at: index)
                default: bytes.insert(.random(in: 0...255, using: &random), at: index)
                }
                if bytes.isEmpty { bytes = [0] }
            }
            guard let kind = bytes.first.flatMap(PDU.Kind.init) else { continue }
            let body = ByteBuffer(bytes: bytes.dropFirst(6))
            // What can be read can be written and read again, and is the same.
            if var pdu = try? PDU(kind, body: body) {
                if case .associateRequest(var request) = pdu {
                    request.offersVersion1 = true
                    pdu = .associateRequest(request)
                }
                var buffer = ByteBuffer()
                pdu.write(to: &buffer)
                #expect(try decoded(buffer) == pdu)
            }
        }
    }
}

@Suite struct AETitleTests {
    @Test func paddingIsNotPartOfATitle() throws {
        #expect(try AETitle("  PACS  ").value == "PACS")
        #expect(try AETitle("PACS\0\0").value == "PACS")
        #expect(try AETitle("A B").value == "A B")
        #expect(try AETitle("PACS").padded.count == 16)
    }

    @Test(arguments: ["", " ", "A\\B", "12345678901234567", "MÜNCHEN", "A\tB"])
    func otherTextsAreNone(_ text: String) {
        #expect(throws: DIMSEError(.invalidAETitle, "")) { try AETitle(text) }
    }

    @Test func sixteenCharactersFit() throws { #expect(try AETitle("1234567890123456").padded.count == 16) }
}
