import DICOM
import HTTPTypes
import Hummingbird
import StudyIndex

/// `/dicom-web/studies`: QIDO-RS search for studies (PS3.18 §10.6), from the index.
struct SearchRoutes: Sendable {
    let catalog: any StudyCatalog

    func add(to group: RouterGroup<ServerContext>) {
        group.get("/studies") { request, context in try await search(request, context) }
    }

    private func search(_ request: Request, _ context: ServerContext) async throws -> Response {
        guard context.key?.scopes.contains("query") == true else {
            throw RequestError(status: .forbidden, message: "this key's scopes do not allow queries")
        }
        guard AcceptHeader.allowsDICOMJSON(request.headers[.accept]) else {
            throw RequestError(status: .notAcceptable, message: "answers are application/dicom+json")
        }
        let wanted: SearchRequest
        do { wanted = try SearchRequest(rawQuery: request.uri.query ?? "", level: .study) } catch {
            throw RequestError(status: .badRequest, message: error.reason)
        }
        return answer(try await catalog.search(wanted.query), to: wanted)
    }

    private func answer(_ answer: StudyAnswer, to wanted: SearchRequest) -> Response {
        var writer = DICOMJSONWriter()
        writer.beginArray()
        let requested = Set(wanted.query.includeFields)
        for study in answer.studies { writer.append(study, empty: requested) }
        writer.endArray()
        var headers: HTTPFields = [.contentType: "application/dicom+json", .cacheControl: "no-store"]
        for warning in warnings(answer, wanted) {
            headers.append(HTTPField(name: .warning, value: "299 concord: \(warning)"))
        }
        return Response(
            status: .ok, headers: headers, body: ResponseBody(byteBuffer: ByteBuffer(bytes: writer.drain())))
    }

    private func warnings(_ answer: StudyAnswer, _ wanted: SearchRequest) -> [String] {
        var warnings = wanted.warnings
        let remaining = answer.total - wanted.query.offset - answer.studies.count
        if remaining > 0 {
            warnings.append("There are \(remaining) additional results that can be requested")
        }
        if !answer.undecidedSources.isEmpty {
            let names = answer.undecidedSources.joined(separator: ", ")
            warnings.append(
                "Sources that do not return every attribute asked for may have studies here that do not match: \(names)"
            )
        }
        return warnings
    }
}

extension HTTPField.Name {
    fileprivate static var warning: HTTPField.Name { HTTPField.Name("Warning") ?? .cacheControl }
}
