import DICOM

/// A study of an answer, by the texts of its copies. What the publisher has concluded from them is stored beside them, and not
/// concluded again.
struct ShownStudy {
    private struct Copy {
        let rank: Int
        let source: ShardSource
        /// Empty: the patient that the study is consolidated under.
        let patient: String
        /// In the order of `AttributeDictionary.observation`.
        var texts: [String?]
    }

    /// The best first.
    private let copies: [Copy]

    /// - Parameter rows: what `selection` has selected of a study.
    init(_ rows: SQLiteStatement, uid: String, in shard: OpenShard) throws {
        var copies: [Copy] = []
        while try rows.step() {
            guard let id = rows.int(0), let source = shard.sources[id], let rank = shard.ranks[id] else { continue }
            var texts: [String?] = [uid]
            texts.reserveCapacity(AttributeDictionary.observation.count)
            for column in 2..<rows.columnCount { texts.append(rows.text(column)) }
            copies.append(Copy(rank: rank, source: source, patient: rows.text(1) ?? "", texts: texts))
        }
        if copies.count > 1 { copies.sort { $0.rank < $1.rank } }
        self.copies = copies
    }

    /// By the study's key. The issuer is the effective one.
    static let selection: String = {
        let texts = AttributeDictionary.observation.dropFirst().map { attribute in
            let name = attribute.column ?? ""
            return ShardKeyCondition.columns[name] ?? name
        }
        return """
            SELECT source_id, other_patient, \(texts.joined(separator: ", "))
            FROM observation INDEXED BY observation_study WHERE study_id = ?
            """
    }()

    /// As an answer shows what was found in the copy of that source: the patient group is this copy's, the rest the study's, or
    /// for another patient's copy its own. nil: it has no such copy.
    func found(in rank: Int) -> CatalogStudy? {
        guard let found = copies.first(where: { $0.rank == rank }) else { return nil }
        var texts = found.texts
        if copies.count > 1, found.patient.isEmpty {
            for ordinal in Self.consolidated { texts[ordinal] = first(ordinal) }
        }
        return CatalogStudy(
            record: StudyRecord(texts: texts),
            holders: copies.filter { $0.patient == found.patient }.map(\.source.aeTitle))
    }

    /// Of the first copy that returned one; empty where it was returned empty only.
    private func first(_ ordinal: Int) -> String? {
        var empty: String?
        for copy in copies {
            guard let text = copy.texts[ordinal] else { continue }
            if !text.isEmpty { return text }
            empty = text
        }
        return empty
    }

    private static let consolidated = AttributeDictionary.observation.indices.filter {
        !Consolidation.patientGroup.contains(AttributeDictionary.observation[$0].tag)
    }
}
