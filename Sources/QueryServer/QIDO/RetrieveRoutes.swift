import DICOM
import Foundation
import HTTPTypes
import Hummingbird
import Spanning
import StudyIndex

/// WADO-RS: Concord retrieves nothing itself. Where a source that holds the study can be reached by DICOMweb, a viewer is
/// sent there; elsewhere it is told where the study can be moved from.
struct RetrieveRoutes: Sendable {
    let catalog: SpanningCatalog
    /// Roots of DICOMweb services, by AE title.
    let roots: [String: String]
    let deadline: Duration

    func add(to routes: ProtectedRoutes) {
        for path in [
            "/studies/:study", "/studies/:study/metadata", "/studies/:study/rendered", "/studies/:study/thumbnail",
            "/studies/:study/series/:series", "/studies/:study/series/:series/**",
        ] {
            routes.get(RouterPath(path), needs: .query, event: .query) { try await redirect($0, $1) }
        }
    }

    private func redirect(_ request: Request, _ context: ServerContext) async throws -> Response {
        guard let uid = context.parameters.get("study"), uid.isUID else {
            throw RequestError(status: .badRequest, message: "the path names no UID")
        }
        let (answer, gaps) = try await catalog.search(
            .study(uid), SpanningCatalog.Terms(visibility: context.visibility, deadline: deadline))
        let holders = answer.studies.flatMap(\.holders)
        guard !holders.isEmpty else { throw RequestError.notFound(gaps) }
        guard let root = holders.lazy.compactMap({ roots[$0] }).first else {
            throw RequestError(
                status: .notImplemented,
                message:
                    "Concord retrieves nothing itself; the study can be moved from \(holders.joined(separator: ", "))"
            )
        }
        let path = request.uri.path
        guard let start = path.range(of: "/studies/") else {
            throw RequestError(status: .notFound, message: "no study is named")
        }
        let keys = request.uri.query.map { "?" + $0 } ?? ""
        return Response(
            status: .temporaryRedirect,
            headers: [.location: root + path[start.lowerBound...] + keys, .cacheControl: "no-store"])
    }
}
