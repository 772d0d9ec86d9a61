import DICOM

/// One discrepancy: the values of its copies below each other, what is unusual among them marked.
struct FindingView {
    let severity: String
    let witnesses: String
    let rows: [CopyRow]

    init(_ finding: Report.Finding, _ keywords: [String], showsTimes: Bool) {
        let row = finding.discrepancy
        severity = row.severity.rawValue
        witnesses = row.sources.joined(separator: " ")
        // A column of the table that this discrepancy is not about stays blank.
        let about = Set(row.values.flatMap(\.attributes.keys))
        var rows = row.values.map { copy in
            let isWitness = row.sources.contains(copy.source)
            return CopyRow(
                copySource: copy.source, isWitness: isWitness, issuedBy: copy.issuer,
                cells: keywords.map { keyword in
                    guard about.contains(keyword) else { return ValueCell.blank }
                    let isMarked = isWitness && Self.isUnusual(keyword, in: copy, of: row)
                    return ValueCell(
                        copy.attributes[keyword], isUnusual: isMarked, isLossy: copy.lossy.contains(keyword))
                },
                times: !showsTimes ? nil : copy.changed.isEmpty ? copy.firstSeen : copy.changed, seen: copy.firstSeen)
        }
        if row.discrepancyClass == .missingCopy {
            rows += row.sources.map { source in
                CopyRow(
                    copySource: source, isWitness: true, issuedBy: "",
                    cells: keywords.indices.map { $0 == 0 ? ValueCell.noStudy : ValueCell.blank },
                    times: showsTimes ? "" : nil, seen: "")
            }
        }
        self.rows = Self.headed(rows, finding)
    }

    /// Each study's first row carries its UID, over all its rows: a probable copy has two of them.
    private static func headed(_ rows: [CopyRow], _ finding: Report.Finding) -> [CopyRow] {
        let row = finding.discrepancy
        let first = row.otherUID == nil ? rows.count : row.values.count { $0.studyUID == row.studyUID }
        var rows = rows
        for (start, uid, span) in [(0, row.studyUID, first), (first, row.otherUID ?? "", rows.count - first)]
        where span > 0 {
            rows[start].study = StudyCell(
                uid: uid, span: span, why: row.explanation,
                state: start == 0 && finding.state != "open" ? finding.state : nil,
                number: start == 0 ? finding.number.map { String($0) } : nil,
                suggestion: start == 0 ? suggested(row) : nil,
                because: row.suggestion?.reason ?? finding.acknowledgement)
        }
        return rows
    }

    private static func suggested(_ row: Discrepancy) -> String? {
        guard let values = row.suggestion?.values, !values.isEmpty else { return nil }
        return values.sorted { $0.key < $1.key }.map(\.value).joined(separator: " · ")
    }

    /// Whether some witness says something else, and no majority says the same.
    private static func isUnusual(_ keyword: String, in copy: FrozenCopy, of row: Discrepancy) -> Bool {
        guard let value = copy.attributes[keyword] else { return false }
        switch row.discrepancyClass {
        case .unparsableValue, .zeroImages, .noStudyDate, .implausibleStudyDate, .impossibleValue, .characterSet:
            return true
        case .probableCopy, .missingCopy, .reusedAccession: return false
        default: break
        }
        // What another issuer numbers otherwise is a difference only where the row is about that.
        if keyword == "IssuerOfPatientID", row.discrepancyClass != .issuer { return false }
        let others = row.values.filter { other in
            row.sources.contains(other.source) && (keyword != "PatientID" || other.issuer == copy.issuer)
        }.compactMap { $0.attributes[keyword] }.filter { !$0.isEmpty }
        return others.count { $0 == value } * 2 <= others.count
    }
}

struct StudyCell {
    let uid: String
    let span: Int
    let why: String
    let state: String?
    /// What it is acknowledged by; nil for the second of two studies.
    let number: String?
    /// What is probably true, and why.
    let suggestion: String?
    let because: String
}

struct CopyRow {
    /// Only in a study's first row.
    var study: StudyCell?
    let copySource: String
    let isWitness: Bool
    let issuedBy: String
    let cells: [ValueCell]
    /// When the copy last changed; nil where no copy of the table says.
    let times: String?
    let seen: String
}

struct ValueCell {
    let value: String
    /// Classes of the style sheet: what is special about the value.
    let mark: String

    static let blank = ValueCell(value: "", mark: "")
    static let noStudy = ValueCell(value: "no such study", mark: "differs short")

    private init(value: String, mark: String) {
        self.value = value
        self.mark = mark
    }

    init(_ text: String?, isUnusual: Bool, isLossy: Bool) {
        guard let text, !text.isEmpty else {
            self.init(value: text == nil ? "not returned" : "empty", mark: "absent")
            return
        }
        let mark = isLossy ? "lossy" : isUnusual ? "differs" : ""
        self.init(value: text, mark: mark + (text.utf8.count <= 24 ? " short" : ""))
    }
}
