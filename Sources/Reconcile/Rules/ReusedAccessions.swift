import DICOM

extension Reconciler {
    /// One accession number of one issuer on studies of different patients: an order that was given out twice, or a study
    /// that was filed under another order. Patients differ where their IDs do, unless name and birth date say that it is
    /// one person with two IDs.
    ///
    /// - Returns: one row per pair of studies, by UID.
    package func reusedAccessions(among candidates: [Copy]) -> [Discrepancy] {
        var orders: [Order: [Copy]] = [:]
        for copy in candidates {
            if let order = Order(copy) { orders[order, default: []].append(copy) }
        }
        let rows = orders.values.flatMap { group in Self.pairs(of: group) { reusedAccession($0, $1) } }
        // Two issuers may have given the same number twice: one row speaks of both.
        return Self.sorted(
            Array(Dictionary(grouping: rows) { [$0.studyUID, $0.otherUID ?? ""] }.values.compactMap(joined)))
    }

    private func reusedAccession(_ ones: [Copy], _ others: [Copy]) -> Discrepancy? {
        let left = ones.filter { one in others.contains { areDifferentPatients(one, $0) } }
        let right = others.filter { other in ones.contains { areDifferentPatients($0, other) } }
        guard let one = left.first, let other = right.first else { return nil }
        let tags: [Tag] = [
            .accessionNumber, .patientName, .patientID, .patientBirthDate, .studyDate, .modalitiesInStudy,
        ]
        return Discrepancy(
            .reusedAccession, .major, studyUID: one.record.studyInstanceUID, otherUID: other.record.studyInstanceUID,
            sources: Self.names(of: left + right), values: (left + right).map { FrozenCopy($0, tags) },
            explanation: "One accession number of one issuer stands for studies of different patients.")
    }

    private func joined(_ rows: [Discrepancy]) -> Discrepancy? {
        guard let first = rows.first, rows.count > 1 else { return rows.first }
        let values = Set(rows.flatMap(\.values)).sorted { ($0.studyUID, $0.source) < ($1.studyUID, $1.source) }
        return Discrepancy(
            .reusedAccession, .major, studyUID: first.studyUID, otherUID: first.otherUID,
            sources: Set(rows.flatMap(\.sources)).sorted(), values: values, explanation: first.explanation)
    }

    private func areDifferentPatients(_ one: Copy, _ other: Copy) -> Bool {
        guard let id = one.comparable(.patientID), let another = other.comparable(.patientID),
            patientIDDifference(id, at: one.source, another, at: other.source) == .real
        else { return false }
        guard let birth = one.record.birthDate, birth == other.record.birthDate, !Placeholder.isBirthDate(birth),
            let name = one.record.patientName, let otherName = other.record.patientName
        else { return true }
        return NameComparison.difference(name, otherName) == .real
    }
}

/// An order, as far as a copy names one.
private struct Order: Hashable {
    let issuer: String
    let accession: String

    init?(_ copy: Copy) {
        guard let accession = copy.comparable(.accessionNumber)?.trimmingSpaces(), !Placeholder.isAccession(accession),
            let id = copy.comparable(.patientID), !Placeholder.isPatientID(id), !copy.record.studyInstanceUID.isEmpty
        else { return nil }
        issuer = TextComparison.key(copy.issuer)
        self.accession = accession
    }
}
