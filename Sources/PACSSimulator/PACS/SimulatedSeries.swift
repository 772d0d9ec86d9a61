/// One series of a copy, made up from what its source says of the study: so many series, together so many instances.
package struct SimulatedSeries: Hashable, Sendable {
    package let uid: String
    package let studyUID: String
    package let modality: String
    package let number: Int
    package let instances: Int

    package static func all(of copy: StudyCopy) -> [SimulatedSeries] {
        let study = copy.values[.studyInstanceUID] ?? ""
        // A source that does not count them has two.
        let count = min(60, copy.values[.numberOfStudyRelatedSeries].flatMap { Int($0.trimmed) } ?? 2)
        let instances = copy.values[.numberOfStudyRelatedInstances].flatMap { Int($0.trimmed) } ?? count * 10
        let modalities = (copy.values[.modalitiesInStudy] ?? "").split { $0 == "\\" || $0 == "/" }.map(String.init)
        guard count > 0 else { return [] }
        return (0..<count).map { index in
            SimulatedSeries(
                uid: "\(study).\(index + 1)", studyUID: study,
                modality: modalities.isEmpty ? "OT" : modalities[index % modalities.count], number: index + 1,
                instances: max(0, instances) / count + (index < max(0, instances) % count ? 1 : 0))
        }
    }

    /// Tag, VR and value, in the order in which a data set holds them.
    var elements: [(tag: UInt32, vr: String, value: String)] {
        [
            (0x0008_0052, "CS", "SERIES"), (0x0008_0060, "CS", modality), (0x0008_103E, "LO", "SERIES \(number)"),
            (0x0020_000D, "UI", studyUID), (0x0020_000E, "UI", uid), (0x0020_0011, "IS", "\(number)"),
            (0x0020_1209, "IS", "\(instances)"),
        ]
    }
}
