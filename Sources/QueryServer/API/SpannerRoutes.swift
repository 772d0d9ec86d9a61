import DICOM
import HTTPTypes
import Hummingbird
import Spanning
import StudyIndex

/// `/api/v1/spanner`: QIDO-RS over the sources of a configuration, by its rules; with `async=true` the answer is fetched later.
struct SpannerRoutes: Sendable {
    let index: StudyIndex
    let search: ConfiguredSearch
    let runner: QueryRunner

    func add(to routes: ProtectedRoutes) {
        let spanner = routes.group("/spanner")
        for (path, level) in [("studies", QueryLevel.study), ("series", .series), ("instances", .image)] {
            spanner.get("/qido/\(path)", needs: .query, event: .query) { try await answer($0, $1, level) }
        }
        spanner.get("/queries/:query/status", needs: .query) { try await status($1) }
        spanner.get("/queries/:query/results", needs: .query, event: .query) { try await results($0, $1) }
    }

    private func answer(_ request: Request, _ context: ServerContext, _ level: QueryLevel) async throws -> Response {
        let form = try AnswerForm(request)
        return try await RequestError.explaining {
            let asked = try ConfiguredSearch.Request(
                level: level, query: request.uri.query ?? "",
                cacheControl: request.headers[values: .cacheControl].joined(separator: ","))
            guard asked.isAnsweredLater else {
                let answer = try await search.answer(
                    to: asked, requester: context.key?.id ?? "", within: context.visibility
                ).answer
                context.note.set { $0.results = answer.count }
                return answer.response(as: form)
            }
            _ = try await search.configuration(asked.spanner)
            return try await enqueue(asked, context)
        }
    }

    private func enqueue(_ asked: ConfiguredSearch.Request, _ context: ServerContext) async throws -> Response {
        let id: String
        do {
            id = try await index.enqueue(asked.stored, spanner: asked.spanner, key: context.key?.id ?? "")
        } catch let error as IndexError where error.code == .tooMany {
            throw RequestError(
                status: .tooManyRequests, message: "\(error.detail): wait for one of them to end",
                headers: [.retryAfter: "5"])
        }
        runner.wake()
        let path = "/api/v1/spanner/queries/\(id)"
        var response = try Response.json(
            APIAnswer.AcceptedQuery(queryId: id, status: "\(path)/status", results: "\(path)/results"),
            status: .accepted)
        response.headers[.location] = "\(path)/status"
        return response
    }

    // MARK: Queries that are answered later

    /// Of the key that asked, or anybody's for an administrator who sees everything. What is another's looks like what is not
    /// there.
    private func progress(_ context: ServerContext) async throws -> (id: String, progress: QueryProgress) {
        let id = context.parameters.get("query") ?? ""
        let isAdministrator = context.key?.scopes.contains(.admin) == true && context.visibility == .unrestricted
        guard let progress = try await index.query(id, of: isAdministrator ? nil : context.key?.id ?? "") else {
            throw RequestError(status: .notFound, message: "no such query; they are kept for an hour")
        }
        return (id, progress)
    }

    private func status(_ context: ServerContext) async throws -> Response {
        let (id, progress) = try await progress(context)
        return try .json(APIAnswer.Query(id, progress))
    }

    private func results(_ request: Request, _ context: ServerContext) async throws -> Response {
        let (id, progress) = try await progress(context)
        guard try AnswerForm(request) == .dicomJSON else {
            throw RequestError(status: .notAcceptable, message: "kept answers are application/dicom+json")
        }
        switch progress.state {
        case .failed:
            throw RequestError(status: .badGateway, message: progress.reason ?? "the query failed")
        case .pending, .running:
            var response = try Response.json(APIAnswer.Query(id, progress), status: .accepted)
            response.headers[.retryAfter] = "1"
            return response
        case .completed:
            guard let answer = try await index.answer(ofQuery: id) else {
                throw RequestError(status: .notFound, message: "no such query; they are kept for an hour")
            }
            context.note.set { $0.results = progress.matches }
            return Response.matches(answer, "application/dicom+json", progress.warnings, age: progress.age)
        }
    }
}

extension APIAnswer {
    struct AcceptedQuery: Encodable {
        var queryId: String
        /// Paths.
        var status: String
        var results: String
    }

    struct Query: Encodable {
        struct Source: Encodable {
            var source: String
            var state: String
            var matches: Int?
            var reason: String?
            var started: String?
            var ended: String?
            var seconds: Double?
        }
        var queryId: String
        var state: String
        var level: String
        var spannerConfigId: Int64?
        var created: String
        var ended: String?
        var attempts: Int
        var reason: String?
        var matches: Int?
        var warnings: [String]
        var age: Int?
        var sources: [Source]

        init(_ id: String, _ progress: QueryProgress) {
            queryId = id
            state = progress.state.rawValue
            level = progress.level.rawValue
            spannerConfigId = progress.spanner
            created = progress.created
            ended = progress.ended
            attempts = progress.attempts
            reason = progress.reason
            matches = progress.matches
            warnings = progress.warnings
            age = progress.age
            sources = progress.sources.map {
                Source(
                    source: $0.source, state: $0.state.rawValue, matches: $0.matches, reason: $0.reason,
                    started: $0.started, ended: $0.ended, seconds: $0.seconds)
            }
        }
    }
}
