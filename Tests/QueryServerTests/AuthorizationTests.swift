import DICOM
import Foundation
import StudyIndex
import Testing

@testable import QueryServer

/// Every endpoint, asked with every scope and for every facility: one table, and what follows from it.
@Suite(.serialized) struct AuthorizationTests {
    private struct Endpoint {
        var path: String
        var method = "GET"
        var scope: KeyScope
        /// The marks that an answer to somebody who sees all copies tells.
        var tells: Set<String> = []
        /// Whether it is about one study, and not found where no copy of it is seen.
        var study: String?
        /// Of an answer that is not refused.
        var status = 200
        var isOnMetricsPort = false
        /// A discrepancy is told where all its copies are.
        var needsAll = false
    }

    private static let all = Set(ServedIndex.copies.map(\.mark))

    private static func marks(of study: String) -> Set<String> {
        Set(ServedIndex.copies.filter { $0.uid == study }.map(\.mark))
    }

    private static let endpoints: [Endpoint] =
        [
            Endpoint(path: "/dicom-web/studies", scope: .query, tells: all),
            Endpoint(path: "/dicom-web/studies?PatientName=CANARY*&limit=2000", scope: .query, tells: all),
            Endpoint(path: "/dicom-web/studies?StudyDate=20200315&spanning=never", scope: .query, tells: all),
            Endpoint(path: "/dicom-web/series", scope: .query, tells: all),
            Endpoint(path: "/dicom-web/instances", scope: .query),
            Endpoint(path: "/api/v1/sources", scope: .report),
            Endpoint(path: "/api/v1/coverage", scope: .report),
            Endpoint(path: "/api/v1/discrepancies?class=zero-images", scope: .report, tells: ["MARK-A1"]),
            Endpoint(
                path: "/api/v1/discrepancies?class=study-date-mismatch", scope: .report, tells: marks(of: "1.3"),
                needsAll: true),
            Endpoint(path: "/metrics", scope: .metrics, isOnMetricsPort: true),
            Endpoint(path: "/api/v1/spanner/qido/studies", scope: .query, tells: all),
            Endpoint(path: "/api/v1/spanner/qido/series", scope: .query, tells: all),
            Endpoint(path: "/api/v1/spanner/qido/instances", scope: .query),
            Endpoint(path: "/api/v1/spanner/queries/0/status", scope: .query, status: 404),
            Endpoint(path: "/api/v1/spanner/queries/0/results", scope: .query, status: 404),
            Endpoint(path: "/api/v1/config/spanner", scope: .query),
            Endpoint(path: "/api/v1/config/spanner/9/sources", scope: .query, status: 404),
            Endpoint(path: "/api/v1/config/spanner", method: "POST", scope: .admin, status: 422),
            Endpoint(path: "/api/v1/config/spanner/9", method: "PUT", scope: .admin, status: 404),
            Endpoint(path: "/api/v1/config/spanner/9", method: "PATCH", scope: .admin, status: 404),
            Endpoint(path: "/api/v1/config/spanner/9", method: "DELETE", scope: .admin, status: 404),
            Endpoint(path: "/api/v1/config/spanner/9/sources", method: "POST", scope: .admin, status: 404),
            Endpoint(path: "/api/v1/config/spanner/9/sources/9", method: "PUT", scope: .admin, status: 404),
            Endpoint(path: "/api/v1/config/spanner/9/sources/9", method: "PATCH", scope: .admin, status: 404),
            Endpoint(path: "/api/v1/config/spanner/9/sources/9", method: "DELETE", scope: .admin, status: 404),
        ]
        + ["1.1", "1.2", "1.3", "1.4"].flatMap { uid in
            [
                Endpoint(path: "/dicom-web/studies?StudyInstanceUID=\(uid)", scope: .query, tells: marks(of: uid)),
                Endpoint(path: "/dicom-web/studies?AccessionNumber=ACC\(uid)", scope: .query, tells: marks(of: uid)),
                Endpoint(path: "/dicom-web/studies/\(uid)/series", scope: .query, tells: marks(of: uid)),
                Endpoint(path: "/dicom-web/series?SeriesInstanceUID=\(uid).1", scope: .query, tells: marks(of: uid)),
                Endpoint(path: "/dicom-web/studies/\(uid)/instances", scope: .query),
                Endpoint(path: "/dicom-web/studies/\(uid)/series/\(uid).1/instances", scope: .query),
                Endpoint(path: "/api/v1/studies/\(uid)", scope: .query, tells: marks(of: uid), study: uid),
                Endpoint(path: "/api/v1/studies/\(uid)/possible-studies", scope: .report, study: uid),
                Endpoint(path: "/dicom-web/studies/\(uid)/metadata", scope: .query, study: uid, status: 307),
                Endpoint(path: "/dicom-web/studies/\(uid)/series/\(uid).1", scope: .query, study: uid, status: 307),
            ]
        }

