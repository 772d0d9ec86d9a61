import DICOM
import EdgeShard
import Foundation
import Logging
import Testing

@testable import QueryServer

/// An edge site's HTTP server.
@Suite struct EdgeServerTests {
    /// Serves the site's replica while `body` asks.
    private func serving(_ site: Site, _ body: (HTTPClient) async throws -> Void) async throws {
        let audit = try AuditSpool(directory: site.centre.directory + "/audit")
        let server = EdgeServer(
            HTTPSettings(host: "127.0.0.1", port: 0), replica: site.replica, catalog: site.catalog, atRest: .accepted,
            metrics: ServerMetrics(), audit: audit, tokens: LogTokens(key: [1]), logger: Logger(label: "test"))
        try await withThrowingTaskGroup(of: Void.self) { group in
            let (ports, port) = AsyncStream.makeStream(of: Int.self)
            group.addTask { try await server.run { port.yield($0) } }
            for await port in ports {
                try await body(HTTPClient(port: port, key: PublishingCentre.key))
                break
            }
            group.cancelAll()
            // A server that was cancelled says so.
            while let ended = await group.nextResult() { _ = ended }
        }
        await audit.close()
    }

    private func generation(_ answer: HTTPClient.Answer) -> Int? {
        answer.warning.components(separatedBy: "generation ").dropFirst().first
            .flatMap { Int($0.prefix { $0.isNumber }) }
    }

    /// Asks until the server has noticed a generation that was just published.
    private func ask(
        _ client: HTTPClient, _ path: String, until isNoticed: (HTTPClient.Answer) -> Bool
    ) async throws -> HTTPClient.Answer {
        var answer = try await client.ask(path)
        for _ in 0..<100_000 where !isNoticed(answer) { answer = try await client.ask(path) }
        return answer
    }

    /// What pages belong together is told by who asks and for what.
    @Test func pagesComeFromTheGenerationOfTheFirst() async throws {
        try await Site.with { site in
            try await serving(site) { client in
                let first = try await client.ask("/dicom-web/studies?PatientName=MUELLER*&limit=2")
                #expect(generation(first) == 1 && first.matches.count == 2)
                try await site.centre.publish(studies: 1...9)
                // Another question is of the newest.
                let other = try await ask(client, "/dicom-web/studies?PatientName=M*") { generation($0) == 2 }
                #expect(generation(other) == 2)
                let second = try await client.ask("/dicom-web/studies?limit=2&offset=2&PatientName=MUELLER*")
                #expect(generation(second) == 1 && second.matches.count == 1)
                // So are its pages, and the first page again.
                #expect(generation(try await client.ask("/dicom-web/studies?PatientName=M*&offset=2")) == 2)
                let anew = try await client.ask("/dicom-web/studies?PatientName=MUELLER*&limit=20")
                #expect(generation(anew) == 2 && anew.matches.count == 9)
            }
        }
    }

    /// Whoever reads on from an older generation, too.
    @Test func aKeyThatWasRevokedIsNotGoodAnyMore() async throws {
        try await Site.with { site in
            try await serving(site) { client in
                #expect(try await client.ask("/dicom-web/studies?limit=1").status == 200)
                try await site.centre.publish(studies: 1...3, keys: [])
                #expect(try await ask(client, "/dicom-web/studies?limit=1") { $0.status == 401 }.status == 401)
                #expect(try await client.ask("/dicom-web/studies?limit=1&offset=1").status == 401)
            }
        }
    }
}
