import DICOM
import DIMSE
import Logging
import PostgresClient
import Spanning
import StudyIndex

/// The C-FIND provider: Study Root, Patient Root and Patient/Study Only, answered by the same plan as HTTP.
package struct FindService: Sendable {
    package struct Settings: Sendable {
        package var host = "127.0.0.1"
        /// 0: any free port.
        package var port = 11_112
        package var aeTitle: AETitle
        package var peers: [FindPeer] = []
        /// nil: plain TCP.
        package var tls: ProviderTLS?
        package var associations = AssociationLimits()
        /// More are refused before the first (A700).
        package var maximumMatches = 5_000
        /// How long sources are waited for.
        package var deadline = Duration.seconds(30)

        package init(aeTitle: AETitle) { self.aeTitle = aeTitle }
    }

    private let settings: Settings
    private let catalog: SpanningCatalog
    private let metrics: ServerMetrics
    private let audit: AuditSpool
    private let admission: Admission
    private let tokens: LogTokens
    private let logger: Logger
    /// Around each C-FIND, with the association that it comes by; a replica pins its generations there, and says which.
    package var around: @Sendable (Int, @Sendable () async throws -> FindStatus) async throws -> FindStatus = {
        try await $1()
    }

    package init(
        _ settings: Settings, catalog: SpanningCatalog, metrics: ServerMetrics, audit: AuditSpool,
        admission: Admission = Admission(), tokens: LogTokens, logger: Logger
    ) {
        self.settings = settings
        self.catalog = catalog
        self.metrics = metrics
        self.audit = audit
        self.admission = admission
        self.tokens = tokens
        self.logger = logger
    }

    package func start() async throws -> SCPServer {
        var configuration = SCPConfiguration()
        configuration.host = settings.host
        configuration.port = settings.port
        configuration.aeTitles = [settings.aeTitle]
        configuration.tls = settings.tls
        configuration.limits = settings.associations
        configuration.admits = { caller in settings.peers.contains { $0.admits(caller) } }
        configuration.onAssociation = { noteRefusal($0) }
        configuration.grants = [.relational, .fuzzyNames]
        return try await SCPServer.start(configuration) { request, responder in
            let start = ContinuousClock.now
            let level = QueryLevel(rawValue: request.identifier.text(.queryRetrieveLevel) ?? "")?.rawValue ?? "none"
            do {
                let status = try await around(request.association) { try await answer(request, responder) }
                metrics.answeredFind(level: level, status: status.status, in: ContinuousClock.now - start)
                return status
            } catch let error as CancellationError {
                throw error
            } catch {
                metrics.answeredFind(level: level, status: 0xC001, in: ContinuousClock.now - start)
                logger.error(
                    "a C-FIND failed",
                    metadata: [
                        "calling": "\(request.caller.calling)", "error": "\(error)",
                        "asked": "\(tokens.token(request.identifier.keysInWords))",
                    ])
                throw error
            }
        }
    }

    /// Who was not let in, and why. A title, an address and a certificate are no patient data.
    private func noteRefusal(_ event: AssociationEvent) {
        switch event {
        case .opened, .closed: break
        case .rejected(let caller, let rejection):
            var record = AuditRecord(.association, means: "DICOM")
            record.outcome = .denied
            record.actor = caller.calling.value
            record.address = caller.address
            record.object = caller.called.value
            record.query = caller.certificate.map { "certificate \($0)" } ?? ""
            let denied = record
            // No answer waits for it.
            Task {
                do { try await audit.append(denied) } catch {
                    logger.critical("a rejection was not audited", metadata: ["error": "\(error)"])
                }
            }
            logger.warning(
                "an association was rejected",
                metadata: [
                    "calling": "\(caller.calling)", "called": "\(caller.called)", "address": "\(caller.address)",
                    "certificate": "\(caller.certificate?.description ?? "none")", "reason": "\(rejection)",
                ])
        case .failed(let address, let error):
            logger.warning(
                "a connection failed before its association", metadata: ["address": "\(address)", "error": "\(error)"])
        }
    }

    // MARK: One C-FIND

    /// Nothing is sent before the audit trail has it.
    private func answer(_ request: FindRequest, _ responder: FindResponder) async throws -> FindStatus {
        let peer = settings.peers.first { $0.admits(request.caller) }
        var record = AuditRecord(.query, means: "C-FIND")
        record.actor = request.caller.calling.value
        record.address = request.caller.address
        record.object = request.identifier.text(.queryRetrieveLevel) ?? ""
        record.query = request.identifier.keysInWords
        let reply: Result<Reply, any Error>
        do { reply = .success(try await self.reply(to: request, from: peer)) } catch { reply = .failure(error) }
        switch reply {
        case .success(let reply):
            record.status = Int(reply.status.status)
            record.outcome = reply.isDenied ? .denied : reply.status == .success ? .success : .failed
            record.results = reply.answers.count
        case .failure:
            record.status = 0xC001
            record.outcome = .failed
        }
        do { try await audit.append(record) } catch {
            logger.critical("an answer was withheld: it could not be audited", metadata: ["error": "\(error)"])
            return FindStatus(FindStatus.outOfResources.status, errorComment: "The audit trail cannot be written")
        }
        let answers = try reply.get()
        for answer in answers.answers {
            // A peer that leaves cancels the task (F95).
            try Task.checkCancellation()
            if responder.isCancelled { return .cancelled }
            try await responder.send(answers.format.identifier(answer), keysUnsupported: answers.areKeysUnsupported)
        }
        return responder.isCancelled ? .cancelled : answers.status
    }

    /// What is to be sent, and how it ends.
    private struct Reply {
        var answers: [Match] = []
        var format: FindAnswer
        var areKeysUnsupported = false
        var status: FindStatus
        var isDenied = false
    }

    private func reply(to request: FindRequest, from peer: FindPeer?) async throws -> Reply {
        let level = QueryLevel(rawValue: request.identifier.text(.queryRetrieveLevel) ?? "") ?? .study
        let format = FindAnswer(
            to: request.identifier, level: level, characterSet: peer?.characterSet ?? SpecificCharacterSet.utf8)
        func refusal(_ status: FindStatus) -> Reply { Reply(format: format, status: status) }
        guard let peer else {
            var reply = refusal(FindStatus(0x0124, errorComment: "Not authorised"))
            reply.isDenied = true
            return reply
        }
        var query: StudyQuery
        do {
            query = try StudyQuery(identifier: request.identifier, isFuzzy: request.options.contains(.fuzzyNames))
        } catch {
            return refusal(
                FindStatus(
                    FindStatus.identifierDoesNotMatch.status,
                    errorComment: "The identifier has a key that cannot be matched",
                    offendingElements: error.tag.map { [$0] } ?? []))
        }
        guard request.model.levels.contains(query.level) else {
            return refusal(
                FindStatus(
                    FindStatus.identifierDoesNotMatch.status, errorComment: "This level is not part of the model",
                    offendingElements: [.queryRetrieveLevel]))
        }
        query.qualify(byIssuer: peer.issuer)
        query.limit = settings.maximumMatches
        let client = "AE \(peer.aeTitle.value)"
        guard admission.enter(client, Admission.Limits(), at: .now) == nil else {
            return refusal(FindStatus(FindStatus.outOfResources.status, errorComment: "Too much to do: try again"))
        }
        defer { admission.leave(client) }
        let wanted = query
        let found: Found
        do {
            found = try await PostgresPool.$client.withValue(client) {
                try await find(wanted, within: peer.visibility)
            }
        } catch let error as IndexError where error.code == .tooBroad { return refusal(.tooMany) }
        metrics.note(found.gaps)
        if found.matches.count > settings.maximumMatches || found.isMore { return refusal(.tooMany) }
        if let status = found.refusal { return refusal(status) }
        var reply = Reply(answers: found.matches, format: format, status: .success)
        reply.areKeysUnsupported = request.identifier.elements.contains { !$0.tag.isKnown }
        if found.gaps.isIncomplete, !(peer.prefersSuccess && !found.matches.isEmpty) {
            reply.status = FindStatus(0xC001, errorComment: found.gaps.comment)
        }
        return reply
    }

    private struct Found {
        var matches: [Match] = []
        /// Beyond what may be sent.
        var isMore = false
        var gaps = SpanningCatalog.Gaps()
        var refusal: FindStatus?
    }

    private func find(_ query: StudyQuery, within visibility: Visibility) async throws -> Found {
        let terms = SpanningCatalog.Terms(visibility: visibility, deadline: settings.deadline)
        var found = Found()
        switch query.level {
        case .patient, .study:
            let (answer, gaps) = try await catalog.search(query, terms)
            let studies = query.level == .patient ? answer.studies.onePerPatient : answer.studies
            found.matches = studies.map(Match.study)
            found.isMore = answer.total > answer.studies.count
            found.gaps = gaps
            found.refusal = query.ambiguity(answer.studies)
        case .series:
            let (matches, gaps) = try await catalog.searchSeries(query, terms)
            found.matches = matches.map { .series($0.series, $0.study) }
            found.gaps = gaps
        case .image:
            guard let (matches, gaps) = try await catalog.searchInstances(query, terms) else {
                found.refusal = FindStatus(
                    FindStatus.identifierDoesNotMatch.status,
                    errorComment: "Instances are found by study, or by a series that is known",
                    offendingElements: [.studyInstanceUID])
                return found
            }
            found.matches = matches.map(Match.instance)
            found.gaps = gaps
        }
        return found
    }
}