    private static let visibilities: [[String]] = [[], ["North"], ["South"], ["North", "South"]]

    private static func visible(_ facilities: [String]) -> Set<String> {
        Set(
            ServedIndex.copies.filter { copy in facilities.isEmpty || copy.facility.map(facilities.contains) ?? false }
                .map(\.mark))
    }

    @Test func everyEndpointAnswersItsScopeAndWhatTheKeyMaySee() async throws {
        try await ServedIndex.with { served in
            for scope in KeyScope.allCases {
                for facilities in Self.visibilities {
                    let key = try await served.key([scope], facilities)
                    let visible = Self.visible(facilities)
                    for endpoint in Self.endpoints {
                        let port = endpoint.isOnMetricsPort ? served.metricsPort : served.port
                        let response = try await served.ask(endpoint.path, endpoint.method, key: key, port: port)
                        let what = "\(endpoint.method) \(endpoint.path) with \(scope) and \(facilities)"
                        guard scope == endpoint.scope else {
                            #expect(response.status == 403, "\(what)")
                            #expect(Self.marks(in: response).isEmpty, "\(what)")
                            continue
                        }
                        if let study = endpoint.study, Self.marks(of: study).isDisjoint(with: visible) {
                            // As if there were no such study.
                            let absent = try await served.get(
                                endpoint.path.replacing(study, with: "9.9"), key: key, port: port)
                            #expect(response.status == 404 && absent.status == 404, "\(what)")
                            #expect(response.body == absent.body, "\(what)")
                            continue
                        }
                        #expect(response.status == endpoint.status, "\(what)")
                        let told = Self.marks(in: response)
                        #expect(told.isSubset(of: visible), "\(what) told \(told.subtracting(visible))")
                        // Of two copies of one patient the better one's values stand for the study.
                        let expected =
                            endpoint.needsAll && !endpoint.tells.isSubset(of: visible)
                            ? [] : endpoint.tells.intersection(visible)
                        let uids = { (marks: Set<String>) in
                            Set(ServedIndex.copies.filter { marks.contains($0.mark) }.map(\.uid))
                        }
                        #expect(uids(told) == uids(expected), "\(what) told \(told)")
                        if let location = response.headers["location"] {
                            let holders = ServedIndex.copies.filter {
                                visible.contains($0.mark) && $0.uid == endpoint.study
                            }
                            #expect(holders.contains { location.hasPrefix("http://\($0.source).example/") }, "\(what)")
                        }
                    }
                    let sources = try await served.get(
                        "/api/v1/sources", key: try await served.key([.report], facilities))
                    #expect(sources.body.contains("\"name\":\"b\"") == (facilities != ["North"]))
                }
            }
        }
    }

    private static func marks(in response: RawHTTP.Response) -> Set<String> {
        let text = response.body + response.headers.values.joined()
        return all.filter { text.contains($0) }
    }

    @Test func whoHasNoGoodKeyGetsNothing() async throws {
        try await ServedIndex.with { served in
            let good = try await served.key([.query, .report, .metrics])
            let id = try #require(try await served.index.keys().first).id
            let forged = good.replacing(id, with: "000000000000")
            for endpoint in Self.endpoints {
                let port = endpoint.isOnMetricsPort ? served.metricsPort : served.port
                for key in [nil, "", "x", forged, String(good.dropLast())] {
                    let response = try await served.ask(endpoint.path, endpoint.method, key: key, port: port)
                    #expect(response.status == 401, "\(endpoint.path)")
                    #expect(Self.marks(in: response).isEmpty)
                }
            }
            for path in ["/healthz", "/readyz", "/openapi.json"] {
                #expect(try await served.get(path).status == 200)
            }
            #expect(try await served.get("/dicom-web/nothing", key: good).status == 404)
        }
    }

    /// An answer that is fetched later is what its key may see, and is nobody else's who may see less.
    @Test func whatIsAnsweredLaterIsWhatTheKeyThatAskedMaySee() async throws {
        try await ServedIndex.with { served in
            let north = HTTPClient(port: served.port, key: try await served.key([.query], ["North"]))
            let accepted = try await north.ask("/api/v1/spanner/qido/studies?PatientName=CANARY*&async=true")
            #expect(accepted.status == 202)
            let path = try #require(accepted.object["results"] as? String)
            var results = try await north.ask(path)
            for _ in 0..<400 where results.status == 202 {
                try await Task.sleep(for: .milliseconds(25))
                results = try await north.ask(path)
            }
            #expect(results.status == 200)
            #expect(Set(results.values("00081030")) == Self.visible(["North"]))
            let status = try await north.ask(path.replacing("/results", with: "/status"))
            #expect(!status.text.contains("\"b\""))
            for (facilities, expected) in [(["South"], 404), ([], 200)] {
                let admin = HTTPClient(
                    port: served.port, key: try await served.key([.query, .admin], facilities))
                #expect(try await admin.ask(path).status == expected, "\(facilities)")
            }
            let fetched = try served.audited().filter { $0.object.hasSuffix("/results") && $0.status == 200 }
            #expect(fetched.allSatisfy { $0.event == .query && $0.results == 2 } && !fetched.isEmpty)
        }
    }

