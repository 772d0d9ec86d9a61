import DICOM

/// How far a Repository Query has come (PS3.4 §C.6.4, F9): an archive that takes them sends its matches in an order of its
/// own, each with such a key, and goes on after any of them, where its answer has reached its limit or was lost.
package struct RecordKey: Sendable, Hashable {
    /// Opaque.
    private let bytes: [UInt8]

    /// Before the first record.
    package static let start = RecordKey(bytes: [])

    private init(bytes: [UInt8]) { self.bytes = bytes }

    /// nil: the match has none, and cannot be gone on after.
    package init?(of match: DataSet) {
        guard case .bytes(let key)? = match[.recordKey]?.content, !key.isEmpty else { return nil }
        bytes = Array(key)
    }

    /// Makes a question one for the records that come after this one, with their keys; to be asked in
    /// `FindModel.repository`. Where it ends in B001 there are more; in A710 the archive does not know the key any more.
    package func ask(in question: inout DataSet) {
        question.setBytes(.recordKey, vr: .OB, [])
        if !bytes.isEmpty { question.setBytes(.priorRecordKey, vr: .OB, bytes) }
    }
}

extension Tag {
    package static let recordKey = Tag(0x0008, 0x041B)
    package static let priorRecordKey = Tag(0x0008, 0x041C)
}