/// A match of any level.
private enum Match: Sendable {
    case study(CatalogStudy)
    case series(CatalogSeries, CatalogStudy)
    case instance(CatalogInstance)
}

extension FindAnswer {
    fileprivate func identifier(_ match: Match) -> DataSet {
        switch match {
        case .study(let study): identifier(study)
        case .series(let series, let study): identifier(series, of: study)
        case .instance(let instance): identifier(instance)
        }
    }
}

extension FindPeer {
    /// One entry has to fit as a whole: a good certificate with another's AE title is nobody.
    fileprivate func admits(_ caller: Caller) -> Bool {
        aeTitle == caller.calling && network?.contains(caller.address) != false
            && (certificate == nil || certificate == caller.certificate)
    }
}

extension FindStatus {
    fileprivate static let tooMany = FindStatus(
        FindStatus.outOfResources.status, errorComment: "More matches than may be sent: narrow the query")
}

extension FindModel {
    fileprivate var levels: Set<QueryLevel> {
        switch self {
        case .studyRoot: [.study, .series, .image]
        case .patientRoot: [.patient, .study, .series, .image]
        case .patientStudyOnly: [.patient, .study]
        case .repository: []
        }
    }
}

extension Tag {
    fileprivate var isKnown: Bool {
        AttributeDictionary.attribute(self) != nil || element == 0
    }
}

