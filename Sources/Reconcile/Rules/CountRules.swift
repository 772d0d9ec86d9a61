import DICOM

/// How much each copy holds.
extension Study {
    /// Counts that differ, unless one copy is a part of another; nothing while images may still be arriving (F170).
    func addCounts(to verdict: inout Reconciler.Verdict) {
        let rows: [Discrepancy]
        if let subset = subsetRow() {
            rows = [subset]
        } else if differsInLocalObjectsOnly {
            return
        } else {
            rows = [
                countRow(.seriesCount, .numberOfStudyRelatedSeries, "The numbers of series differ.", \.numberOfSeries),
                countRow(
                    .instanceCount, .numberOfStudyRelatedInstances, "The numbers of images differ.", \.numberOfInstances
                ),
            ].compactMap { $0 }
        }
        guard !rows.isEmpty else { return }
        if let settled = settlesAt {
            verdict.withheld = [.seriesCount, .instanceCount, .subsetCopy]
            verdict.lookAgain = min(verdict.lookAgain ?? settled, settled)
        } else {
            verdict.rows += rows
        }
    }

    /// When the youngest counts have stood still long enough; nil: they have.
    private var settlesAt: Int? {
        guard let now = rules.now, let youngest = copies.compactMap(\.countedAt).max() else { return nil }
        let settled = youngest + Int(rules.quarantine.components.seconds)
        return settled > now ? settled : nil
    }

    /// A count of 0 is a finding of its own, and no second one here.
    private func countRow(
        _ discrepancyClass: DiscrepancyClass, _ tag: Tag, _ explanation: String,
        _ count: (StudyRecord) -> Int?
    ) -> Discrepancy? {
        let witnesses = counted(count)
        guard Set(witnesses.map(\.count)).count > 1 else { return nil }
        let fullest = witnesses.max {
            ($0.count, $1.copy.priority, $1.copy.source) < ($1.count, $0.copy.priority, $0.copy.source)
        }
        return row(
            discrepancyClass, .major, witnesses.map(\.copy), [tag], explanation,
            fullest.flatMap { .said(tag, by: $0.copy, "the largest: the others may be incomplete") })
    }

    private func counted(_ count: (StudyRecord) -> Int?) -> [(copy: Copy, count: Int)] {
        copies.compactMap { copy in
            guard let number = count(copy.record), number > 0, !hasMoreSeriesThanImages(copy) else { return nil }
            return (copy, number)
        }
    }

    // MARK: Parts

    /// Every copy that holds less than the fullest holds a part of it, and at least one does (F167).
    private func subsetRow() -> Discrepancy? {
        let counted = counted(\.numberOfInstances)
        guard counted.count > 1,
            let full = counted.max(by: {
                ($0.count, $1.copy.priority, $1.copy.source) < ($1.count, $0.copy.priority, $0.copy.source)
            })
        else { return nil }
        let smaller = counted.filter { $0.count < full.count }
        guard !smaller.isEmpty, smaller.allSatisfy({ isPart($0.copy, of: full.copy) }) else { return nil }
        return row(
            .subsetCopy, .minor, counted.map(\.copy),
            [.modalitiesInStudy, .numberOfStudyRelatedSeries, .numberOfStudyRelatedInstances],
            "A copy holds a part of what another holds: whole modalities or series are missing, nothing else differs.",
            .said(.numberOfStudyRelatedInstances, by: full.copy, "the copy that holds everything"))
    }

    private func isPart(_ part: Copy, of full: Copy) -> Bool {
        if let series = part.series, let all = full.series {
            let byUID = Dictionary(all.map { ($0.uid, $0) }) { first, _ in first }
            return series.count < all.count && series.allSatisfy { byUID[$0.uid]?.instances == $0.instances }
        }
        let modalities = Set(part.record.modalities)
        guard !modalities.isEmpty, modalities.isStrictSubset(of: full.record.modalities) else { return false }
        guard let few = part.record.numberOfSeries, let many = full.record.numberOfSeries else { return true }
        return few < many
    }

    /// Where the series of all copies are known and those that were not made locally are the same.
    private var differsInLocalObjectsOnly: Bool {
        let contents = copies.map { copy in
            copy.series.map { series in Set(series.filter { !rules.localModalities.contains($0.modality) }) }
        }
        guard let first = contents.first, let first else { return false }
        return !first.isEmpty && contents.allSatisfy { $0 == first }
    }
}
