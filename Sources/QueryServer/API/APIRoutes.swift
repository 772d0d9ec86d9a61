import DICOM
import Foundation
import HTTPTypes
import Hummingbird
import Spanning
import StudyIndex

/// `/api/v1`: what the index knows of sources, coverage, discrepancies and single studies. Described by `/openapi.json`.
struct APIRoutes: Sendable {
    let index: StudyIndex
    let catalog: SpanningCatalog
    let deadline: Duration

    func add(to routes: ProtectedRoutes) {
        routes.get("/sources", needs: .report) { _, context in
            try Response.json(try await sources(within: context.visibility))
        }
        routes.get("/sources/:name/health", needs: .report) { _, context in
            try Response.json(
                try await health(context.parameters.get("name") ?? "", within: context.visibility))
        }
        routes.get("/coverage", needs: .report) { _, context in
            try Response.json(try await coverage(within: context.visibility))
        }
        routes.get("/discrepancies", needs: .report, event: .query) { request, context in
            let answer = try await discrepancies(request, within: context.visibility)
            context.note.set { $0.results = answer.discrepancies.count }
            return try Response.json(answer)
        }
        routes.get("/studies/:study", needs: .query, event: .query) { _, context in
            let answer = try await study(context.parameters.get("study") ?? "", within: context.visibility)
            context.note.set { $0.results = answer.consolidated.count }
            return try Response.json(answer)
        }
        routes.get("/studies/:study/possible-studies", needs: .report, event: .query) { _, context in
            let answer = try await possibleStudies(
                context.parameters.get("study") ?? "", within: context.visibility)
            context.note.set { $0.results = answer.possibleStudies.count }
            return try Response.json(answer)
        }
    }

    /// Whether anything of a source can be seen: of the others nothing is told.
    private func isTold(within visibility: Visibility) async throws -> (_ source: String) -> Bool {
        let sources = try await index.sources(within: visibility)
        return { sources?.contains($0) ?? true }
    }

    // MARK: Sources

    private func sources(within visibility: Visibility) async throws -> [APIAnswer.Source] {
        let conditions = try await index.conditions()
        let isTold = try await isTold(within: visibility)
        return try await index.proofs().filter { isTold($0.source) }.map { proof in
            let condition = conditions[proof.source]
            return APIAnswer.Source(
                name: proof.source, aeTitle: proof.aeTitle, paused: condition?.isPaused ?? false,
                restsFor: (condition?.restsFor ?? .zero) / .seconds(1), rateInUse: condition?.brake ?? 1,
                openAssociations: condition?.openAssociations ?? 0,
                oldestProof: proof.oldest.map { Date(timeIntervalSince1970: $0).ISO8601Format() }, holes: proof.holes,
                openSlices: proof.openSlices)
        }
    }

    /// A C-ECHO, paid from the source's budget, and how its breaker and budget are after it.
    private func health(_ name: String, within visibility: Visibility) async throws -> APIAnswer.Health {
        let isTold = try await isTold(within: visibility)
        let echo = isTold(name) ? await catalog.echo(name, within: deadline) : .unknown
        guard echo != .unknown, let known = try await index.health(ofSource: name) else {
            throw RequestError(status: .notFound, message: "no such source")
        }
        var health = APIAnswer.Health(
            name: name, state: "down",
            breaker: APIAnswer.Breaker(
                state: known.breaker.rawValue, failures: known.failures, rests: known.rests,
                restsFor: known.restsFor / .seconds(1)),
            budget: APIAnswer.Budget(
                queriesPerSecond: known.queriesPerSecond, rateInUse: known.brake, associations: known.associations,
                openAssociations: known.openAssociations, paused: known.isPaused),
            lastCompleteSweep: known.lastCompleteSweep)
        switch echo {
        case .unknown: break
        case .up(let took):
            health.state = "up"
            health.seconds = took / .seconds(1)
        case .down(let reason): health.reason = reason
        }
        return health
    }

    // MARK: Coverage

