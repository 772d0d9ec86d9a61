import DICOM

extension Reconciler {
    /// The same examination under two Study Instance UIDs (F163): same issuer and Patient ID, same accession number, study
    /// dates a day apart at most, a modality in common, and numbers of images within 5 % of each other. Placeholders, and
    /// values that lost characters, prove nothing (F175).
    ///
    /// - Parameter candidates: copies of several studies that may belong together. A group that the index selected, or
    ///   many groups: what does not match is not paired.
    /// - Returns: one row per pair of studies, by UID.
    package func probableCopies(among candidates: [Copy]) -> [Discrepancy] {
        var examinations: [Examination: [Copy]] = [:]
        for copy in candidates {
            if let examination = Examination(copy) { examinations[examination, default: []].append(copy) }
        }
        return Self.sorted(
            examinations.values.flatMap { group in
                Self.pairs(of: group) { probableCopy($0, $1) }
            })
    }

    private func probableCopy(_ ones: [Copy], _ others: [Copy]) -> Discrepancy? {
        let left = ones.filter { one in others.contains { isSameExamination(one, $0) } }
        let right = others.filter { other in ones.contains { isSameExamination($0, other) } }
        guard let one = left.first, let other = right.first else { return nil }
        let tags: [Tag] = [
            .patientName, .patientID, .accessionNumber, .studyDate, .studyTime, .modalitiesInStudy,
            .numberOfStudyRelatedInstances,
        ]
        return Discrepancy(
            .probableCopy, .minor, studyUID: one.record.studyInstanceUID, otherUID: other.record.studyInstanceUID,
            sources: Self.names(of: left + right), values: (left + right).map { FrozenCopy($0, tags) },
            explanation:
                "Two Study Instance UIDs for what is probably one examination: same patient, accession number, "
                + "study date and modality.")
    }

    private func isSameExamination(_ one: Copy, _ other: Copy) -> Bool {
        guard !Set(one.record.modalities).isDisjoint(with: other.record.modalities),
            let day = one.comparable(.studyDate).flatMap({ DICOMDate($0) }),
            let another = other.comparable(.studyDate).flatMap({ DICOMDate($0) }), abs(day.days(to: another)) <= 1
        else { return false }
        guard let images = one.record.numberOfInstances, let others = other.record.numberOfInstances else {
            return true
        }
        return abs(images - others) * 20 <= max(images, others)
    }

    // MARK: Pairs

    /// What a rule makes of each two studies among some copies, the smaller UID first.
    static func pairs(
        of copies: [Copy], _ rule: ([Copy], [Copy]) -> Discrepancy?
    ) -> [Discrepancy] {
        let studies = Dictionary(grouping: copies, by: \.record.studyInstanceUID).mapValues { copies in
            copies.sorted { $0.source < $1.source }
        }
        let uids = studies.keys.sorted()
        return uids.enumerated().flatMap { index, uid in
            // A key that very many studies share, such as an accession number for a whole day, would make a row for each
            // two of them: each is then paired with the first only.
            let others = uids.count <= largestGroup || index == 0 ? uids[(index + 1)...] : []
            return others.compactMap { rule(studies[uid] ?? [], studies[$0] ?? []) }
        }
    }

    private static let largestGroup = 16

    static func sorted(_ rows: [Discrepancy]) -> [Discrepancy] {
        rows.sorted { ($0.studyUID, $0.otherUID ?? "") < ($1.studyUID, $1.otherUID ?? "") }
    }
}

/// What identifies an examination apart from its UID; nil where something of it is missing or means nothing.
private struct Examination: Hashable {
    let issuer: String
    let patientID: String
    let accession: String

    init?(_ copy: Copy) {
        guard let id = copy.comparable(.patientID)?.trimmingSpaces(), !Placeholder.isPatientID(id),
            let accession = copy.comparable(.accessionNumber)?.trimmingSpaces(), !Placeholder.isAccession(accession),
            let date = copy.record.studyDate, !Placeholder.isStudyDate(date), !copy.record.studyInstanceUID.isEmpty
        else { return nil }
        issuer = TextComparison.key(copy.issuer)
        patientID = id
        self.accession = accession
    }
}
