import DICOM
import StudyIndex
import Sweep

/// One C-FIND that an answer wants from one source.
enum LiveQuestion: Sendable, Hashable {
    /// `dates`: only studies of these days; nil: of any.
    case studies(source: String, Key, dates: DateRange?)
    case series(source: String, study: String)
    /// A series whose study is not known: a relational question.
    case studyOfSeries(source: String, series: String)
    case instances(source: String, study: String, series: String)

    /// What studies are asked by.
    enum Key: Sendable, Hashable {
        /// One: archives exist that find nothing for a list (F48).
        case uid(String)
        case patientID(String)
        case accessionNumber(String)
        case days

        static func all(_ selector: StudyQuery.Selector?) -> [Key] {
            switch selector {
            case .uids(let uids): Set(uids).sorted().map(Key.uid)
            case .patientID(let patient): [.patientID(patient)]
            case .accessionNumber(let number): [.accessionNumber(number)]
            case .day: [.days]
            case nil: []
            }
        }
    }

    var source: String {
        switch self {
        case .studies(let source, _, _), .series(let source, _), .studyOfSeries(let source, _),
            .instances(let source, _, _):
            source
        }
    }

    /// Only the keys that every source matches alike are sent; the rest is matched here.
    func identifier(institution: Bool) -> DataSet {
        switch self {
        case .studies(_, let key, _):
            var identifier = Question(range: range).identifier(institution: institution)
            if case .accessionNumber(let number) = key { identifier.set(.accessionNumber, number) }
            return identifier
        case .series(_, let study): return Question(level: .series, range: SliceRange(uids: [study])).identifier()
        case .studyOfSeries(_, let series):
            var identifier = Question(level: .series, range: SliceRange()).identifier()
            identifier.set(.seriesInstanceUID, series)
            return identifier
        case .instances(_, let study, let series):
            var identifier = DataSet()
            identifier.set(.specificCharacterSet, "ISO_IR 100")
            identifier.set(.queryRetrieveLevel, QueryLevel.image.rawValue)
            for attribute in AttributeDictionary.all where attribute.level == .image {
                identifier.setEmpty(attribute.tag)
            }
            identifier.set(.studyInstanceUID, study)
            identifier.set(.seriesInstanceUID, series)
            return identifier
        }
    }

    /// What is asked of studies, in the words of sweeps.
    private var range: SliceRange {
        switch self {
        case .studies(_, .uid(let uid), _): SliceRange(uids: [uid])
        case .studies(_, .patientID(let patient), let dates): SliceRange(dates: dates, patientID: patient)
        case .studies(_, .accessionNumber, let dates), .studies(_, .days, let dates): SliceRange(dates: dates)
        case .series(_, let study), .instances(_, let study, _): SliceRange(uids: [study])
        case .studyOfSeries: SliceRange()
        }
    }
}

/// A source that is missing from an answer, and why; for people, and without patient data.
package struct Absence: Sendable, Hashable {
    package var source: String
    package var reason: String

    package init(source: String, reason: String) {
        self.source = source
        self.reason = reason
    }
}
