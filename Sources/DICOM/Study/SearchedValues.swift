/// What searches compare of one source's statement, derived from its texts in one place for every index. nil where there is
/// nothing to compare, and where characters were lost: that is unknown, not different.
package struct SearchedValues: Sendable, Hashable {
    /// The name folded by `MatchingKey`.
    package let nameKey: String?
    package let physicianKey: String?
    package let studyDay: DICOMDate?
    package let studyClock: DICOMTime?
    package let birthDay: DICOMDate?
    /// Upper case, distinct, sorted; empty where the source returned none.
    package let modalities: [String]?
    package let seriesCount: Int?
    package let instanceCount: Int?

    package init(_ record: StudyRecord) {
        func whole<T>(_ tag: Tag, _ value: T?) -> T? { record.lossy.contains(tag) ? nil : value }
        nameKey = whole(.patientName, record[.patientName].map { PersonName($0).matchingKey })
        physicianKey = whole(
            .referringPhysicianName, record[.referringPhysicianName].map { PersonName($0).matchingKey })
        studyDay = whole(.studyDate, record.studyDate)
        studyClock = whole(.studyTime, record.studyTime)
        birthDay = whole(.patientBirthDate, record.birthDate)
        modalities = record[.modalitiesInStudy] == nil ? nil : record.modalities
        seriesCount = whole(.numberOfStudyRelatedSeries, record.numberOfSeries)
        instanceCount = whole(.numberOfStudyRelatedInstances, record.numberOfInstances)
    }
}
