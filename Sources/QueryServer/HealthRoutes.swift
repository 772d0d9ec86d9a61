import HTTPTypes
import Hummingbird
import StudyIndex

/// What needs no key. The API's description and the conformance statement; and for load balancers: `/healthz` says that the process answers, `/readyz` that its database does too.
struct HealthRoutes: Sendable {
    let index: StudyIndex

    func add(to router: Router<ServerContext>) {
        router.get("/openapi.json") { _, _ in
            Response(
                status: .ok, headers: [.contentType: "application/json"],
                body: ResponseBody(byteBuffer: ByteBuffer(bytes: PackageResources.openapi_json)))
        }
        router.get("/conformance") { _, _ in
            Response(
                status: .ok, headers: [.contentType: "text/html; charset=utf-8"],
                body: ResponseBody(byteBuffer: ByteBuffer(string: try ConformanceStatement().html())))
        }
        router.get("/healthz") { _, _ in Response.text(.ok, "ok\n") }
        router.get("/readyz") { _, _ in
            do {
                _ = try await index.schemaVersion()
                return Response.text(.ok, "ready\n")
            } catch {
                return Response.text(.serviceUnavailable, "the database does not answer\n")
            }
        }
    }
}
