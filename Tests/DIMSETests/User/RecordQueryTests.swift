import DICOM
import Testing

@testable import DIMSE

@Suite struct RecordQueryTests {
    private func record(_ number: UInt8) throws -> [UInt8] {
        var match = DataSet()
        match.set(.studyInstanceUID, "1.2.\(number)")
        match.setBytes(Tag(0x0008, 0x041B), vr: .OB, [number, 0])
        return try match.encoded(as: .implicitVRLittleEndian)
    }

    /// The key that our end asks to go on after.
    private func priorKey(_ archive: ScriptedPeer) async throws -> [UInt8]? {
        let (command, bytes) = try await archive.sentMessage()
        #expect(command.sopClassUID == FindModel.repository.rawValue)
        let asked = try DataSet(decoding: bytes ?? [], as: .implicitVRLittleEndian)
        #expect(asked[Tag(0x0008, 0x041B)] != nil, "keys have to be asked for")
        guard case .bytes(let key)? = asked[Tag(0x0008, 0x041C)]?.content else { return nil }
        return Array(key)
    }

    private struct Ended: Sendable {
        var uids: [String] = []
        var lastKey: [UInt8]?
        var error: DIMSEError?
    }

    private func run(_ query: RecordQuery, on association: Association) -> Task<Ended, Never> {
        Task {
            var query = query
            var ended = Ended()
            do {
                try await query.run(on: association) { ended.uids.append(try $0.record().studyInstanceUID) }
            } catch { ended.error = error as? DIMSEError }
            ended.lastKey = query.lastKey
            return ended
        }
    }

    @Test func anAnswerThatReachedTheLimitIsGoneOnWithAfterItsLastKey() async throws {
        let (archive, association) = try await UserEnd.established()
        let task = run(RecordQuery(question()), on: association)
        #expect(try await priorKey(archive) == nil)
        for number in [1, 2] as [UInt8] { try await archive.send(findResponse(0xFF00), record(number), contextID: 9) }
        try await archive.send(findResponse(0xB001), contextID: 9)
        #expect(try await priorKey(archive) == [2, 0])
        try await archive.send(findResponse(0xFF00, to: 2), record(3), contextID: 9)
        try await archive.send(findResponse(0x0000, to: 2), contextID: 9)
        let ended = await task.value
        #expect(ended.uids == ["1.2.1", "1.2.2", "1.2.3"])
        #expect(ended.error == nil)
        #expect(association.isOpen)
    }

    @Test func aLossLeavesTheKeyToGoOnAfterOnANewAssociation() async throws {
        let (archive, association) = try await UserEnd.established()
        let task = run(RecordQuery(question()), on: association)
        _ = try await priorKey(archive)
        try await archive.send(findResponse(0xFF00), record(7), contextID: 9)
        try await archive.close()
        let ended = await task.value
        #expect(ended.error?.code == .connectionClosed)
        #expect(ended.lastKey == [7, 0])

        let (next, second) = try await UserEnd.established()
        let rest = run(RecordQuery(question(), after: ended.lastKey), on: second)
        #expect(try await priorKey(next) == [7, 0])
        try await next.send(findResponse(0xA710), contextID: 9)
        #expect(await rest.value.error?.status == 0xA710, "a key that the archive has forgotten")
    }

    @Test func anArchiveThatGoesInCirclesIsNotAskedForEver() async throws {
        let (archive, association) = try await UserEnd.established()
        let task = run(RecordQuery(question()), on: association)
        for messageID in 1...3 as ClosedRange<UInt16> {
            _ = try await priorKey(archive)
            try await archive.send(
                findResponse(0xFF00, to: messageID), record(messageID == 2 ? 2 : 1), contextID: 9)
            try await archive.send(findResponse(0xB001, to: messageID), contextID: 9)
        }
        #expect(await task.value.error?.status == 0xB001)
        #expect(try await archive.hasSentNothingElse())
    }

    @Test func aLimitBeforeTheFirstMatchIsAnError() async throws {
        let (archive, association) = try await UserEnd.established()
        let task = run(RecordQuery(question()), on: association)
        _ = try await priorKey(archive)
        try await archive.send(findResponse(0xB001), contextID: 9)
        #expect(await task.value.error?.status == 0xB001)
    }

    @Test func aMatchWithoutAKeyCannotBeGoneOnAfter() async throws {
        let (archive, association) = try await UserEnd.established()
        let task = run(RecordQuery(question()), on: association)
        _ = try await priorKey(archive)
        try await archive.send(findResponse(0xFF00), identifier("1.2"), contextID: 9)
        #expect(await task.value.error?.code == .malformed)
    }
}
