import DICOM

/// How much a study holds, and values that mean nothing.
extension Study {
    func countRows() -> [Discrepancy] {
        [
            countRow(.seriesCount, .numberOfStudyRelatedSeries, "The numbers of series differ.", \.numberOfSeries),
            countRow(
                .instanceCount, .numberOfStudyRelatedInstances, "The numbers of images differ.", \.numberOfInstances),
        ].compactMap { $0 }
    }

    /// A count of 0 is a finding of its own, and no second one here.
    private func countRow(
        _ discrepancyClass: DiscrepancyClass, _ tag: Tag, _ explanation: String,
        _ count: (StudyRecord) -> Int?
    ) -> Discrepancy? {
        let witnesses = copies.compactMap { copy in count(copy.record).map { (copy: copy, count: $0) } }
            .filter { $0.count > 0 }
        guard Set(witnesses.map(\.count)).count > 1 else { return nil }
        return row(discrepancyClass, .major, witnesses.map(\.copy), [tag], explanation)
    }

    /// What a single copy is enough for.
    func valueRows() -> [Discrepancy] {
        var rows: [Discrepancy] = []
        let empty = copies.filter { $0.record.numberOfInstances == 0 }
        if !empty.isEmpty {
            rows.append(
                row(
                    .zeroImages, .minor, empty, [.numberOfStudyRelatedSeries, .numberOfStudyRelatedInstances],
                    "The source lists the study and says that it holds no images."))
        }
        let unparsable = copies.map { (copy: $0, tags: $0.record.unparsableTags) }.filter { !$0.tags.isEmpty }
        if !unparsable.isEmpty {
            let tags = Set(unparsable.flatMap(\.tags)).sorted()
            rows.append(
                row(
                    .unparsableValue, .minor, unparsable.map(\.copy), tags,
                    "A value is not a date, a time or a number, as its attribute demands."))
        }
        return rows
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
