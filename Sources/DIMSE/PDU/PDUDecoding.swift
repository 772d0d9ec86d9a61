import NIOCore

extension PDU {
    /// Reads the body of a PDU other than P-DATA-TF. Items that we do not know are skipped (PS3.8 §D.2), padding is
    /// stripped from UIDs (F76).
    init(_ kind: Kind, body: ByteBuffer) throws(DIMSEError) {
        var body = body
        switch kind {
        case .associateRequest: self = .associateRequest(try AssociateRequest(&body))
        case .associateAccept: self = .associateAccept(try AssociateAccept(&body))
        case .associateReject:
            let fields = try body.bytes(4, "A-ASSOCIATE-RJ")
            self = .associateReject(Rejection(result: fields[1], source: fields[2], reason: fields[3]))
        case .releaseRequest: self = .releaseRequest
        case .releaseResponse: self = .releaseResponse
        case .abort:
            let fields = try body.bytes(4, "A-ABORT")
            self = .abort(source: fields[2], reason: fields[3])
        case .data: throw DIMSEError(.malformed, "P-DATA-TF out of place")
        }
    }
}

extension ByteBuffer {
    fileprivate mutating func bytes(_ count: Int, _ what: String) throws(DIMSEError) -> [UInt8] {
        guard let bytes = readBytes(length: count) else { throw DIMSEError(.malformed, "\(what) ends too early") }
        return bytes
    }

    /// Type and contents of the next item; nil at the end.
    fileprivate mutating func item() throws(DIMSEError) -> (type: UInt8, contents: ByteBuffer)? {
        guard readableBytes > 0 else { return nil }
        guard let header = readBytes(length: 4),
            let contents = readSlice(length: Int(header[2]) << 8 | Int(header[3]))
        else { throw DIMSEError(.malformed, "an item of A-ASSOCIATE ends too early") }
        return (header[0], contents)
    }

    fileprivate var uid: String {
        var bytes = readableBytesView[...]
        while let last = bytes.last, last == 0 || last == 0x20 { bytes.removeLast() }
        return String(decoding: bytes, as: UTF8.self)
    }
}

extension AssociateRequest {
    fileprivate init(_ body: inout ByteBuffer) throws(DIMSEError) {
        offersVersion1 = try body.bytes(4, "A-ASSOCIATE-RQ")[1] & 1 == 1
        called = try AETitle(String(decoding: try body.bytes(16, "A-ASSOCIATE-RQ"), as: UTF8.self))
        calling = try AETitle(String(decoding: try body.bytes(16, "A-ASSOCIATE-RQ"), as: UTF8.self))
        _ = try body.bytes(32, "A-ASSOCIATE-RQ")
        contexts = []
        while var item = try body.item() {
            switch item.type {
            case 0x20:
                guard contexts.count < 128 else { throw DIMSEError(.limitExceeded, "more than 128 contexts") }
                contexts.append(try ProposedContext(&item.contents))
            case 0x50: user = try UserInformation(&item.contents)
            default: break
            }
        }
    }
}

extension ProposedContext {
    fileprivate init(_ body: inout ByteBuffer) throws(DIMSEError) {
        id = try body.bytes(4, "a presentation context")[0]
        abstractSyntax = ""
        transferSyntaxes = []
        while let item = try body.item() {
            switch item.type {
            case 0x30: abstractSyntax = item.contents.uid
            case 0x40: transferSyntaxes.append(item.contents.uid)
            default: break
            }
        }
    }
}

extension AssociateAccept {
    fileprivate init(_ body: inout ByteBuffer) throws(DIMSEError) {
        _ = try body.bytes(4, "A-ASSOCIATE-AC")
        called = try body.bytes(16, "A-ASSOCIATE-AC")
        calling = try body.bytes(16, "A-ASSOCIATE-AC")
        _ = try body.bytes(32, "A-ASSOCIATE-AC")
        contexts = []
        while var item = try body.item() {
            switch item.type {
            case 0x21:
                guard contexts.count < 128 else { throw DIMSEError(.limitExceeded, "more than 128 contexts") }
                contexts.append(try ContextResult(&item.contents))
            case 0x50: user = try UserInformation(&item.contents)
            default: break
            }
        }
    }
}

extension ContextResult {
    fileprivate init(_ body: inout ByteBuffer) throws(DIMSEError) {
        let fields = try body.bytes(4, "a presentation context")
        id = fields[0]
        result = fields[2]
        transferSyntax = ""
        while let item = try body.item() {
            if item.type == 0x40 { transferSyntax = item.contents.uid }
        }
    }
}

extension UserInformation {
    fileprivate init(_ body: inout ByteBuffer) throws(DIMSEError) {
        self.init(maximumLength: 0, implementationClassUID: "", implementationVersionName: "")
        while var item = try body.item() {
            switch item.type {
            case 0x51: maximumLength = item.contents.readInteger() ?? 0
            case 0x52: implementationClassUID = item.contents.uid
            case 0x55: implementationVersionName = item.contents.uid
            case 0x56:
                guard extendedNegotiations.count < 128 else {
                    throw DIMSEError(.limitExceeded, "more than 128 extended negotiations")
                }
                extendedNegotiations.append(try ExtendedNegotiation(&item.contents))
            default: break
            }
        }
    }
}

extension ExtendedNegotiation {
    fileprivate init(_ body: inout ByteBuffer) throws(DIMSEError) {
        guard let length = body.readInteger(as: UInt16.self), let uid = body.readSlice(length: Int(length)) else {
            throw DIMSEError(.malformed, "an extended negotiation ends too early")
        }
        sopClassUID = uid.uid
        options = body.readBytes(length: body.readableBytes) ?? []
    }
}