    private func coverage(within visibility: Visibility) async throws -> APIAnswer.Coverage {
        let isTold = try await isTold(within: visibility)
        return APIAnswer.Coverage(
            spans: try await index.coveredDays().filter { isTold($0.source) }.map { covered in
                APIAnswer.Span(
                    source: covered.source, level: covered.level.rawValue, from: covered.days.lower?.iso,
                    to: covered.days.upper?.iso, state: covered.state.rawValue,
                    verifiedAt: covered.verifiedAt.replacing(" ", with: "T") + "Z", reason: covered.reason)
            },
            completeness: try await index.completeness().filter { isTold($0.source) }.map {
                APIAnswer.Year(
                    source: $0.source, year: $0.year, studiesByPatient: $0.studies, notByDate: $0.beyondDates)
            })
    }

    // MARK: Discrepancies

    private static let severities = ["critical", "major", "minor", "cosmetic"]
    /// Discrepancies of one answer.
    private static let mostDiscrepancies = 10_000

    private func discrepancies(
        _ request: Request, within visibility: Visibility
    ) async throws -> APIAnswer.Discrepancies {
        guard let url = URLQuery(request.uri.query ?? "") else {
            throw RequestError(status: .badRequest, message: "the query has a broken percent escape")
        }
        var filter = StudyIndex.DiscrepancyFilter()
        var (limit, offset) = (1_000, 0)
        for component in url.components {
            switch component.name {
            case "class": filter.discrepancyClass = component.value
            case "severity":
                guard Self.severities.contains(component.value) else {
                    throw RequestError(
                        status: .badRequest, message: "severity is one of \(Self.severities.joined(separator: ", "))")
                }
                filter.severity = component.value
            case "source": filter.source = component.value
            case "study":
                guard component.value.isUID else {
                    throw RequestError(status: .badRequest, message: "study must be a UID")
                }
                filter.studyUID = component.value
            case "limit": limit = min(Self.mostDiscrepancies, try Self.count(component))
            case "offset": offset = try Self.count(component)
            default:
                throw RequestError(
                    status: .badRequest,
                    message: "parameters are class, severity, source, study, limit and offset")
            }
        }
        let (page, total) = try await index.discrepancies(
            filter, limit: limit, offset: offset, within: visibility)
        return APIAnswer.Discrepancies(total: total, discrepancies: page.map(APIAnswer.Discrepancy.init))
    }

    private static func count(_ component: URLQuery.Component) throws -> Int {
        guard let value = Int(component.value), (0...1_000_000_000).contains(value) else {
            throw RequestError(
                status: .badRequest, message: "\(component.name) must be a number from 0 to 1000000000")
        }
        return value
    }

    // MARK: One study

    private func study(_ uid: String, within visibility: Visibility) async throws -> APIAnswer.Study {
        guard uid.isUID else { throw RequestError(status: .badRequest, message: "the path names no UID") }
        let (answer, gaps) = try await catalog.search(
            .study(uid), SpanningCatalog.Terms(visibility: visibility, deadline: deadline))
        guard !answer.studies.isEmpty else { throw RequestError.notFound(gaps) }
        let (copies, provenance) = try await index.study(uid, within: visibility)
        var filter = StudyIndex.DiscrepancyFilter()
        filter.studyUID = uid
        return APIAnswer.Study(
            studyInstanceUid: uid, consolidated: answer.studies.map { $0.record.byKeyword }, provenance: provenance,
            holders: answer.studies.flatMap(\.holders), copies: copies.map(APIAnswer.Copy.init),
            series: try await index.series(of: [uid], within: visibility).map(APIAnswer.Series.init),
            discrepancies: try await index.discrepancies(
                filter, limit: Self.mostDiscrepancies, offset: 0, within: visibility
            ).page.map(APIAnswer.Discrepancy.init),
            history: try await index.history(of: uid, within: visibility).map(APIAnswer.Event.init),
            unheardSources: gaps.sources)
    }

    // MARK: The same human's

    /// Studies of one answer.
    private static let mostPossibleStudies = 1_000

