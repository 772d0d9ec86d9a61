import DICOM

/// PostgreSQL counts days from 2000-01-01.
enum Days {
    private static let offset = 10_957

    static func number(_ date: DICOMDate) -> Int { date.daysSince1970 - offset }
    static func date(_ number: Int) -> DICOMDate? { DICOMDate(daysSince1970: number + offset) }
}
