import DICOM
import NIOCore
import NIOEmbedded

@testable import DIMSE

/// What has to hold for any bytes at all: reading ends, and what was read can be written and read again, and is the same.
/// The mutation tests and `scripts/fuzz` share it.
enum RoundTrip: String, CaseIterable, Sendable {
    /// A direction of a connection.
    case pdu
    case command
    case dataset

    struct Broken: Error, CustomStringConvertible {
        var description: String
    }

    func check(_ bytes: [UInt8]) throws {
        switch self {
        case .pdu:
            try Self.checkStream(bytes)
            try Self.answerUser(with: bytes)
        case .command: try Self.checkCommand(bytes)
        case .dataset: for syntax in TransferSyntax.allCases { try Self.checkDataSet(bytes, syntax) }
        }
    }

    // MARK: PDUs

    private static func checkStream(_ bytes: [UInt8]) throws {
        var stream = ByteBuffer(bytes: bytes)
        var assembler = MessageAssembler(limit: DataSetLimits.scp.bytes)
        while let header: (UInt8, UInt8, UInt32) = stream.readMultipleIntegers(),
            let kind = PDU.Kind(rawValue: header.0),
            PDULimits.provider.allows(kind, length: Int(header.2)), var body = stream.readSlice(length: Int(header.2))
        {
            if kind == .data {
                var commands: [Command] = []
                try? assembler.take(&body) { (part) throws(DIMSEError) in
                    if case .command(let command, _) = part { commands.append(command) }
                }
                for command in commands { try check(command) }
            } else if let read = try? PDU(kind, body: body) {
                let written = read.normalised
                guard try reread(written) == written else { throw Broken(description: "\(kind) changes on its way") }
            }
        }
    }

    private static func reread(_ pdu: PDU) throws -> PDU {
        var buffer = ByteBuffer()
        pdu.write(to: &buffer)
        guard let header: (UInt8, UInt8, UInt32) = buffer.readMultipleIntegers(),
            let kind = PDU.Kind(rawValue: header.0)
        else { throw Broken(description: "no header") }
        return try PDU(kind, body: buffer)
    }

    /// The bytes as an archive's: the first PDU answers the association's request, the rest a question.
    private static func answerUser(with bytes: [UInt8]) throws {
        let channel = EmbeddedChannel()
        let peer = Peer(host: "-", port: 104, called: try AETitle("PACSA"), calling: try AETitle("CONCORD"))
        let opened = channel.eventLoop.makePromise(of: AssociateAccept.self)
        let session = UserSession(peer: peer, asking: .relational, opened: opened, isOpen: OpenFlag())
        let layer = UpperLayer(role: .requestor, user: session, limits: .user)
        try channel.pipeline.syncOperations.addHandler(layer)
        channel.connect(to: try SocketAddress(ipAddress: "127.0.0.1", port: 104), promise: nil)
        let first = bytes.count >= 6 ? bytes[2..<6].reduce(0) { $0 << 8 | Int($1) } + 6 : bytes.count
        let cut = min(max(0, first), bytes.count)
        _ = try? channel.writeInbound(ByteBuffer(bytes: bytes[..<cut]))
        let answer = ResponseBuffer(resume: {}, abandon: {})
        var question = DataSet()
        question.set(.queryRetrieveLevel, "STUDY")
        session.find(question, model: .studyRoot, priority: .low, sendBy: nil, into: answer, layer)
        _ = try? channel.writeInbound(ByteBuffer(bytes: bytes[cut...]))
        layer.abort(DIMSEError(.cancelled, "over"))
        _ = try? channel.finish(acceptAlreadyClosed: true)
    }

    // MARK: Commands and data sets

    private static func checkCommand(_ bytes: [UInt8]) throws {
        guard let read = try? bytes.withUnsafeBytes({ try Command($0) }) else { return }
        try check(read)
    }

    private static func check(_ read: Command) throws {
        // An Error Comment is written in the default repertoire, and cut; once that is done, nothing changes any more.
        let first = try reread(read)
        var expected = read
        expected.errorComment = first.errorComment
        guard first == expected, try reread(first) == first else { throw Broken(description: "a command set changes") }
    }

    private static func reread(_ command: Command) throws -> Command {
        var buffer = ByteBuffer()
        command.write(to: &buffer)
        return try buffer.withUnsafeReadableBytes { try Command($0) }
    }

    private static func checkDataSet(_ bytes: [UInt8], _ negotiated: TransferSyntax) throws {
        _ = try? StudyRecord(decoding: bytes, as: negotiated, defaultCharacterSet: .latin1)
        guard let read = try? DataSet(decoding: bytes, as: negotiated) else { return }
        _ = SeriesRecord(read)
        _ = try? StudyQuery(identifier: read)
        // Written as it was read: the other syntax has other VRs.
        let actual = TransferSyntax.allCases.first { ($0 != negotiated) == read.leniencies.otherSyntax } ?? negotiated
        // Not everything that may be read may be written: 65,535 bytes are made even.
        guard let written = try? read.encoded(as: actual) else { return }
        let again = try DataSet(decoding: written, as: actual)
        guard try again.encoded(as: actual) == written, again.elements.map(\.tag) == read.elements.map(\.tag) else {
            throw Broken(description: "a data set changes on its way")
        }
    }
}

extension PDU {
    /// What we do not write: another protocol version, and titles of bytes that are none.
    fileprivate var normalised: PDU {
        guard case .associateRequest(var request) = self else { return self }
        request.offersVersion1 = true
        return .associateRequest(request)
    }
}