extension DataSet {
    /// The keys that ask for something, for the audit trail.
    fileprivate var keysInWords: String {
        elements.compactMap { element in
            guard let text = text(element.tag), !text.isEmpty else { return nil }
            return "\(AttributeDictionary.attribute(element.tag)?.keyword ?? element.tag.hex)=\(text)"
        }.joined(separator: "&")
    }
}

extension StudyQuery {
    fileprivate mutating func qualify(byIssuer issuer: String?) {
        guard let issuer, names(.patientID), !names(.issuerOfPatientID),
            let attribute = AttributeDictionary.attribute(.issuerOfPatientID)
        else { return }
        keys.append(QueryKey(attribute: attribute, match: .single(issuer)))
    }

    /// Promise 9: a bare patient ID that several issuers have given out means several people.
    fileprivate func ambiguity(_ studies: [CatalogStudy]) -> FindStatus? {
        guard !ambiguousIssuers(in: studies).isEmpty else { return nil }
        return FindStatus(
            0xC000, errorComment: "Several issuers have this Patient ID: add (0010,0021)",
            offendingElements: [.issuerOfPatientID])
    }
}

extension [CatalogStudy] {
    /// The newest study's demographics stand for the patient.
    fileprivate var onePerPatient: [CatalogStudy] {
        var seen: Set<String> = []
        return filter { seen.insert("\($0.record.issuerOfPatientID)\\\($0.record.patientID)").inserted }
    }
}

extension SpanningCatalog.Gaps {
    /// At most 64 characters are sent.
    var comment: String {
        sources.isEmpty ? "Incomplete: series not indexed" : "Incomplete: \(sources.joined(separator: " "))"
    }
}
