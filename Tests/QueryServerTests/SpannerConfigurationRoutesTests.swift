import Foundation
import StudyIndex
import Testing

@testable import QueryServer

/// `/api/v1/config/spanner/`, over HTTP.
@Suite(.serialized) struct SpannerConfigurationRoutesTests {
    private static let path = "/api/v1/config/spanner/"

    @Test func configurationsAreMadeReadListedChangedAndDeleted() async throws {
        try await ServedEnterprise.with(sweeps: false) { served in
            try await served.serving { client in
                let made = try await client.ask(Self.path, "POST", json: #"{"name": "er"}"#)
                #expect(made.status == 201)
                let id = try #require(made.object["id"] as? Int)
                #expect(made.headers["location"] == "/api/v1/config/spanner/\(id)")
                // The defaults of all fields.
                let defaults = made.object.filter { !["id", "created", "updated"].contains($0.key) }
                #expect(
                    NSDictionary(dictionary: defaults) == [
                        "name": "er", "description": "", "max_concurrent_sources": 10, "timeout_seconds": 30,
                        "retry_attempts": 0, "failure_strategy": "best_effort", "deduplication_enabled": true,
                        "consolidation_strategy": "priority", "spanning_policy": "supplement", "enterprise_mode": false,
                    ])
                #expect(try await client.ask(Self.path + "\(id)").object["name"] as? String == "er")
                let changed = try await client.ask(
                    Self.path + "\(id)/", "PATCH",
                    json:
                        #"{"timeout_seconds": 5, "failure_strategy": "minimum_threshold", "minimum_success_threshold": 2}"#
                )
                #expect(changed.status == 200)
                #expect(changed.object["name"] as? String == "er" && changed.object["timeout_seconds"] as? Int == 5)
                #expect(changed.object["minimum_success_threshold"] as? Int == 2)
                let threshold = try await client.ask(
                    Self.path + "\(id)", "PATCH", json: #"{"minimum_success_threshold": 1}"#)
                #expect(threshold.object["minimum_success_threshold"] as? Int == 1)
                // What is not sent takes its default again.
                let replaced = try await client.ask(
                    Self.path + "\(id)", "PUT",
                    json:
                        #"{"name": "er", "failure_strategy": "partial_results", "consolidation_strategy": "FIRST_WINS"}"#
                )
                #expect(replaced.object["failure_strategy"] as? String == "best_effort")
                #expect(replaced.object["timeout_seconds"] as? Int == 30)
                #expect(try await client.ask(Self.path, "POST", json: #"{"name": "er"}"#).status == 409)
                #expect(try await client.ask(Self.path).text.contains(#""name":"er""#))

                let source = try await client.ask(
                    Self.path + "\(id)/sources/", "POST",
                    json:
                        #"{"source_id": "pacs-g", "priority": 2, "timeout_override": 3, "additional_query_filters": {"00080020": "2020-"}}"#
                )
                #expect(source.status == 422)
                let good = try await client.ask(
                    Self.path + "\(id)/sources/", "POST",
                    json:
                        #"{"source_type": "pacs", "source_id": "pacs-g", "priority": 2, "timeout_override": 3, "additional_query_filters": {"00080020": "20200101-"}}"#
                )
                #expect(good.status == 201)
                let sid = try #require(good.object["id"] as? Int)
                #expect(good.object["additional_query_filters"] as? [String: String] == ["StudyDate": "20200101-"])
                let path = Self.path + "\(id)/sources/\(sid)"
                let patched = try await client.ask(
                    path, "PATCH", json: #"{"timeout_override": null, "enabled": false}"#)
                #expect(patched.object["timeout_override"] == nil && patched.object["enabled"] as? Bool == false)
                #expect(patched.object["priority"] as? Int == 2)
                #expect(try await client.ask(path).object["source_id"] as? String == "pacs-g")
                #expect(
                    try await client.ask(Self.path + "\(id)/sources/", "POST", json: #"{"source_id": "pacs-g"}"#).status
                        == 409)
                #expect(try await client.ask(path, "DELETE").status == 204)
                #expect(try await client.ask(path).status == 404)
                #expect(try await client.ask(Self.path + "\(id)", "DELETE").status == 204)
                for method in ["GET", "DELETE"] {
                    #expect(try await client.ask(Self.path + "\(id)", method).status == 404)
                }
                #expect(try await client.ask(Self.path + "\(id)/sources/").status == 404)
            }
        }
    }

    /// Each says where and what.
    private static let invalid: [(String, field: String)] = [
        (#"{}"#, "name"), (#"{"name": ""}"#, "name"), (#"{"name": 7}"#, "name"), (#"{"name": "a\u0000"}"#, "name"),
        (#"{"name": "a", "max_concurrent_sources": 0}"#, "max_concurrent_sources"),
        (#"{"name": "a", "max_concurrent_sources": 21}"#, "max_concurrent_sources"),
        (#"{"name": "a", "max_concurrent_sources": 2.5}"#, "max_concurrent_sources"),
        (#"{"name": "a", "max_concurrent_sources": true}"#, "max_concurrent_sources"),
        (#"{"name": "a", "timeout_seconds": 0}"#, "timeout_seconds"),
        (#"{"name": "a", "timeout_seconds": 301}"#, "timeout_seconds"),
        (#"{"name": "a", "timeout_seconds": "5"}"#, "timeout_seconds"),
        (#"{"name": "a", "timeout_seconds": null}"#, "timeout_seconds"),
        (#"{"name": "a", "retry_attempts": 11}"#, "retry_attempts"),
        (#"{"name": "a", "failure_strategy": "none"}"#, "failure_strategy"),
        (#"{"name": "a", "failure_strategy": "minimum_threshold"}"#, "minimum_success_threshold"),
        (#"{"name": "a", "minimum_success_threshold": 2}"#, "minimum_success_threshold"),
        (
            #"{"name": "a", "failure_strategy": "minimum_threshold", "minimum_success_threshold": 0}"#,
            "minimum_success_threshold"
        ),
        (#"{"name": "a", "deduplication_enabled": "yes"}"#, "deduplication_enabled"),
        (#"{"name": "a", "consolidation_strategy": "random"}"#, "consolidation_strategy"),
        (#"{"name": "a", "spanning_policy": "never"}"#, "spanning_policy"),
        (#"{"name": "a", "enterprise_mode": 1}"#, "enterprise_mode"),
        (#"{"name": "a", "timeout": 5}"#, "timeout"),
    ]
    private static let invalidSources: [(String, field: String)] = [
        (#"{}"#, "source_id"), (#"{"source_id": "pacs-z"}"#, "source_id"),
        (#"{"source_id": "pacs-a", "source_type": "ris"}"#, "source_type"),
        (#"{"source_id": "pacs-a", "priority": 0}"#, "priority"),
        (#"{"source_id": "pacs-a", "priority": 1001}"#, "priority"),
        (#"{"source_id": "pacs-a", "timeout_override": 0}"#, "timeout_override"),
        (#"{"source_id": "pacs-a", "timeout_override": 301}"#, "timeout_override"),
        (#"{"source_id": "pacs-a", "additional_query_filters": ["x"]}"#, "additional_query_filters"),
        (#"{"source_id": "pacs-a", "additional_query_filters": {"Bogus": "x"}}"#, "additional_query_filters.Bogus"),
        (
            #"{"source_id": "pacs-a", "additional_query_filters": {"Modality": "CT"}}"#,
            "additional_query_filters.Modality"
        ),
        (
            #"{"source_id": "pacs-a", "additional_query_filters": {"PatientID": "*"}}"#,
            "additional_query_filters.PatientID"
        ),
        (
            #"{"source_id": "pacs-a", "additional_query_filters": {"StudyDate": "-"}}"#,
            "additional_query_filters.StudyDate"
        ),
        (
            #"{"source_id": "pacs-a", "additional_query_filters": {"StudyDate": 5}}"#,
            "additional_query_filters.StudyDate"
        ),
    ]

    @Test func whatIsWrongIsNamed() async throws {
        try await ServedEnterprise.with(sweeps: false) { served in
            try await served.serving { client in
                func fields(_ answer: HTTPClient.Answer) -> [String] {
                    (answer.object["errors"] as? [[String: String]] ?? []).compactMap { $0["field"] }
                }
                for (body, field) in Self.invalid {
                    let answer = try await client.ask(Self.path, "POST", json: body)
                    #expect(answer.status == 422 && fields(answer) == [field], "\(body)")
                }
                let id = try #require(
                    try await client.ask(Self.path, "POST", json: #"{"name": "er"}"#).object["id"] as? Int)
                for (body, field) in Self.invalidSources {
                    let answer = try await client.ask(Self.path + "\(id)/sources/", "POST", json: body)
                    #expect(answer.status == 422 && fields(answer) == [field], "\(body)")
                }
                // All that is wrong at once.
                let both = try await client.ask(
                    Self.path, "POST", json: #"{"name": "", "timeout_seconds": 0, "colour": "red"}"#)
                #expect(fields(both) == ["colour", "name", "timeout_seconds"])
                for body in ["", "[]", "{", "7", #"{"name": }"#] {
                    #expect(try await client.ask(Self.path, "POST", json: body).status == 400, "\(body)")
                }
                #expect(
                    try await client.ask(
                        Self.path, "POST", json: "{}", headers: ["Content-Type": "text/plain"]
                    ).status == 415)
                let large = #"{"name": ""# + String(repeating: "a", count: JSONFields.maximumBytes) + #""}"#
                #expect(try await client.ask(Self.path, "POST", json: large).status == 413)
                #expect(try await client.ask(Self.path + "x").status == 400)
                #expect(try await client.ask(Self.path + "0").status == 400)
            }
        }
    }

    @Test func theyAreReadWithQueryAndChangedWithAdmin() async throws {
        try await ServedEnterprise.with(sweeps: false) { served in
            try await served.serving { admin in
                let id = try #require(
                    try await admin.ask(Self.path, "POST", json: #"{"name": "er"}"#).object["id"] as? Int)
                let reader = try await served.client(admin, scopes: [.query])
                let reporter = try await served.client(admin, scopes: [.report])
                for path in [Self.path, Self.path + "\(id)", Self.path + "\(id)/sources/"] {
                    #expect(try await reader.ask(path).status == 200)
                    #expect(try await reporter.ask(path).status == 403)
                    for method in ["POST", "PUT", "PATCH", "DELETE"] {
                        let status = try await reader.ask(path, method, json: #"{"name": "x"}"#).status
                        #expect(status == 403 || status == 405)
                    }
                }
                #expect(try await admin.ask(Self.path + "\(id)", "POST", json: "{}").status == 405)
                #expect(try await admin.ask(Self.path, "DELETE").status == 405)
                #expect(try await admin.ask("/dicom-web/studies", "POST", json: "{}").status == 405)
            }
        }
    }
}
