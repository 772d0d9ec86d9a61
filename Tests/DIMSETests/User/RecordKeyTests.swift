import DICOM
import Testing

@testable import DIMSE

@Suite struct RecordKeyTests {
    private func record(_ key: [UInt8]) throws -> DataSet {
        var match = DataSet()
        match.set(.studyInstanceUID, "1.2.3")
        match.setBytes(.recordKey, vr: .OB, key)
        return match
    }

    /// As it arrives at the archive.
    private func asked(_ key: RecordKey) throws -> DataSet {
        var question = question()
        key.ask(in: &question)
        return try DataSet(decoding: question.encoded(as: .implicitVRLittleEndian), as: .implicitVRLittleEndian)
    }

    @Test func aQuestionFromTheBeginningWantsKeysAndNamesNone() throws {
        let question = try asked(.start)
        #expect(question[.recordKey] != nil, "keys have to be asked for")
        #expect(question[.priorRecordKey] == nil)
    }

    @Test func aQuestionIsGoneOnWithAfterTheKeyThatAMatchHas() throws {
        let key = try #require(try RecordKey(of: record([7, 0, 255, 1])))
        let question = try asked(key)
        #expect(question[.recordKey] != nil)
        guard case .bytes(let prior)? = question[.priorRecordKey]?.content else {
            Issue.record("no key to go on after")
            return
        }
        #expect(Array(prior) == [7, 0, 255, 1])
    }

    @Test func aMatchWithoutAKeyCannotBeGoneOnAfter() throws {
        #expect(try RecordKey(of: record([])) == nil)
        #expect(RecordKey(of: DataSet()) == nil)
    }

    @Test func aRepositoryQueryIsAskedInItsOwnModel() async throws {
        let (archive, association) = try await UserEnd.established()
        let task = Task {
            try await association.find(question(), model: .repository).reduce(0) { count, _ in count + 1 }
        }
        let (command, _) = try await archive.sentMessage()
        #expect(command.sopClassUID == FindModel.repository.rawValue)
        try await archive.send(findResponse(0xFF00), record([1]).encoded(as: .implicitVRLittleEndian), contextID: 9)
        try await archive.send(findResponse(0xB001), contextID: 9)
        let error = await #expect(throws: DIMSEError.self) { _ = try await task.value }
        #expect(error?.status == 0xB001)
        #expect(association.isOpen, "the next page is asked on it")
    }
}
