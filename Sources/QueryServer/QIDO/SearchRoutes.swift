import DICOM
import HTTPTypes
import Hummingbird
import Spanning
import StudyIndex

/// QIDO-RS: search for studies, series and instances (PS3.18 §10.6).
struct SearchRoutes: Sendable {
    let catalog: SpanningCatalog
    let metrics: ServerMetrics
    /// How long sources are waited for.
    let deadline: Duration

    func add(to group: RouterGroup<ServerContext>) {
        group.get("/studies") { try await search($0, $1, .study) }
        group.get("/series") { try await search($0, $1, .series) }
        group.get("/instances") { try await search($0, $1, .image) }
        group.get("/studies/:study/series") { try await search($0, $1, .series) }
        group.get("/studies/:study/instances") { try await search($0, $1, .image) }
        group.get("/studies/:study/series/:series/instances") { try await search($0, $1, .image) }
    }

    private func search(_ request: Request, _ context: ServerContext, _ level: QueryLevel) async throws -> Response {
        try context.require("query")
        guard AcceptHeader.allowsDICOMJSON(request.headers[.accept]) else {
            throw RequestError(status: .notAcceptable, message: "answers are application/dicom+json")
        }
        var path: [Tag: String] = [:]
        path[.studyInstanceUID] = context.parameters.get("study")
        path[.seriesInstanceUID] = context.parameters.get("series")
        let wanted: SearchRequest
        do { wanted = try SearchRequest(rawQuery: request.uri.query ?? "", level: level, path: path) } catch {
            throw RequestError(status: .badRequest, message: error.reason)
        }
        let terms = SpanningCatalog.Terms(request.headers, spanning: wanted.spanning, deadline: deadline)
        do {
            switch level {
            case .patient, .study: return try await studies(wanted, terms)
            case .series: return try await series(wanted, terms)
            case .image: return try await instances(wanted, terms)
            }
        } catch let error as IndexError where error.code == .tooBroad {
            // Weasis shows the text of a 413, and takes any other refusal for an empty list (F128).
            throw RequestError(
                status: .contentTooLarge,
                message: "\(error): write more of the name, or add a patient ID, a date or a UID")
        }
    }

    private func studies(_ wanted: SearchRequest, _ terms: SpanningCatalog.Terms) async throws -> Response {
        let (answer, gaps) = try await catalog.search(wanted.query, terms)
        metrics.note(gaps)
        var writer = DICOMJSONWriter()
        writer.beginArray()
        let requested = Set(wanted.query.includeFields)
        for study in answer.studies { writer.append(study, empty: requested) }
        writer.endArray()
        var warnings = Warnings(wanted, gaps)
        warnings.remaining(answer.total - wanted.query.offset - answer.studies.count)
        warnings.undecided(answer.undecidedSources)
        warnings.ambiguity(wanted.query, answer.studies)
        return response(&writer, warnings)
    }

    private func series(_ wanted: SearchRequest, _ terms: SpanningCatalog.Terms) async throws -> Response {
        let (matches, gaps) = try await catalog.searchSeries(wanted.query, terms)
        metrics.note(gaps)
        let page = matches.dropFirst(wanted.query.offset).prefix(wanted.query.limit)
        var writer = DICOMJSONWriter()
        writer.beginArray()
        let requested = Set(wanted.query.includeFields)
        for (series, study) in page { writer.append(series, of: study, empty: requested) }
        writer.endArray()
        var warnings = Warnings(wanted, gaps)
        warnings.remaining(matches.count - wanted.query.offset - page.count)
        return response(&writer, warnings)
    }

    private func instances(_ wanted: SearchRequest, _ terms: SpanningCatalog.Terms) async throws -> Response {
        var writer = DICOMJSONWriter()
        writer.beginArray()
        guard let (matches, gaps) = try await catalog.searchInstances(wanted.query, terms) else {
            writer.endArray()
            var warnings = Warnings(wanted, SpanningCatalog.Gaps())
            warnings.add(
                "Instances are not indexed, and no study is known to ask for: name a StudyInstanceUID, or the "
                    + "SeriesInstanceUID of an indexed series. This is not an empty answer.")
            return response(&writer, warnings)
        }
        metrics.note(gaps)
        let page = matches.dropFirst(wanted.query.offset).prefix(wanted.query.limit)
        let requested = Set(wanted.query.includeFields)
        for instance in page {
            writer.append(
                instance.dataSet, study: instance.study, series: instance.series, holders: instance.holders,
                empty: requested)
        }
        writer.endArray()
        var warnings = Warnings(wanted, gaps)
        warnings.remaining(matches.count - wanted.query.offset - page.count)
        return response(&writer, warnings)
    }

    private func response(_ writer: inout DICOMJSONWriter, _ warnings: Warnings) -> Response {
        var headers: HTTPFields = [.contentType: "application/dicom+json", .cacheControl: "no-store"]
        for warning in warnings.texts {
            headers.append(HTTPField(name: .warning, value: "299 concord: \(warning)"))
        }
        return Response(
            status: .ok, headers: headers, body: ResponseBody(byteBuffer: ByteBuffer(bytes: writer.drain())))
    }
}

/// What an answer must not be read without (F116, F131, F132).
private struct Warnings {
    private(set) var texts: [String]

    init(_ wanted: SearchRequest, _ gaps: SpanningCatalog.Gaps) {
        texts = wanted.warnings
        if !gaps.absences.isEmpty {
            let sources = gaps.absences.map { "\($0.source) (\($0.reason))" }.joined(separator: ", ")
            add("The results are incomplete: these sources did not answer: \(sources)")
        }
        if !gaps.unproven.isEmpty {
            add(
                "The results may be incomplete: what these sources hold was not proven lately, and they were not asked: "
                    + gaps.unproven.joined(separator: ", "))
        }
        if gaps.studiesWithUnknownSeries > 0 {
            add(
                "The results are incomplete: the series of \(gaps.studiesWithUnknownSeries) studies are not indexed; ask "
                    + "for each of them by StudyInstanceUID")
        }
    }

    /// A header's value is one line of printable ASCII.
    mutating func add(_ text: String) {
        texts.append(String(text.unicodeScalars.map { (0x20..<0x7F).contains($0.value) ? Character($0) : " " }))
    }

    mutating func remaining(_ count: Int) {
        if count > 0 { add("There are \(count) additional results that can be requested") }
    }

    mutating func undecided(_ sources: [String]) {
        guard !sources.isEmpty else { return }
        add(
            "Sources that do not return every attribute asked for may have studies here that do not match: "
                + sources.joined(separator: ", "))
    }

    /// Promise 9: a patient ID means nothing without its issuer.
    mutating func ambiguity(_ query: StudyQuery, _ studies: [CatalogStudy]) {
        let issuers = query.ambiguousIssuers(in: studies)
        guard !issuers.isEmpty else { return }
        add(
            "Several issuers have given out this PatientID, probably to several patients: add IssuerOfPatientID, one of "
                + issuers.joined(separator: ", "))
    }
}

extension HTTPField.Name {
    static var warning: HTTPField.Name { HTTPField.Name("Warning") ?? .cacheControl }
}
