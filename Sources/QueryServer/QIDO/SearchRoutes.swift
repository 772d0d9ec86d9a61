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

    func add(to routes: ProtectedRoutes) {
        for (path, level) in [
            ("/studies", QueryLevel.study), ("/series", .series), ("/instances", .image),
            ("/studies/:study/series", .series), ("/studies/:study/instances", .image),
            ("/studies/:study/series/:series/instances", .image),
        ] {
            routes.get(RouterPath(path), needs: .query, event: .query) { try await search($0, $1, level) }
        }
    }

    private func search(_ request: Request, _ context: ServerContext, _ level: QueryLevel) async throws -> Response {
        let form = try AnswerForm(request)
        var path: [Tag: String] = [:]
        path[.studyInstanceUID] = context.parameters.get("study")
        path[.seriesInstanceUID] = context.parameters.get("series")
        let named = path
        return try await RequestError.explaining {
            let wanted = try SearchRequest(rawQuery: request.uri.query ?? "", level: level, path: named)
            var terms = SpanningCatalog.Terms(
                request.headers, spanning: wanted.spanning, visibility: context.visibility, deadline: deadline)
            terms.requester = context.key?.id ?? ""
            let (answer, gaps) = try await catalog.answer(to: wanted, terms)
            metrics.note(gaps)
            context.note.set { $0.results = answer.count }
            return answer.response(as: form)
        }
    }
}

extension SpanningCatalog {
    fileprivate func answer(to wanted: SearchRequest, _ terms: Terms) async throws -> (QIDOAnswer, Gaps) {
        switch wanted.query.level {
        case .patient, .study:
            let (answer, gaps) = try await search(wanted.query, terms)
            return (QIDOAnswer(answer, gaps, to: wanted), gaps)
        case .series:
            let (matches, gaps) = try await searchSeries(wanted.query, terms)
            return (QIDOAnswer(matches, gaps, to: wanted), gaps)
        case .image:
            let found = try await searchInstances(wanted.query, terms)
            return (QIDOAnswer(found, to: wanted), found?.gaps ?? Gaps())
        }
    }
}

extension AnswerForm {
    init(_ request: Request) throws {
        guard let form = AnswerForm(accept: request.headers[values: .accept].joined(separator: ",")) else {
            throw RequestError(
                status: .notAcceptable,
                message: "answers are application/dicom+json, or multipart/related; type=\"application/dicom+xml\"")
        }
        self = form
    }
}

extension RequestError {
    /// Runs a search; what it refuses is told to the client.
    static func explaining<T>(_ search: () async throws -> T) async throws -> T {
        do { return try await search() } catch let error as IndexError where error.code == .tooBroad {
            // Weasis shows the text of a 413, and takes any other refusal for an empty list (F128).
            throw RequestError(
                status: .contentTooLarge,
                message: "\(error): write more of the name, or add a patient ID, a date or a UID")
        } catch let error as SearchRequest.Refused {
            throw RequestError(status: .badRequest, message: error.reason)
        } catch let error as SpanFailure {
            throw RequestError(status: .badGateway, message: error.description, headers: [.retryAfter: "30"])
        }
    }
}
