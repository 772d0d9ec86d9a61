import DICOM

extension Reconciler {
    /// The same examination under two Study Instance UIDs (F163): same issuer and Patient ID, same accession number, same
    /// study date, a modality in common. Placeholders, and values that lost characters, prove nothing (F175).
    ///
    /// - Parameter candidates: copies of several studies that may belong together. A group that the index selected, or
    ///   many groups: what does not match is not paired.
    /// - Returns: one row per pair of studies, by UID.
    package static func probableCopies(among candidates: [Copy]) -> [Discrepancy] {
        var examinations: [Examination: [Copy]] = [:]
        for copy in candidates {
            if let examination = Examination(copy) { examinations[examination, default: []].append(copy) }
        }
        return examinations.values.flatMap(pairs).sorted {
            ($0.studyUID, $0.otherUID ?? "") < ($1.studyUID, $1.otherUID ?? "")
        }
    }

    private static func pairs(of copies: [Copy]) -> [Discrepancy] {
        let studies = Dictionary(grouping: copies, by: \.record.studyInstanceUID)
        let uids = studies.keys.sorted()
        return uids.enumerated().flatMap { index, uid in
            // A key that very many studies share, such as an accession number for a whole day, would make a row for each
            // two of them: each is then paired with the first only.
            let others = uids.count <= largestGroup || index == 0 ? uids[(index + 1)...] : []
            return others.compactMap { pair(studies[uid] ?? [], studies[$0] ?? []) }
        }
    }

    private static let largestGroup = 16

    private static func pair(_ ones: [Copy], _ others: [Copy]) -> Discrepancy? {
        func matches(_ copy: Copy, _ others: [Copy]) -> Bool {
            let modalities = Set(copy.record.modalities)
            return others.contains { !modalities.isDisjoint(with: $0.record.modalities) }
        }
        let left = ones.filter { matches($0, others) }.sorted { $0.source < $1.source }
        let right = others.filter { matches($0, ones) }.sorted { $0.source < $1.source }
        guard let one = left.first, let other = right.first else { return nil }
        let tags: [Tag] = [
            .patientName, .patientID, .accessionNumber, .studyDate, .studyTime, .modalitiesInStudy,
            .numberOfStudyRelatedInstances,
        ]
        return Discrepancy(
            .probableCopy, .minor, studyUID: one.record.studyInstanceUID, otherUID: other.record.studyInstanceUID,
            sources: names(of: left + right), values: (left + right).map { FrozenCopy($0, tags) },
            explanation:
                "Two Study Instance UIDs for what is probably one examination: same patient, accession number, "
                + "study date and modality.")
    }
}

/// What identifies an examination apart from its UID; nil where something of it is missing or means nothing.
private struct Examination: Hashable {
    let issuer: String
    let patientID: String
    let accession: String
    let date: DICOMDate

    init?(_ copy: Copy) {
        guard let id = copy.comparable(.patientID)?.trimmingSpaces(), !Placeholder.isPatientID(id),
            let accession = copy.comparable(.accessionNumber)?.trimmingSpaces(),
            let date = copy.comparable(.studyDate).flatMap({ DICOMDate($0) }), !copy.record.studyInstanceUID.isEmpty
        else { return nil }
        issuer = TextComparison.key(copy.issuer)
        patientID = id
        self.accession = accession
        self.date = date
    }
}
