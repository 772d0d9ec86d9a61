import DICOM

/// Values that mean nothing, or cannot be: a single copy is enough.
extension Study {
    func valueRows() -> [Discrepancy] {
        var rows: [Discrepancy] = []
        let empty = copies.filter { $0.record.numberOfInstances == 0 }
        if !empty.isEmpty {
            let others = copies.filter { ($0.record.numberOfInstances ?? 0) > 0 }
            rows.append(
                row(
                    .zeroImages, .minor, empty, [.numberOfStudyRelatedSeries, .numberOfStudyRelatedInstances],
                    "The source lists the study and says that it holds no images.",
                    .mostBelieved(.numberOfStudyRelatedInstances, among: others)))
        }
        if let unparsable = faultyRow(
            .unparsableValue, "A value is not a date, a time or a number, as its attribute demands.",
            { $0.record.unparsableTags })
        {
            rows.append(unparsable)
        }
        if let impossible = faultyRow(
            .impossibleValue,
            "A value can be read and cannot be true: born after the examination or more than 130 years before it, or more "
                + "series than images.", impossibleTags)
        {
            rows.append(impossible)
        }
        return rows + dateRows()
    }

    private func dateRows() -> [Discrepancy] {
        var rows: [Discrepancy] = []
        let known = copies.filter { $0.record.studyDate.map(isPlausible) == true }
        let suggestion = { Suggestion.mostBelieved(.studyDate, among: known) }
        let blank = copies.filter { copy in
            copy.record[.studyDate].map { text in text.utf8.allSatisfy { $0 == 0x20 } } == true
        }
        if !blank.isEmpty {
            rows.append(
                row(
                    .noStudyDate, .minor, blank, [.studyDate],
                    "The study has no date there: no search by date finds it.", suggestion()))
        }
        let odd = copies.filter { copy in
            !copy.record.lossy.contains(.studyDate) && copy.record.studyDate.map(isPlausible) == false
        }
        if !odd.isEmpty {
            rows.append(
                row(
                    .implausibleStudyDate, .minor, odd, [.studyDate],
                    "The study date is a placeholder, or lies in the future.", suggestion()))
        }
        return rows
    }

    /// One row about all copies that are at fault, with the attributes by which they are.
    private func faultyRow(
        _ discrepancyClass: DiscrepancyClass, _ explanation: String, _ faults: (Copy) -> [Tag]
    ) -> Discrepancy? {
        let faulty = copies.map { (copy: $0, tags: faults($0)) }.filter { !$0.tags.isEmpty }
        guard !faulty.isEmpty else { return nil }
        let tags = Set(faulty.flatMap(\.tags)).sorted()
        let suggestions = tags.map { tag in
            let sound = copies.filter { copy in
                !faulty.contains { $0.copy.source == copy.source && $0.tags.contains(tag) }
            }
            return Suggestion.mostBelieved(tag, among: sound)
        }
        return row(discrepancyClass, .minor, faulty.map(\.copy), tags, explanation, .joined(suggestions))
    }

    // MARK: Dates

    /// An hour may be tomorrow's elsewhere. X-rays were found in November 1895, and what is dated on a calendar's or a
    /// computer's first day was never dated.
    func isPlausible(_ date: DICOMDate) -> Bool {
        date <= latestPlausible && date >= Self.firstRadiograph && !Placeholder.isStudyDate(date)
    }

    private var latestPlausible: DICOMDate { rules.today == .latest ? .latest : rules.today.adding(days: 1) }
    private static let firstRadiograph = DICOMDate(year: 1895, month: 11, day: 8) ?? .earliest

    /// When a date that lies in the future will not any more, in seconds since 1970; nil: none does.
    func endOfFuture() -> Int? {
        guard rules.today != .latest else { return nil }
        return copies.compactMap(\.record.studyDate).filter { $0 > latestPlausible }.map {
            ($0.daysSince1970 - 1) * 86_400
        }.min()
    }

    // MARK: Impossible values

    private func impossibleTags(_ copy: Copy) -> [Tag] {
        var tags: [Tag] = []
        if let date = copy.comparable(.patientBirthDate).flatMap({ DICOMDate($0) }), !isPossible(date, copy) {
            tags.append(.patientBirthDate)
        }
        if hasMoreSeriesThanImages(copy) { tags += [.numberOfStudyRelatedSeries, .numberOfStudyRelatedInstances] }
        return tags
    }

    /// Born at the latest on the day of the examination, and not more than 130 years before it.
    func isPossible(_ birth: DICOMDate, _ copy: Copy) -> Bool {
        if Placeholder.isBirthDate(birth) { return true }
        guard let day = copy.record.studyDate, isPlausible(day) else { return birth <= latestPlausible }
        return birth <= day && birth.days(to: day) <= 130 * 366
    }

    func hasMoreSeriesThanImages(_ copy: Copy) -> Bool {
        guard let series = copy.record.numberOfSeries, let images = copy.record.numberOfInstances, images > 0 else {
            return false
        }
        return series > images
    }
}

extension StudyRecord {
    /// The DA, TM and IS attributes with a value that does not parse, however tolerantly it is read (F43, F70, F71).
    fileprivate var unparsableTags: [Tag] {
        Self.parsedAttributes.filter { attribute in
            guard let text = texts[attribute.ordinal], text.utf8.contains(where: { $0 != 0x20 }) else { return false }
            switch attribute.vr {
            case .DA: return DICOMDate(text) == nil
            case .TM: return DICOMTime(text) == nil
            default: return Int(lenient: text) == nil
            }
        }.map(\.tag)
    }

    private static let parsedAttributes = AttributeDictionary.observation.filter { [.DA, .TM, .IS].contains($0.vr) }
}
