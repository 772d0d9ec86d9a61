import DICOM
import DIMSE
import Mustache

/// The DICOM conformance statement in the order of PS3.2, of what the code does and nothing else: its lists are the code's own
/// where the code has them, and each line names the test that shows it.
struct ConformanceStatement: Sendable {
    struct Context: Sendable {
        var abstractSyntax: String
        var uid: String
        var transferSyntaxes: [TransferSyntax]
        /// Relational questions; nothing else is negotiated.
        var extendedNegotiation: String
        var test: String
    }
    struct Status: Sendable {
        var code: UInt16
        var meaning: String
        var test: String
    }
    /// What is said of a part that has no list of its own.
    struct Line: Sendable {
        var subject: String
        var statement: String
        var test: String
    }

    // MARK: Networking

    /// Of the SCP.
    let accepted = contexts(
        [.studyRoot, .patientRoot, .patientStudyOnly], granting: "Relational queries; fuzzy semantic matching of names",
        "ConformanceTests/theProviderAcceptsWhatIsStated")
    /// Of the SCU.
    let proposed = contexts(
        [.studyRoot, .patientRoot, .patientStudyOnly, .repository], granting: "Relational queries",
        "OpeningTests/verificationAndTheFindModelsAreProposedInBothLittleEndianSyntaxes")

    private static func contexts(_ models: [FindModel], granting options: String, _ test: String) -> [Context] {
        [
            Context(
                abstractSyntax: "Verification", uid: Verification.sopClassUID,
                transferSyntaxes: TransferSyntax.allCases, extendedNegotiation: "None", test: test)
        ]
            + models.map {
                Context(
                    abstractSyntax: $0.title, uid: $0.rawValue, transferSyntaxes: TransferSyntax.allCases,
                    extendedNegotiation: options, test: test)
            }
    }

    /// With which a C-FIND of others is answered.
    let statuses = [
        Status(
            code: 0x0000, meaning: "Success: all matches were sent, and none is missing",
            test: find("studiesAndPatientsAreWhatTheReferenceMatcherSays")),
        Status(
            code: 0xFF00, meaning: "Pending: a match", test: find("studiesAndPatientsAreWhatTheReferenceMatcherSays")),
        Status(
            code: 0xFF01, meaning: "Pending: a match; a key that was asked for is not supported",
            test: find("whatIsNotSupportedSaysSo")),
        Status(
            code: 0xA700, meaning: "More matches than are sent: none was",
            test: find("moreThanMayBeSentIsRefusedBeforeTheFirst")),
        Status(
            code: 0xA900, meaning: "The identifier has a level that the model has not, or a key that cannot be matched",
            test: find("whatIsNotSupportedSaysSo")),
        Status(
            code: 0xC000,
            meaning: "Several issuers have the Patient ID that was asked for: Issuer of Patient ID is needed",
            test: "ConformanceTests/aPatientIDOfSeveralIssuersIsRefused"),
        Status(
            code: 0xC001,
            meaning: "An inner error; or after the matches: sources are missing from them, named in the Error Comment",
            test: find("aSourceThatDoesNotAnswerIsAFailureThatNamesIt")),
        Status(code: 0xFE00, meaning: "Cancelled", test: find("aCancelStopsTheAnswerWhereItIs")),
        Status(
            code: 0x0124, meaning: "Not authorised: the calling AE title may not ask from this address",
            test: find("onlyWhoIsNamedMayAsk")),
    ]

    private static func find(_ test: String) -> String { "FindServiceTests/\(test)" }

    let associations = [
        Line(
            subject: "Called AE title",
            statement: "Must be the configured one (server.dimse.ae_title); else rejected for good",
            test: "AssociationTests/anUnknownCalledTitleIsRejectedForGood"),
        Line(
            subject: "Calling AE title", statement: "Must be named in server.dimse.allow; else rejected",
            test: find("onlyWhoIsNamedMayAsk")),
        Line(
            subject: "Associations accepted",
            statement: "2,000 in all, 64 of one calling AE title, 32 of one address; beyond that rejected for now",
            test: "ProviderLimitTests/oneAssociationTooManyIsRejectedForNowAndOneLessIsAccepted"),
        Line(
            subject: "Maximum PDU", statement: "64 KiB are announced; up to 128 KiB are accepted",
            test: "ProviderFindTests/aPDUMayReachTheLimitAndNoMore"),
        Line(
            subject: "Identifiers", statement: "Up to 64 KiB are accepted",
            test: "ProviderFindTests/anIdentifierMayReachTheLimitAndNoMore"),
        Line(
            subject: "Operations", statement: "One at a time; asynchronous operations are not negotiated",
            test: "ProviderFindTests/theNextRequestMayFollowTheFinalResponseAtOnce"),
    ]

