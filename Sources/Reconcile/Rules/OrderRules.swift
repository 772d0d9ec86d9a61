import DICOM

/// What was ordered and when it was done: accession number, study date, study time.
extension Study {
    func orderRows() -> [Discrepancy] {
        [accessionRow(), dateRow(), timeRow()].compactMap { $0 }
    }

    private func accessionRow() -> Discrepancy? {
        textRow(
            .accession, .accessionNumber, among: copies, real: "The accession numbers differ.",
            cosmetic: "The accession numbers differ only in case or spaces.")
    }

    private func dateRow() -> Discrepancy? {
        let witnesses = copies.compactMap { copy in
            copy.comparable(.studyDate).flatMap { text in
                DICOMDate(text).map { (copy: copy, date: $0, isStrict: DICOMDate.isStrict(text.trimmingSpaces())) }
            }
        }
        if Set(witnesses.map(\.date)).count > 1 {
            return row(.studyDate, .minor, witnesses.map(\.copy), [.studyDate], "The study dates differ.")
        }
        guard Set(witnesses.map(\.isStrict)).count > 1 else { return nil }
        return row(
            .studyDate, .cosmetic, witnesses.map(\.copy), [.studyDate],
            "The study dates are the same day, not all of them written YYYYMMDD.")
    }

    private func timeRow() -> Discrepancy? {
        let witnesses = copies.compactMap { copy in
            copy.comparable(.studyTime).flatMap { text in DICOMTime(text).map { (copy: copy, clock: Clock($0, text)) } }
        }
        let difference = TextComparison.largest(witnesses.map(\.clock)) { $0.difference(to: $1) }
        switch difference {
        case .none: return nil
        case .cosmetic:
            return row(
                .studyTime, .cosmetic, witnesses.map(\.copy), [.studyTime],
                "The study times are the same, not all of them written HHMMSS.")
        case .real: return row(.studyTime, .minor, witnesses.map(\.copy), [.studyTime], "The study times differ.")
        }
    }
}

/// A time of day with how it was written.
private struct Clock {
    let time: DICOMTime
    let hasFraction: Bool
    let isStrict: Bool

    init(_ time: DICOMTime, _ text: String) {
        self.time = time
        hasFraction = text.utf8.contains(0x2E)
        isStrict = DICOMTime.isStrict(text.trimmingSpaces())
    }

    /// A source that drops fractions has lost something and contradicts nothing: whole seconds are compared then.
    func difference(to other: Clock) -> Difference {
        let unit = hasFraction && other.hasFraction ? 1 : 1_000_000
        if time.microseconds / unit != other.time.microseconds / unit { return .real }
        return isStrict == other.isStrict ? .none : .cosmetic
    }
}