    /// A suggestion, and labelled as one: no search follows it (F187).
    private func possibleStudies(
        _ uid: String, within visibility: Visibility
    ) async throws -> APIAnswer.PossibleStudies {
        guard uid.isUID else { throw RequestError(status: .badRequest, message: "the path names no UID") }
        guard try await !index.study(uid, within: visibility).copies.isEmpty else {
            throw RequestError(status: .notFound, message: "no such study in the index")
        }
        let found = try await index.possibleStudies(
            ofHumanOf: uid, limit: Self.mostPossibleStudies, within: visibility)
        return APIAnswer.PossibleStudies(
            studyInstanceUid: uid, possibleStudies: try found.map(APIAnswer.PossibleStudy.init))
    }
}

extension StudyRecord {
    fileprivate var byKeyword: [String: String] {
        Dictionary(
            uniqueKeysWithValues: AttributeDictionary.observation.compactMap { attribute in
                self[attribute.tag].map { (attribute.keyword, $0) }
            })
    }
}

extension APIAnswer.Copy {
    fileprivate init(_ copy: StoredObservation) {
        self.init(
            source: copy.source, issuer: copy.issuer, attributes: copy.record.byKeyword,
            damaged: copy.record.lossy.compactMap { AttributeDictionary.attribute($0)?.keyword })
    }
}

extension APIAnswer.Series {
    fileprivate init(_ series: CatalogSeries) {
        self.init(
            seriesInstanceUid: series.record.seriesInstanceUID,
            attributes: Dictionary(
                uniqueKeysWithValues: AttributeDictionary.seriesObservation.compactMap { attribute in
                    series.record[attribute.tag].map { (attribute.keyword, $0) }
                }), holders: series.holders)
    }
}

extension APIAnswer.Discrepancy {
    fileprivate init(_ stored: StoredDiscrepancy) {
        let frozen = try? JSONDecoder().decode(Frozen.self, from: Data(stored.frozen.utf8))
        self.init(
            number: stored.id ?? 0, discrepancyClass: stored.discrepancyClass, severity: stored.severity,
            studyInstanceUid: stored.studyUID,
            otherStudyInstanceUid: stored.otherUID, sources: stored.sources, state: stored.state,
            firstSeen: stored.firstSeen, explanation: frozen?.explanation ?? "",
            values: (frozen?.values ?? []).map {
                APIAnswer.Value(source: $0.source, studyInstanceUid: $0.studyUID, attributes: $0.attributes)
            }, suggestion: frozen?.suggestion, acknowledgement: stored.acknowledgement)
    }
}

extension APIAnswer.Event {
    fileprivate init(_ event: StudyEvent) {
        self.init(
            at: event.at, source: event.source, event: event.kind.rawValue,
            changes: event.changes.mapValues { Change(before: $0.before, after: $0.after) })
    }
}

extension APIAnswer.PossibleStudy {
    fileprivate init(_ study: StudyIndex.PossibleStudy) throws {
        let evidence = try JSONDecoder().decode([APIAnswer.Evidence].self, from: Data(study.evidence.utf8))
        self.init(
            studyInstanceUid: study.studyUID, samePerson: "possible", grade: study.grade,
            probability: study.weight.map { 1 / (1 + exp2(-$0)) }, caution: study.caution.isEmpty ? nil : study.caution,
            issuer: study.patient.issuer, patientId: study.patient.patientID, patientName: study.patient.name,
            patientBirthDate: study.patient.birthDate, patientSex: study.patient.sex, evidence: evidence)
    }
}

/// What a discrepancy was found on, as reconciliation has frozen it.
private struct Frozen: Decodable {
    struct Value: Decodable {
        var source: String
        var studyUID: String
        var attributes: [String: String?]

        enum CodingKeys: String, CodingKey {
            case source
            case studyUID = "study_uid"
            case attributes
        }
    }
    var explanation: String
    var values: [Value]
    var suggestion: APIAnswer.Suggestion?
}