    // MARK: Attributes

    /// Queries that name a higher level's unique keys match its attributes as well.
    let attributes = AttributeDictionary.all.filter { $0.tag != .specificCharacterSet && $0.tag != .queryRetrieveLevel }

    static let attributeTest = "SearchTests/itFindsWhatTheReferenceMatcherFinds"

    // MARK: QIDO-RS

    /// Of `/dicom-web`.
    let resources: [(path: String, level: QueryLevel)] = [
        ("/studies", .study), ("/series", .series), ("/instances", .image), ("/studies/{study}/series", .series),
        ("/studies/{study}/instances", .image), ("/studies/{study}/series/{series}/instances", .image),
    ]

    let parameters = [
        Line(
            subject: "{attribute}={value}",
            statement:
                "By keyword or tag; several values with commas, backslashes or repeated. Attributes that are not known are ignored, with a Warning",
            test: "SearchRequestTests/unknownAttributesAreIgnoredWithAWarning"),
        Line(
            subject: "includefield", statement: "Keywords, tags, or all",
            test: "SearchRequestTests/aMatchKeyThatIsAlsoAnIncludeFieldStillFilters"),
        Line(
            subject: "limit",
            statement: "At most \(SearchRequest.maximumResults), default \(SearchRequest.defaultResults)",
            test: "SearchRequestTests/aLimitAboveOursIsClampedWithAWarning"),
        Line(
            subject: "offset", statement: "Pages follow each other without a row twice or missing for five minutes",
            test: "ScopedSearchTests/aPageBeginsWhereTheOneBeforeItEnded"),
        Line(
            subject: "fuzzymatching",
            statement: "Of names: words in any order, by their beginnings or by how they sound",
            test: "FuzzyNameTests/itFinds"),
        Line(
            subject: "spanning; Cache-Control",
            statement: "never, auto, always; no-cache, only-if-cached, max-age: whether sources are asked",
            test: "SpannerRoutesTests/directivesSayWhetherSourcesAreAsked"),
        Line(
            subject: "Accept",
            statement:
                "application/dicom+json; multipart/related; type=\"application/dicom+xml\" where it is preferred",
            test: "SearchRequestTests/dicomJSONIsAnsweredWheneverItIsAsWelcome"),
    ]

    let answers = [
        Line(
            subject: "200", statement: "Matches, in one order: newest study first. No match: an empty list",
            test: "ScopedSearchTests/aPageBeginsWhereTheOneBeforeItEnded"),
        Line(
            subject: "Warning: 299", statement: "What the answer lacks, and which sources are missing from it",
            test: "SpannerRoutesTests/nothingIsEmptyWithoutAWarning"),
        Line(
            subject: "Age", statement: "Seconds since the oldest proof that the answer rests on",
            test: "SpannerRoutesTests/directivesSayWhetherSourcesAreAsked"),
        Line(
            subject: "400", statement: "A value that cannot be matched",
            test: "SearchRequestTests/whatHasNoMeaningIsRefused"),
        Line(
            subject: "406", statement: "Neither form is accepted",
            test: "SpannerRoutesTests/matchesAreDocumentsWhereXMLIsPreferred"),
        Line(
            subject: "405", statement: "Other methods than GET and HEAD",
            test: "SpannerConfigurationRoutesTests/theyAreReadWithQueryAndChangedWithAdmin"),
    ]

    // MARK: Character sets

    /// Read from sources and from those who ask; answers are written in UTF-8, to a C-FIND peer in its configured set.
    let characterSets = [
        "ISO_IR 6", "ISO_IR 100", "ISO_IR 101", "ISO_IR 109", "ISO_IR 110", "ISO_IR 144", "ISO_IR 127", "ISO_IR 126",
        "ISO_IR 138", "ISO_IR 148", "ISO_IR 203", "ISO_IR 13", "ISO_IR 166", "ISO_IR 192", "GB18030", "GBK",
        "ISO 2022 IR 6", "ISO 2022 IR 100", "ISO 2022 IR 101", "ISO 2022 IR 109", "ISO 2022 IR 110", "ISO 2022 IR 144",
        "ISO 2022 IR 127", "ISO 2022 IR 126", "ISO 2022 IR 138", "ISO 2022 IR 148", "ISO 2022 IR 203", "ISO 2022 IR 13",
        "ISO 2022 IR 166", "ISO 2022 IR 87", "ISO 2022 IR 159", "ISO 2022 IR 149", "ISO 2022 IR 58",
    ]

    static let characterSetTest = "StandardExamplesTests/decodes"
    static let peerCharacterSetTest = find("aPeerIsAnsweredInTheCharacterSetThatItReads")

