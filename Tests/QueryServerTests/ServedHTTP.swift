import Foundation
import HTTPTypes
import Logging
import StudyIndex
import Synchronization
import Testing

@testable import QueryServer

#if canImport(FoundationNetworking)
import FoundationNetworking
#endif

/// A client of a real server on a port of its own.
struct HTTPClient: Sendable {
    let port: Int
    let key: String

    struct Answer {
        var status: Int
        var bytes: [UInt8]
        var headers: [String: String]

        var text: String { String(decoding: bytes, as: UTF8.self) }
        /// Of a JSON object.
        var object: [String: Any] { (try? JSONSerialization.jsonObject(with: Data(bytes))) as? [String: Any] ?? [:] }
        /// Of DICOM JSON: of each match the first value of an attribute, by tag.
        var matches: [[String: Any]] {
            (try? JSONSerialization.jsonObject(with: Data(bytes))) as? [[String: Any]] ?? []
        }
        func values(_ tag: String) -> [String] {
            matches.map { (($0[tag] as? [String: Any])?["Value"] as? [Any])?.first.map { "\($0)" } ?? "" }
        }
        var warning: String { headers["warning"] ?? "" }
    }

    /// - Parameter json: the body.
    func ask(
        _ path: String, _ method: String = "GET", json: String? = nil, headers: [String: String] = [:]
    ) async throws -> Answer {
        let url = try #require(URL(string: "http://127.0.0.1:\(port)\(path)"))
        var request = URLRequest(url: url, cachePolicy: .reloadIgnoringLocalCacheData, timeoutInterval: 60)
        request.httpMethod = method
        request.setValue("Api-Key \(key)", forHTTPHeaderField: "Authorization")
        if let json {
            request.httpBody = Data(json.utf8)
            request.setValue("application/json", forHTTPHeaderField: "Content-Type")
        }
        for (name, value) in headers { request.setValue(value, forHTTPHeaderField: name) }
        let (data, response) = try await URLSession.shared.data(for: request)
        let answer = try #require(response as? HTTPURLResponse)
        return Answer(
            status: answer.statusCode, bytes: Array(data),
            headers: Dictionary(
                answer.allHeaderFields.map { ("\($0)".lowercased(), "\($1)") }, uniquingKeysWith: { $0 + ", " + $1 }))
    }
}

extension ServedEnterprise {
    /// Serves the enterprise while `body` asks, with a key of these scopes.
    func serving(
        scopes: Set<KeyScope> = [.query, .report, .admin], deadline: Duration = .seconds(20),
        _ body: (HTTPClient) async throws -> Void
    ) async throws {
        let key = try #require(try await index.createKey(name: "test \(UUID())", KeyTerms(scopes: scopes))).text
        try await withThrowingTaskGroup(of: Void.self) { group in
            let (ports, port) = AsyncStream.makeStream(of: Int.self)
            var http = HTTPSettings(host: "127.0.0.1", port: 0)
            http.deadline = deadline
            let serving = QueryServer(
                http, index: index, catalog: catalog, metrics: metrics, audit: audit, tokens: LogTokens(key: [1]),
                logger: Logger(label: "test"))
            group.addTask { try await serving.run { port.yield($0) } }
            for await port in ports {
                try await body(HTTPClient(port: port, key: key))
                break
            }
            group.cancelAll()
            // A server that was cancelled says so.
            while let ended = await group.nextResult() { _ = ended }
        }
    }

    func client(_ client: HTTPClient, scopes: Set<KeyScope>) async throws -> HTTPClient {
        let key = try #require(try await index.createKey(name: "other \(UUID())", KeyTerms(scopes: scopes)))
        return HTTPClient(port: client.port, key: key.text)
    }
}
