import DICOM
import Foundation
import PACSSimulator
import StudyIndex
import Testing

@testable import QueryServer

/// `async=true`: answers that are fetched later, from whichever server.
@Suite(.serialized) struct LaterAnswersTests {
    private static let path = "/api/v1/spanner/qido"

    private func accepted(_ client: HTTPClient, _ path: String) async throws -> (status: String, results: String) {
        let answer = try await client.ask(path)
        #expect(answer.status == 202, "\(answer.text)")
        let status = try #require(answer.object["status"] as? String)
        #expect(answer.headers["location"] == status)
        #expect((answer.object["query_id"] as? String)?.count == 32)
        return (status, try #require(answer.object["results"] as? String))
    }

    private func ended(_ client: HTTPClient, _ status: String) async throws -> HTTPClient.Answer {
        for _ in 0..<200 {
            let answer = try await client.ask(status)
            #expect(answer.status == 200)
            if ["completed", "failed"].contains(answer.object["state"] as? String) { return answer }
            try await Task.sleep(for: .milliseconds(50))
        }
        Issue.record("it did not end")
        return try await client.ask(status)
    }

    @Test func theAnswerIsTheOneThatWouldHaveComeAtOnce() async throws {
        try await ServedEnterprise.with { served in
            try await served.serving { client in
                let uid = try #require(try await client.ask("/dicom-web/studies?limit=1").values("0020000D").first)
                for query in [
                    "studies?PatientName=M*", "series?StudyInstanceUID=\(uid)", "instances?StudyInstanceUID=\(uid)",
                ] {
                    let now = try await client.ask("\(Self.path)/\(query)")
                    let later = try await accepted(client, "\(Self.path)/\(query)&async=true")
                    let status = try await ended(client, later.status)
                    #expect(status.object["state"] as? String == "completed", "\(status.text)")
                    #expect(status.object["matches"] as? Int == now.matches.count)
                    let results = try await client.ask(later.results)
                    #expect(results.status == 200 && results.text == now.text)
                    #expect(results.headers["content-type"] == "application/dicom+json")
                    #expect(results.warning == now.warning)
                }
            }
        }
    }

    @Test func theStatusTellsOfEachSource() async throws {
        try await ServedEnterprise.with(sweeps: false) { served in
            await served.pacs["pacs-g"]?.stop()
            try await served.serving { client in
                let position = try #require(served.enterprise.sources.firstIndex { $0.name == "pacs-a" })
                let copy = try #require(served.enterprise.copies(at: position).first { $0.isReachable })
                let uid = try #require(copy.values[.studyInstanceUID])
                let later = try await accepted(client, "\(Self.path)/studies?StudyInstanceUID=\(uid)&async=true")
                let status = try await ended(client, later.status)
                let sources = status.object["sources"] as? [[String: Any]] ?? []
                #expect(sources.map { $0["source"] as? String } == ["pacs-a", "pacs-g"])
                #expect(sources.map { $0["state"] as? String } == ["answered", "failed"])
                #expect(sources.map { $0["matches"] as? Int } == [1, 0])
                #expect(sources[1]["reason"] is String)
                #expect(
                    sources.allSatisfy { $0["started"] is String && $0["ended"] is String && $0["seconds"] is Double })
                #expect((status.object["warnings"] as? [String])?.first?.contains("pacs-g") == true)
                #expect(try await client.ask(later.results).warning.contains("pacs-g"))
            }
        }
    }

    @Test func aQueryThatItsConfigurationFailsSaysWhy() async throws {
        try await ServedEnterprise.with(sweeps: false) { served in
            await served.pacs["pacs-g"]?.stop()
            try await served.serving { client in
                let config = "/api/v1/config/spanner/"
                let made = try await client.ask(
                    config, "POST", json: #"{"name": "f", "failure_strategy": "fail_fast"}"#)
                let id = try #require(made.object["id"] as? Int)
                _ = try await client.ask(config + "\(id)/sources/", "POST", json: #"{"source_id": "pacs-g"}"#)
                let later = try await accepted(
                    client, "\(Self.path)/studies?PatientID=N&spanner_config_id=\(id)&async=true")
                let status = try await ended(client, later.status)
                #expect(status.object["state"] as? String == "failed")
                #expect((status.object["reason"] as? String)?.contains("pacs-g") == true)
                let results = try await client.ask(later.results)
                #expect(results.status == 502 && results.text.contains("pacs-g"))
                #expect(try await client.ask("\(Self.path)/studies?spanner_config_id=999&async=true").status == 404)
                #expect(try await client.ask("\(Self.path)/studies?StudyDate=-&async=true").status == 400)
            }
        }
    }

    /// It survives the server that was asked, and may be read by who asked it, and by administrators.
    @Test func anyServerRunsItAndOnlyWhoAskedReadsIt() async throws {
        try await ServedEnterprise.with { served in
            let asking = try #require(
                try await served.index.createKey(name: "asks", KeyTerms(scopes: [.query]))
            ).text
            let key = try #require(try await served.index.apiKey(presented: asking)).id
            // No server runs; or one that took it has died.
            let id = try await served.index.enqueue(
                QueryRequest(level: .study, query: "PatientName=M*&async=true", cacheControl: ""), spanner: nil,
                key: key)
            let path = "/api/v1/spanner/queries/\(id)"
            try await served.serving { admin in
                let owner = HTTPClient(port: admin.port, key: asking)
                let status = try await ended(owner, "\(path)/status")
                #expect(status.object["state"] as? String == "completed", "\(status.text)")
            }
            try await served.serving { admin in
                let owner = HTTPClient(port: admin.port, key: asking)
                let results = try await owner.ask("\(path)/results")
                #expect(results.status == 200 && results.matches.count > 10)
                #expect(try await admin.ask("\(path)/results").text == results.text)
                let other = try await served.client(admin, scopes: [.query, .report, .metrics])
                for end in ["status", "results"] {
                    #expect(try await other.ask("\(path)/\(end)").status == 404)
                    #expect(
                        try await admin.ask("/api/v1/spanner/queries/\(String(repeating: "0", count: 32))/\(end)")
                            .status == 404)
                }
            }
        }
    }

    @Test func whatHasNotEndedHasNoResultsYet() async throws {
        try await ServedEnterprise.with(sweeps: false, temper: ["pacs-a": { $0.latency = .seconds(3) }]) { served in
            try await served.serving { client in
                let later = try await accepted(client, "\(Self.path)/studies?PatientID=N&async=true")
                let early = try await client.ask(later.results)
                #expect(early.status == 202 && early.headers["retry-after"] == "1")
                #expect(["pending", "running"].contains(early.object["state"] as? String))
                #expect(try await ended(client, later.status).object["state"] as? String == "completed")
                #expect(try await client.ask(later.results).status == 200)
            }
        }
    }

    @Test func aKeyThatAsksTooMuchIsToldToWait() async throws {
        try await ServedEnterprise.with(sweeps: false, temper: ["pacs-a": { $0.latency = .seconds(20) }]) { served in
            try await served.serving { client in
                for number in 0..<StudyIndex.queriesUnfinished {
                    _ = try await accepted(client, "\(Self.path)/studies?PatientID=N\(number)&async=true")
                }
                let refused = try await client.ask("\(Self.path)/studies?PatientID=N&async=true")
                #expect(refused.status == 429 && refused.headers["retry-after"] == "5")
            }
        }
    }
}
