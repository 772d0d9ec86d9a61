import DICOM

/// What was ordered and when it was done: accession number, study date and time, description, referring
/// physician.
extension Study {
    func orderRows() -> [Discrepancy] {
        [accessionRow(), dateRow(), timeRow(), descriptionRow(), referringRow()].compactMap { $0 }
    }

    private func accessionRow() -> Discrepancy? {
        textRow(
            .accession, .major, .accessionNumber, real: "The accession numbers differ.",
            cosmetic: "The accession numbers differ only in case or spaces.")
    }

    private func descriptionRow() -> Discrepancy? {
        textRow(
            .description, .minor, .studyDescription, real: "The study descriptions differ.",
            cosmetic: "The study descriptions differ only in case, accents or spaces.")
    }

    private func referringRow() -> Discrepancy? {
        let names = NameComparison.witnesses(copies, .referringPhysicianName)
        let difference = TextComparison.largest(names.map(\.name), NameComparison.difference)
        guard difference != .none else { return nil }
        let copies = names.map(\.copy)
        return row(
            .referringPhysician, difference == .real ? .minor : .cosmetic, copies, [.referringPhysicianName],
            difference == .real
                ? "The referring physicians differ."
                : "The names of the referring physician differ only in case, accents, spaces or empty components.",
            .mostBelieved(.referringPhysicianName, among: copies))
    }

    private func dateRow() -> Discrepancy? {
        let witnesses = copies.compactMap { copy in
            copy.comparable(.studyDate).flatMap { text in
                DICOMDate(text).map { (copy: copy, date: $0, isStrict: DICOMDate.isStrict(text.trimmingSpaces())) }
            }
        }.filter { isPlausible($0.date) }
        if Set(witnesses.map(\.date)).count > 1 {
            return row(
                .studyDate, .minor, witnesses.map(\.copy), [.studyDate], "The study dates differ.",
                .mostBelieved(.studyDate, among: witnesses.map(\.copy)))
        }
        guard Set(witnesses.map(\.isStrict)).count > 1, let strict = witnesses.first(where: \.isStrict) else {
            return nil
        }
        return row(
            .studyDate, .cosmetic, witnesses.map(\.copy), [.studyDate],
            "The study dates are the same day, not all of them written YYYYMMDD.",
            .said(.studyDate, by: strict.copy, "as DICOM writes it"))
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
                "The study times are the same, not all of them written HHMMSS.",
                witnesses.first { $0.clock.isStrict }.flatMap { .said(.studyTime, by: $0.copy, "as DICOM writes it") })
        case .real:
            return row(
                .studyTime, .minor, witnesses.map(\.copy), [.studyTime], "The study times differ.",
                .mostBelieved(.studyTime, among: witnesses.map(\.copy)))
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
