import DICOM
import StudyIndex
import Sweep

/// One C-FIND that an answer wants from one source.
enum LiveQuestion: Sendable, Hashable {
    /// `dates`: only studies of these days; nil: of any.
    case studies(source: String, StudyQuery.Selector?, dates: DateRange?)
    case series(source: String, study: String)
    case instances(source: String, study: String, series: String)

    var source: String {
        switch self {
        case .studies(let source, _, _), .series(let source, _), .instances(let source, _, _): source
        }
    }

    /// Only the keys that every source matches alike are sent; the rest is matched here.
    var identifier: DataSet {
        switch self {
        case .studies(_, let selector, let dates):
            var range = SliceRange(dates: dates)
            var accession: String?
            switch selector {
            case .uids(let uids): range.uids = uids
            case .patientID(let patient): range.patientID = patient
            case .accessionNumber(let number): accession = number
            case .day, nil: break
            }
            var identifier = Question(range: range).identifier()
            if let accession { identifier.set(.accessionNumber, accession) }
            return identifier
        case .series(_, let study): return Question(level: .series, range: SliceRange(uids: [study])).identifier()
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
