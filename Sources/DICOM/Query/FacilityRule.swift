/// Which of a source's copies belong to a facility. All of its conditions have to hold; the first rule that matches decides.
package struct FacilityRule: Sendable, Hashable {
    package var facility: String
    /// Of the patient ID: as sent, else the source's.
    package var issuer: String?
    package var patientIDPrefix: String?
    package var accessionPrefix: String?
    /// InstitutionName as it is sent, without spaces at its ends.
    package var institution: String?

    package init(
        facility: String, issuer: String? = nil, patientIDPrefix: String? = nil, accessionPrefix: String? = nil,
        institution: String? = nil
    ) {
        self.facility = facility
        self.issuer = issuer
        self.patientIDPrefix = patientIDPrefix
        self.accessionPrefix = accessionPrefix
        self.institution = institution
    }

    /// Names of facilities travel in lists joined by commas.
    package static func isName(_ text: String) -> Bool {
        (1...64).contains(text.count) && !text.contains(",")
            && text.unicodeScalars.allSatisfy { $0.value >= 0x20 && $0.value != 0x7F }
    }
}

/// The reference that the index's `facility_of` is held to.
extension [FacilityRule] {
    /// nil: the copy belongs to none, or it cannot be told, because a rule asks for what the source did not return or what
    /// lost characters. A copy that a rule might claim is never given to a later one.
    package func facility(of record: StudyRecord, issuer: String) -> String? {
        for rule in self {
            switch rule.claims(record, issuer: issuer) {
            case .yes: return rule.facility
            case .unknown: return nil
            case .no: continue
            }
        }
        return nil
    }
}

extension FacilityRule {
    fileprivate func claims(_ record: StudyRecord, issuer effective: String) -> Truth {
        let isIssuerLossy = record.lossy.contains(.issuerOfPatientID)
        var truth = issuer.map { isIssuerLossy ? .unknown : $0 == effective ? .yes : .no } ?? Truth.yes
        for (tag, prefix) in [(Tag.patientID, patientIDPrefix), (.accessionNumber, accessionPrefix)] {
            guard let prefix else { continue }
            guard let text = record[tag], !record.lossy.contains(tag) else {
                truth = truth && .unknown
                continue
            }
            truth = truth && (text.trimmingSpaces().utf8.starts(with: prefix.utf8) ? .yes : .no)
        }
        return institution.map { truth && Self.names($0, record) } ?? truth
    }

    /// Of several institutions, and of one that lost characters, it cannot be told.
    private static func names(_ institution: String, _ record: StudyRecord) -> Truth {
        guard let text = record.institutionName, !text.unicodeScalars.contains("\u{FFFD}") else { return .unknown }
        let institutions = record.institutions
        return institutions == [institution] ? .yes : institutions.contains(institution) ? .unknown : .no
    }
}
