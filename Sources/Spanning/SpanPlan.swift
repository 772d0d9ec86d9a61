import DICOM
import StudyIndex

/// What the index cannot vouch for of one query, by source: the days to be asked live. Pure.
///
/// A source is asked for the days that were never proven there, or too long ago, and for no others; an index that has no
/// study of a UID or accession number is never believed (F117). Broad queries are not asked live (F118): they only tell
/// what they lack.
package struct SpanPlan: Sendable, Hashable {
    package struct Question: Sendable, Hashable {
        package var source: String
        /// nil: whatever date a study has.
        package var dates: DateRange?
    }

    package var questions: [Question] = []
    /// Sources of which the index does not know all that is asked, and which are not asked.
    package var unproven: [String] = []
    /// Of the oldest proof that the index vouches by, for the sources that are not asked; nil: there is none.
    package var age: Duration?

    package init() {}

    /// - Parameters:
    ///   - found: what the index has found.
    ///   - sources: names, with the issuer of their patient IDs.
    ///   - knowledge: by source; who is not in it was never asked.
    init(
        _ query: StudyQuery, found: [StudyRecord], policy: SpanningPolicy, sources: [(name: String, issuer: String)],
        knowledge: [String: DayKnowledge]
    ) {
        let selector = query.selector
        let isMissing = selector?.isMissing(in: found) ?? false
        let dates = isMissing ? query.dates : query.days(of: found)
        for source in sources where query.mayBeHeld(byIssuer: source.issuer) {
            let unknown = (knowledge[source.name] ?? DayKnowledge()).unknown(within: dates)
            let isAsked = selector != nil && policy != .never && (isMissing || unknown != nil || policy == .always)
            guard let selector, isAsked else {
                if unknown != nil { unproven.append(source.name) }
                if let proof = knowledge[source.name]?.age(within: dates) { age = max(age ?? proof, proof) }
                continue
            }
            // Of one study all is asked: its date may differ from source to source.
            let asked = !selector.isOfManyDays ? nil : isMissing || policy == .always ? query.dates : unknown
            questions.append(Question(source: source.name, dates: asked?.isOpen == true ? nil : asked))
        }
    }
}

// MARK: - What a query asks

extension StudyQuery {
    /// A key that few studies have; nil: the query is broad.
    enum Selector: Sendable, Hashable {
        case uids([String])
        case patientID(String)
        case accessionNumber(String)
        case day(DateRange)

        /// A patient's studies are many; only the days that are not known are asked.
        var isOfManyDays: Bool {
            switch self {
            case .patientID, .day: true
            case .uids, .accessionNumber: false
            }
        }

        /// The index has nothing of something that is named.
        func isMissing(in found: [StudyRecord]) -> Bool {
            switch self {
            case .uids(let uids): !uids.allSatisfy { uid in found.contains { $0.studyInstanceUID == uid } }
            case .patientID, .accessionNumber: found.isEmpty
            case .day: false
            }
        }
    }

    /// More UIDs than that are asked of the index alone: each is a question of its own, at every source.
    private static let mostUIDs = 16

    var selector: Selector? {
        for key in keys {
            switch (key.attribute.tag, key.match) {
            case (.studyInstanceUID, .uids(let uids)) where uids.count <= Self.mostUIDs && uids.allSatisfy(\.isUID):
                return .uids(uids)
            case (.patientID, .single(let patient)) where patient.isLiteral: return .patientID(patient)
            case (.accessionNumber, .single(let number)) where number.isLiteral: return .accessionNumber(number)
            default: continue
            }
        }
        guard let dates, let day = dates.lower, day == dates.upper else { return nil }
        return .day(dates)
    }

    /// Of the study date; nil: not restricted.
    var dates: DateRange? {
        for key in keys where key.attribute.tag == .studyDate {
            if case .dates(let range) = key.match { return range }
        }
        return nil
    }

    /// Promise 9: a qualified patient ID is asked for at the sources of its issuer only.
    func mayBeHeld(byIssuer issuer: String) -> Bool {
        for key in keys where key.attribute.tag == .issuerOfPatientID {
            if case .single(let wanted) = key.match, wanted != issuer { return false }
        }
        return true
    }

    /// The days that have to be known for the answer to be whole; nil: all.
    func days(of found: [StudyRecord]) -> DateRange? {
        guard case .uids = selector else { return dates }
        let days = found.map(\.studyDate)
        guard days.allSatisfy({ $0 != nil }), let first = days.compactMap({ $0 }).min(),
            let last = days.compactMap({ $0 }).max()
        else { return nil }
        return DateRange(lower: first, upper: last)
    }
}

extension String {
    /// It can be asked for as what it is: wildcards and the separator of values cannot (F53).
    fileprivate var isLiteral: Bool { !utf8.contains { "*?\\".utf8.contains($0) } }
}
