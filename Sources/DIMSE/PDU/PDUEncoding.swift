import NIOCore

extension PDU {
    func write(to buffer: inout ByteBuffer) {
        switch self {
        case .associateRequest(let request):
            Self.frame(.associateRequest, &buffer) { buffer in
                Self.writeTitles(request.called.padded, request.calling.padded, to: &buffer)
                for context in request.contexts {
                    Self.item(0x20, &buffer) { buffer in
                        buffer.writeBytes([context.id, 0, 0, 0])
                        Self.text(0x30, context.abstractSyntax, &buffer)
                        for syntax in context.transferSyntaxes { Self.text(0x40, syntax, &buffer) }
                    }
                }
                request.user.write(to: &buffer)
            }
        case .associateAccept(let accept):
            Self.frame(.associateAccept, &buffer) { buffer in
                Self.writeTitles(accept.called, accept.calling, to: &buffer)
                for context in accept.contexts {
                    Self.item(0x21, &buffer) { buffer in
                        buffer.writeBytes([context.id, 0, context.result, 0])
                        Self.text(0x40, context.transferSyntax, &buffer)
                    }
                }
                accept.user.write(to: &buffer)
            }
        case .associateReject(let rejection):
            Self.frame(.associateReject, &buffer) {
                $0.writeBytes([0, rejection.result, rejection.source, rejection.reason])
            }
        case .releaseRequest: Self.frame(.releaseRequest, &buffer) { $0.writeBytes([0, 0, 0, 0]) }
        case .releaseResponse: Self.frame(.releaseResponse, &buffer) { $0.writeBytes([0, 0, 0, 0]) }
        case .abort(let source, let reason):
            Self.frame(.abort, &buffer) { $0.writeBytes([0, 0, source, reason]) }
        }
    }

    private static func frame(_ kind: Kind, _ buffer: inout ByteBuffer, _ body: (inout ByteBuffer) -> Void) {
        buffer.writeInteger(kind.rawValue)
        buffer.writeInteger(UInt8(0))
        let lengthIndex = buffer.writerIndex
        buffer.writeInteger(UInt32(0))
        body(&buffer)
        buffer.setInteger(UInt32(buffer.writerIndex - lengthIndex - 4), at: lengthIndex)
    }

    private static func writeTitles(_ called: [UInt8], _ calling: [UInt8], to buffer: inout ByteBuffer) {
        buffer.writeInteger(UInt16(1))
        buffer.writeInteger(UInt16(0))
        buffer.writeBytes(called)
        buffer.writeBytes(calling)
        buffer.writeRepeatingByte(0, count: 32)
        text(0x10, Implementation.applicationContext, &buffer)
    }

    fileprivate static func item(_ type: UInt8, _ buffer: inout ByteBuffer, _ body: (inout ByteBuffer) -> Void) {
        buffer.writeInteger(type)
        buffer.writeInteger(UInt8(0))
        let lengthIndex = buffer.writerIndex
        buffer.writeInteger(UInt16(0))
        body(&buffer)
        buffer.setInteger(UInt16(truncatingIfNeeded: buffer.writerIndex - lengthIndex - 2), at: lengthIndex)
    }

    fileprivate static func text(_ type: UInt8, _ text: String, _ buffer: inout ByteBuffer) {
        item(type, &buffer) { $0.writeString(text) }
    }
}

extension UserIdentity {
    /// No positive response is asked for: archives that do not know the item do not give one (PS3.7 §D.3.3.7.1).
    fileprivate func write(to buffer: inout ByteBuffer) {
        buffer.writeBytes([passcode == nil ? 1 : 2, 0])
        for field in [name, passcode ?? ""] {
            buffer.writeInteger(UInt16(truncatingIfNeeded: field.utf8.count))
            buffer.writeString(field)
        }
    }
}

extension UserInformation {
    fileprivate func write(to buffer: inout ByteBuffer) {
        PDU.item(0x50, &buffer) { buffer in
            PDU.item(0x51, &buffer) { $0.writeInteger(maximumLength) }
            PDU.text(0x52, implementationClassUID, &buffer)
            PDU.text(0x55, implementationVersionName, &buffer)
            for negotiation in extendedNegotiations {
                PDU.item(0x56, &buffer) { buffer in
                    buffer.writeInteger(UInt16(truncatingIfNeeded: negotiation.sopClassUID.utf8.count))
                    buffer.writeString(negotiation.sopClassUID)
                    buffer.writeBytes(negotiation.options)
                }
            }
            if let identity { PDU.item(0x58, &buffer) { identity.write(to: &$0) } }
        }
    }
}
