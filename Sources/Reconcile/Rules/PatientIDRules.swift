import DICOM

/// How a source rewrites the Patient IDs of its issuer: what it puts before and after them (F164).
package struct PatientIDRewrite: Sendable, Hashable {
    package var prefix: String
    package var suffix: String

    package init(prefix: String = "", suffix: String = "") {
        self.prefix = prefix
        self.suffix = suffix
    }

    /// The ID as the issuer wrote it.
    func undone(_ id: String) -> String {
        var id = Substring(id)
        if !prefix.isEmpty, id.hasPrefix(prefix), id.utf8.count > prefix.utf8.count {
            id = id.dropFirst(prefix.count)
        }
        if !suffix.isEmpty, id.hasSuffix(suffix), id.utf8.count > suffix.utf8.count { id = id.dropLast(suffix.count) }
        return String(id)
    }

    /// Without what some PACS add on their own: `1234$$$1` for a second patient 1234, zeros in front.
    static func plain(_ id: String) -> String {
        var bytes = Array(id.utf8)
        if let dollar = bytes.lastIndex(of: UInt8(ascii: "$")), dollar >= 3, dollar + 1 < bytes.count,
            bytes[(dollar - 2)...dollar].allSatisfy({ $0 == UInt8(ascii: "$") }),
            bytes[(dollar + 1)...].allSatisfy({ (0x30...0x39).contains($0) })
        {
            bytes.removeSubrange((dollar - 2)...)
        }
        let digits = bytes.drop { $0 == UInt8(ascii: "0") }
        return String(decoding: digits.isEmpty ? bytes[...] : digits, as: UTF8.self)
    }
}

/// How far two Patient IDs of one issuer are apart.
enum PatientIDDifference: Int, Comparable {
    case none, cosmetic, rewritten, real

    static func < (left: Self, right: Self) -> Bool { left.rawValue < right.rawValue }
}

extension Study {
    func patientIDDifference(_ one: Copy, _ other: Copy) -> PatientIDDifference {
        guard one.sharesIssuer(with: other), let id = one.comparable(.patientID),
            let another = other.comparable(.patientID)
        else { return .none }
        return rules.patientIDDifference(id, at: one.source, another, at: other.source)
    }

    /// IDs of different issuers are different numbers of one person, and no contradiction.
    func patientIDRow() -> Discrepancy? {
        let witnesses = copies.filter { copy in
            copy.comparable(.patientID) != nil
                && copies.contains {
                    $0.source != copy.source && $0.comparable(.patientID) != nil && $0.sharesIssuer(with: copy)
                }
        }
        var largest = PatientIDDifference.none
        for (index, one) in witnesses.enumerated() {
            for other in witnesses[(index + 1)...] { largest = max(largest, patientIDDifference(one, other)) }
        }
        let tags = [Tag.patientID, .issuerOfPatientID]
        switch largest {
        case .none: return nil
        case .cosmetic:
            return row(
                .patientID, .cosmetic, witnesses, tags, "The Patient IDs of one issuer differ only in case or spaces.",
                .mostBelieved(.patientID, among: witnesses))
        case .rewritten:
            // The shortest is the one to which nothing was added.
            let plainest = witnesses.min { left, right in
                (left.record.patientID.utf8.count, left.source) < (right.record.patientID.utf8.count, right.source)
            }
            return row(
                .rewrittenPatientID, .minor, witnesses, tags,
                "One Patient ID, which a source has rewritten: zeros in front, $$$ and a number, or what is configured for "
                    + "the source.",
                plainest.flatMap { .said(.patientID, by: $0, "the form to which nothing was added") })
        case .real:
            return row(
                .patientID, .major, witnesses, tags, "The Patient IDs of one issuer differ.",
                .mostBelieved(.patientID, among: witnesses))
        }
    }

    func issuerRow() -> Discrepancy? {
        let senders = copies.filter { $0.comparable(.issuerOfPatientID) != nil }
        let difference = TextComparison.largest(senders) { one, other in
            guard !one.sharesIssuer(with: other), let id = one.comparable(.patientID),
                let another = other.comparable(.patientID), !Placeholder.isPatientID(id),
                TextComparison.key(id) == TextComparison.key(another)
            else { return .none }
            return .real
        }
        guard difference == .real else { return nil }
        return row(
            .issuer, .minor, senders, [.patientID, .issuerOfPatientID],
            "The same Patient ID is sent under different issuers.",
            .mostBelieved(.issuerOfPatientID, among: senders))
    }
}

extension Reconciler {
    func patientIDDifference(
        _ id: String, at source: String, _ other: String, at otherSource: String
    ) -> PatientIDDifference {
        switch TextComparison.difference(id, other) {
        case .none: return .none
        case .cosmetic: return .cosmetic
        case .real:
            let undone = [(id, source), (other, otherSource)].map { id, source in
                TextComparison.key(PatientIDRewrite.plain(rewrites[source]?.undone(id) ?? id))
            }
            return undone[0] == undone[1] ? .rewritten : .real
        }
    }
}