    /// Which sources there are is told only to those who may see something of them.
    @Test func aConfigurationTellsOnlyOfSourcesThatAreSeen() async throws {
        try await ServedIndex.with { served in
            let admin = HTTPClient(port: served.port, key: try await served.key([.query, .admin]))
            let created = try await admin.ask("/api/v1/config/spanner/", "POST", json: #"{"name":"both"}"#)
            let path = try #require(created.headers["location"]) + "/sources/"
            var mappings: [String: String] = [:]
            for source in ["a", "b"] {
                let mapped = try await admin.ask(path, "POST", json: #"{"source_id":"\#(source)"}"#)
                mappings[source] = try #require(mapped.headers["location"])
            }
            let north = HTTPClient(port: served.port, key: try await served.key([.query, .admin], ["North"]))
            #expect(try await admin.ask(path).text.contains(#""source_id":"b""#))
            #expect(try await !north.ask(path).text.contains(#""source_id":"b""#))
            #expect(try await north.ask(path).text.contains(#""source_id":"a""#))
            let hidden = try #require(mappings["b"])
            for method in ["GET", "DELETE"] { #expect(try await north.ask(hidden, method).status == 404) }
            #expect(try await north.ask(hidden, "PATCH", json: #"{"priority":7}"#).status == 404)
            #expect(try await north.ask(path, "POST", json: #"{"source_id":"b"}"#).status == 422)
            #expect(try await admin.ask(hidden).status == 200)
        }
    }

    /// C-FIND by the same rules.
    @Test func aPeerSeesItsFacilities() async throws {
        try await ServedIndex.with { served in
            for (title, facilities) in [("ALL", []), ("NORTH", ["North"]), ("SOUTH", ["South"])] as [(String, [String])]
            {
                let workstation = Workstation(port: served.findPort, calling: title)
                let answer = try await workstation.ask(.study, [.patientName: "CANARY*"])
                #expect(answer.status == 0)
                let told = Set(answer.matches.compactMap { $0.text(.studyDescription) })
                let visible = Self.visible(facilities)
                #expect(told.isSubset(of: visible))
                #expect(
                    Set(answer.matches.compactMap { $0.text(.studyInstanceUID) })
                        == Set(ServedIndex.copies.filter { visible.contains($0.mark) }.map(\.uid)))
                let series = try await workstation.ask(.series, [.studyInstanceUID: "1.3"])
                #expect(Set(series.matches.compactMap { $0.text(.seriesDescription) }).isSubset(of: visible))
            }
        }
    }

    // MARK: Keys

    @Test func keysExpireAreExchangedAndRevoked() async throws {
        try await ServedIndex.with { served in
            let index = served.index
            func status(_ key: String) async throws -> Int {
                try await served.get("/dicom-web/studies", key: key).status
            }
            let expired = try await served.key([.query]) { $0.lifetime = .milliseconds(1) }
            #expect(try await status(expired) == 401)

            var terms = KeyTerms(scopes: [.query])
            terms.visibility = .facilities(["North"])
            terms.requestsPerSecond = 1_000
            let first = try #require(try await index.createKey(name: "viewer", terms))
            #expect(try await status(first.text) == 200)
            // The old one stays good for a while; the new one has its terms.
            let second = try #require(try await index.rotateKey(name: "viewer", overlap: .seconds(3_600)))
            #expect(try await status(first.text) == 200)
            let key = try #require(try await index.apiKey(presented: second.text))
            #expect(key.visibility == .facilities(["North"]) && key.requestsPerSecond == 1_000)
            // No third one.
            #expect(try await index.createKey(name: "viewer", terms) == nil)
            let third = try #require(try await index.rotateKey(name: "viewer", overlap: .zero))
            #expect(try await index.apiKey(presented: first.text) == nil)
            #expect(try await index.apiKey(presented: second.text) == nil)
            #expect(try await status(third.text) == 200)
            #expect(try await index.rotateKey(name: "nobody", overlap: .zero) == nil)
            #expect(try await index.revokeKey(id: third.id))
            #expect(try await index.apiKey(presented: third.text) == nil)
        }
    }
}