    // MARK: Security

    let security = [
        Line(
            subject: "HTTP",
            statement: "API keys with scopes on everything but health, the API's description and this page",
            test: "SpannerConfigurationRoutesTests/theyAreReadWithQueryAndChangedWithAdmin"),
        Line(
            subject: "DIMSE as SCU", statement: "TLS with certificates of both sides, where a source is configured so",
            test: "TLSInteroperabilityTests/storescpIsSpokenToWhereBothCertificatesFit"),
        Line(
            subject: "DIMSE as SCP", statement: "Calling AE title and network address of the peer",
            test: find("onlyWhoIsNamedMayAsk")),
        Line(
            subject: "DIMSE as SCP over TLS",
            statement: "1.3, or 1.2 with ECDHE and AEAD; the peer's own certificate as well",
            test: "TLSInteroperabilityTests/findscuIsAnsweredWhereItsCertificateAndItsTitleFit"),
    ]
}

extension FindModel {
    fileprivate var title: String {
        switch self {
        case .studyRoot: "Study Root Query/Retrieve Information Model - FIND"
        case .patientRoot: "Patient Root Query/Retrieve Information Model - FIND"
        case .patientStudyOnly: "Patient/Study Only Query/Retrieve Information Model - FIND (retired)"
        case .repository: "Repository Query"
        }
    }
}

// MARK: - Page

extension ConformanceStatement {
    func html() throws -> String {
        let template = try MustacheTemplate(
            string: String(decoding: PackageResources.conformance_mustache, as: UTF8.self))
        return template.render(Page(self))
    }

    /// What the template sees: text only.
    private struct Page {
        struct Row {
            let cells: [String]
            let test: String
        }
        let accepted: [Row]
        let proposed: [Row]
        let statuses: [Row]
        let associations: [Row]
        let attributes: [Row]
        let resources: [Row]
        let parameters: [Row]
        let answers: [Row]
        let characterSets: String
        let characterSetTest = ConformanceStatement.characterSetTest
        let peerCharacterSetTest = ConformanceStatement.peerCharacterSetTest
        let security: [Row]

        init(_ statement: ConformanceStatement) {
            func rows(_ contexts: [Context]) -> [Row] {
                contexts.flatMap { context in
                    context.transferSyntaxes.map { syntax in
                        Row(
                            cells: [
                                context.abstractSyntax, context.uid, syntax.title, syntax.rawValue,
                                context.extendedNegotiation,
                            ], test: context.test)
                    }
                }
            }
            func rows(_ lines: [Line]) -> [Row] {
                lines.map { Row(cells: [$0.subject, $0.statement], test: $0.test) }
            }
            accepted = rows(statement.accepted)
            proposed = rows(statement.proposed)
            statuses = statement.statuses.map {
                let digits = String($0.code, radix: 16, uppercase: true)
                return Row(
                    cells: [String(repeating: "0", count: 4 - digits.count) + digits, $0.meaning], test: $0.test)
            }
            associations = rows(statement.associations)
            attributes = statement.attributes.map {
                Row(
                    cells: [$0.keyword, "\($0.tag)", $0.vr.name, $0.level.rawValue, $0.matching.title],
                    test: ConformanceStatement.attributeTest)
            }
            resources = statement.resources.map {
                Row(
                    cells: ["/dicom-web" + $0.path, $0.level.rawValue],
                    test: "ConformanceTests/theResourcesAreThoseOfTheDescription")
            }
            parameters = rows(statement.parameters)
            answers = rows(statement.answers)
            characterSets = statement.characterSets.joined(separator: ", ")
            security = rows(statement.security)
        }
    }

    /// Every test that a line of the statement names.
    var tests: Set<String> {
        Set(
            (accepted + proposed).map(\.test) + statuses.map(\.test)
                + (associations + parameters + answers + security).map(\.test)
                + [Self.attributeTest, Self.characterSetTest, Self.peerCharacterSetTest])
    }
}

extension TransferSyntax {
    fileprivate var title: String {
        switch self {
        case .implicitVRLittleEndian: "Implicit VR Little Endian"
        case .explicitVRLittleEndian: "Explicit VR Little Endian"
        }
    }
}

extension Matching {
    fileprivate var title: String {
        switch self {
        case .none: "Returned only"
        case .singleValue: "Single value"
        case .wildcard: "Single value, wildcards"
        case .uidList: "List of UIDs"
        case .dateRange: "Date, range"
        case .timeRange: "Time, range"
        case .personName: "Single value, wildcards; without case and accents, by any group"
        case .integer: "Number"
        case .multiValue: "Any of several values, wildcards"
        }
    }
}
