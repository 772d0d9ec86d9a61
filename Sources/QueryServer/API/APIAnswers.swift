import Foundation
import HTTPTypes
import Hummingbird

/// The JSON API's answers: plain structures, keys in snake case, times in UTC as ISO 8601.
enum APIAnswer {
    struct Source: Encodable {
        var name: String
        var aeTitle: String
        var paused: Bool
        /// Seconds; 0: it is not resting.
        var restsFor: Double
        /// The part of its rate that is used.
        var rateInUse: Double
        var openAssociations: Int
        var oldestProof: String?
        var holes: Int
        var openSlices: Int
    }

    struct Health: Encodable {
        var name: String
        /// `up`, or `down` with the reason.
        var state: String
        var reason: String?
        var seconds: Double?
        var breaker: Breaker
        var budget: Budget
        /// When the last sweep ended that left no hole at it.
        var lastCompleteSweep: String?
    }

    struct Breaker: Encodable {
        /// `closed`: it is asked; `open`: it rests; `half-open`: one association finds out whether it is well.
        var state: String
        /// In a row, since it was well or began to rest.
        var failures: Int
        /// In a row.
        var rests: Int
        /// Seconds.
        var restsFor: Double
    }

    struct Budget: Encodable {
        var queriesPerSecond: Double
        /// The part of it that is used; less than 1 where the source has become slow.
        var rateInUse: Double
        var associations: Int
        var openAssociations: Int
        var paused: Bool
    }

    struct Span: Encodable {
        var source: String
        var level: String
        var from: String?
        var to: String?
        var state: String
        var verifiedAt: String
        var reason: String
    }

    struct Year: Encodable {
        var source: String
        var year: Int
        var studiesByPatient: Int
        var notByDate: Int
    }

    struct Coverage: Encodable {
        var spans: [Span]
        var completeness: [Year]
    }

    struct Discrepancy: Encodable {
        /// What it is acknowledged by.
        var number: Int
        var discrepancyClass: String
        var severity: String
        var studyInstanceUid: String
        var otherStudyInstanceUid: String?
        var sources: [String]
        var state: String
        var firstSeen: String
        var explanation: String
        /// What each source said when it was found.
        var values: [Value]
        /// Nil: nothing tells what is true.
        var suggestion: Suggestion?
        /// Who acknowledged it, and what they say.
        var acknowledgement: String
    }

    struct Suggestion: Codable {
        /// By keyword.
        var values: [String: String]
        var reason: String
    }

    /// One change of what a source says of a study.
    struct Event: Encodable {
        struct Change: Encodable {
            var before: String
            var after: String
        }

        var at: String
        var source: String
        /// `appeared`, `changed`, `vanished` or `returned`.
        var event: String
        /// By keyword.
        var changes: [String: Change]
    }

    struct Value: Encodable {
        var source: String
        var studyInstanceUid: String
        /// By keyword; null: not returned.
        var attributes: [String: String?]
    }

    struct Discrepancies: Encodable {
        var total: Int
        var discrepancies: [Discrepancy]
    }

    struct PossibleStudies: Encodable {
        var studyInstanceUid: String
        var possibleStudies: [PossibleStudy]
    }

    /// A study that is possibly of the same human as the one asked for.
    struct PossibleStudy: Encodable {
        var studyInstanceUid: String
        /// Always `possible`: nothing here is a fact.
        var samePerson: String
        /// `probable`, or `review`: for a person to decide.
        var grade: String
        /// Of the link between the two patients; nil: they are joined by way of others.
        var probability: Double?
        /// Why it is for review whatever its probability.
        var caution: String?
        /// As the study's source names its patient.
        var issuer: String
        var patientId: String
        var patientName: String
        var patientBirthDate: String
        var patientSex: String
        var evidence: [Evidence]
    }

    struct Evidence: Codable {
        var comparison: String
        /// `exact`, `typo`, `close`, `part` or `different`.
        var agreement: String
        /// How many times likelier it is for one human than for two, as a power of two.
        var bits: Double
    }

    struct Copy: Encodable {
        var source: String
        var issuer: String
        /// As sent; attributes that the source does not return are left out.
        var attributes: [String: String]
        /// Attributes whose decoding lost characters.
        var damaged: [String]
    }

    struct Series: Encodable {
        var seriesInstanceUid: String
        var attributes: [String: String]
        var holders: [String]
    }

    struct Study: Encodable {
        var studyInstanceUid: String
        /// More than one where copies name different patients.
        var consolidated: [[String: String]]
        /// The source of each attribute, by keyword.
        var provenance: [String: String]
        var holders: [String]
        var copies: [Copy]
        var series: [Series]
        var discrepancies: [Discrepancy]
        /// What changed, when and where; the oldest first.
        var history: [Event]
        /// Sources that may hold it too, and were not heard.
        var unheardSources: [String]
    }
}

extension Response {
    static func json(_ value: some Encodable, status: HTTPResponse.Status = .ok) throws -> Response {
        let encoder = JSONEncoder()
        encoder.keyEncodingStrategy = .convertToSnakeCase
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        return Response(
            status: status, headers: [.contentType: "application/json", .cacheControl: "no-store"],
            body: ResponseBody(byteBuffer: ByteBuffer(bytes: try encoder.encode(value))))
    }
}
