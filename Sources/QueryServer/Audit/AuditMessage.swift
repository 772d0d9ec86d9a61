import Foundation

/// A record as a DICOM audit message (PS3.15 §A.5): Query for lookups (§A.5.3.10), Application Activity for a server's start,
/// Security Alert for what concerns keys and the trail itself.
package struct AuditMessage: Sendable {
    private let record: AuditRecord
    private let source: String

    /// - Parameter source: of the audit: who recorded it.
    /// nil: it is no record.
    package init?(record line: String, source: String) {
        guard let record = try? JSONDecoder().decode(AuditRecord.self, from: Data(line.utf8)) else { return nil }
        self.record = record
        self.source = source
    }

    package var xml: String {
        let event =
            switch record.event {
            case .query: Self.code("EventID", "110112", "Query")
            case .operation, .start: Self.code("EventID", "110100", "Application Activity")
            case .association: Self.code("EventID", "110114", "User Authentication")
            case .key, .tornTail: Self.code("EventID", "110113", "Security Alert")
            }
        let type =
            switch record.event {
            case .query, .operation: ""
            case .association: Self.code("EventTypeCode", "110122", "Login")
            case .start: Self.code("EventTypeCode", "110120", "Application Start")
            case .key: Self.code("EventTypeCode", "110137", "User Security Attributes Changed")
            case .tornTail: Self.code("EventTypeCode", "110134", "Audit Recording Stopped")
            }
        // §A.5.2: 0 success, 4 minor and 8 serious failure.
        let outcome =
            switch record.outcome {
            case .success: 0
            case .denied: 4
            case .failed: 8
            }
        let address =
            record.address.isEmpty
            ? "" : " NetworkAccessPointID=\"\(Self.escaped(record.address))\" NetworkAccessPointTypeCode=\"2\""
        let name = record.name.isEmpty ? "" : " UserName=\"\(Self.escaped(record.name))\""
        var xml = "<?xml version=\"1.0\" encoding=\"UTF-8\"?><AuditMessage>"
        xml += "<EventIdentification EventActionCode=\"E\" EventDateTime=\"\(Self.escaped(record.time ?? ""))\""
        xml += " EventOutcomeIndicator=\"\(outcome)\">\(event)\(type)</EventIdentification>"
        xml += "<ActiveParticipant UserID=\"\(Self.escaped(record.actor.isEmpty ? "unknown" : record.actor))\"\(name)"
        xml +=
            " UserIsRequestor=\"true\"\(address)>\(Self.code("RoleIDCode", "110153", "Source Role ID"))</ActiveParticipant>"
        xml += "<ActiveParticipant UserID=\"\(Self.escaped(source))\" UserIsRequestor=\"false\">"
        xml += Self.code("RoleIDCode", "110152", "Destination Role ID") + "</ActiveParticipant>"
        xml += "<AuditSourceIdentification AuditSourceID=\"\(Self.escaped(source))\"/>"
        if !record.query.isEmpty { xml += asked }
        return xml + "</AuditMessage>"
    }

    /// What was asked: a system object (2) with the role of a query (24).
    private var asked: String {
        let query = Data("\(record.means) \(record.object) \(record.query)".utf8).base64EncodedString()
        var xml = "<ParticipantObjectIdentification ParticipantObjectID=\"\(Self.escaped(record.object))\""
        xml += " ParticipantObjectTypeCode=\"2\" ParticipantObjectTypeCodeRole=\"24\">"
        xml += Self.code("ParticipantObjectIDTypeCode", "110181", "SOP Class UID")
        xml += "<ParticipantObjectQuery>\(query)</ParticipantObjectQuery>"
        for (type, value) in [("status", "\(record.status)"), ("results", record.results.map(String.init))] {
            guard let value else { continue }
            let encoded = Data(value.utf8).base64EncodedString()
            xml += "<ParticipantObjectDetail type=\"\(type)\" value=\"\(encoded)\"/>"
        }
        return xml + "</ParticipantObjectIdentification>"
    }

    private static func code(_ element: String, _ code: String, _ meaning: String) -> String {
        "<\(element) csd-code=\"\(code)\" codeSystemName=\"DCM\" originalText=\"\(meaning)\"/>"
    }

    /// Also what XML cannot say at all becomes a question mark.
    private static func escaped(_ text: String) -> String {
        var escaped = ""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "&": escaped += "&amp;"
            case "<": escaped += "&lt;"
            case ">": escaped += "&gt;"
            case "\"": escaped += "&quot;"
            case _ where scalar.value < 0x20 || (0xFFFE...0xFFFF).contains(scalar.value): escaped += "?"
            default: escaped.unicodeScalars.append(scalar)
            }
        }
        return escaped
    }
}
