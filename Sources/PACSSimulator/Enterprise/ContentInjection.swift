/// Disagreements about what a study holds, and values at the edge of what is possible.
extension EnterpriseBuilder {
    /// One source has prefetched the images and not what belongs to them: a modality less, a series less, fewer images.
    mutating func removeModality(of draft: Draft) -> Change? {
        var copies = draft.copies
        let able = copies.indices.filter { index in
            let profile = sources[copies[index].source]
            return [Attribute.modalitiesInStudy, .numberOfStudyRelatedInstances].allSatisfy(profile.sends)
        }
        let whole = copies.lazy.compactMap { $0.values[.modalitiesInStudy] }.first { !$0.isEmpty } ?? ""
        let modalities = whole.split { $0 == "\\" || $0 == "/" }
        guard able.count > 1, modalities.count > 1,
            let series = copies.lazy.compactMap({ $0.values[.numberOfStudyRelatedSeries].flatMap { Int($0) } }).first,
            let images = copies.lazy.compactMap({ $0.values[.numberOfStudyRelatedInstances].flatMap { Int($0) } })
                .first,
            series > 1, images > series + 1
        else { return nil }
        for index in able {
            copies[index].values[.modalitiesInStudy] = whole
            copies[index].values[.numberOfStudyRelatedSeries] = String(series)
            copies[index].values[.numberOfStudyRelatedInstances] = String(images)
        }
        let victim = able[random.below(able.count)]
        copies[victim].values[.modalitiesInStudy] = String(modalities[0])
        copies[victim].values[.numberOfStudyRelatedSeries] = String(series - 1)
        copies[victim].values[.numberOfStudyRelatedInstances] = String(images - random.within(1...(images - series)))
        return (copies, .comparable(.numberOfStudyRelatedInstances))
    }

    /// Possible, if only just: examined on the day of birth; one series of one image.
    mutating func makeExtreme(_ kind: InjectionKind, _ draft: Draft) -> Change? {
        guard isOrdinary(draft.day) else { return nil }
        var copies = draft.copies
        for index in copies.indices {
            if kind == .nearNewborn {
                copies[index].values[.patientBirthDate] = draft.day.da
            } else {
                copies[index].values[.numberOfStudyRelatedSeries] = "1"
                copies[index].values[.numberOfStudyRelatedInstances] = "1"
            }
        }
        return (copies, .sources([]))
    }
}
