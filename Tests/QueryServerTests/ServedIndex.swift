import DICOM
import DIMSE
import Foundation
import Logging
import PostgresClient
import Spanning
import StudyIndex
import Synchronization
import TestCluster
import Testing

@testable import QueryServer

/// A server before an index of a few studies, of which it is known who may see what. No source is asked.
///
/// Sources `a` and `b`; at `a` patient IDs that begin with N belong to North and those with S to South, at `b` all to South.
/// Every value that could tell of a copy names it: `MARK-` and the copy.
struct ServedIndex: Sendable {
    let index: StudyIndex
    let pool: PostgresPool
    let audit: AuditSpool
    let port: Int
    let metricsPort: Int
    let findPort: Int
    let log: CapturedLog
    let metrics: ServerMetrics
    let directory: String

    /// Copies by their mark, with their facility; nil: unassigned.
    static let copies: [(mark: String, source: String, uid: String, patient: String, facility: String?)] = [
        ("MARK-A1", "a", "1.1", "N1", "North"), ("MARK-A2", "a", "1.2", "S1", "South"),
        ("MARK-A3", "a", "1.3", "N3", "North"), ("MARK-B3", "b", "1.3", "N3", "South"),
        ("MARK-A4", "a", "1.4", "X4", nil),
    ]

    static func record(_ mark: String) -> StudyRecord {
        var record = StudyRecord()
        guard let copy = copies.first(where: { $0.mark == mark }) else { return record }
        for (tag, value) in [
            (DICOM.Tag.studyInstanceUID, copy.uid), (.patientID, copy.patient), (.patientName, "CANARY^\(mark)"),
            (.studyDate, "20200315"), (.studyTime, "101112"), (.accessionNumber, "ACC\(copy.uid)"),
            (.studyDescription, mark), (.patientBirthDate, "19600102"), (.patientSex, "F"), (.modalitiesInStudy, "CT"),
        ] { record[tag] = value }
        return record
    }

    static func withIndex(_ body: (StudyIndex, PostgresPool, _ directory: String) async throws -> Void) async throws {
        let directory = FileManager.default.temporaryDirectory.appending(path: "concord-served-\(UUID())").path
        let pool = PostgresPool(connectionString: try await TestCluster.shared.database(), size: 4)
        func end() async {
            await pool.close()
            try? FileManager.default.removeItem(atPath: directory)
        }
        do {
            let index = StudyIndex(pool: pool)
            try await index.migrate()
            try await body(index, pool, directory + "/audit")
        } catch {
            await end()
            throw error
        }
        await end()
    }

    static func with(
        admission: Admission = Admission(), tls: ServerTLS? = nil, headTime: Duration = .seconds(5),
        _ body: @escaping @Sendable (ServedIndex) async throws -> Void
    ) async throws {
        try await withIndex { index, pool, directory in
            try await fill(index)
            let log = CapturedLog()
            let logger = log.logger
            let audit = try AuditSpool(directory: directory)
            let metrics = ServerMetrics()
            let catalog = SpanningCatalog(catalog: index, spanner: nil, today: { .latest })
            var settings = FindService.Settings(aeTitle: try AETitle("CONCORD"))
            settings.port = 0
            for (title, facilities) in [("ALL", []), ("NORTH", ["North"]), ("SOUTH", ["South"])] as [(String, [String])]
            {
                var peer = FindPeer(aeTitle: try AETitle(title))
                peer.visibility = Visibility(facilities: facilities)
                settings.peers.append(peer)
            }
            let find = try await FindService(
                settings, catalog: catalog, metrics: metrics, audit: audit, admission: admission,
                tokens: LogTokens(key: [1]), logger: logger
            ).start()
            let metricsPort = try RawHTTP.freePort()
            var http = HTTPSettings(host: "127.0.0.1", port: 0)
            http.metricsAddress = ("127.0.0.1", metricsPort)
            http.tls = tls
            http.headTime = headTime
            http.retrieveRoots = ["PACSA": "http://a.example/dicom-web", "PACSB": "http://b.example/dicom-web"]
            let (ports, listening) = AsyncStream.makeStream(of: Int.self)
            let running = QueryServer(
                http, index: index, catalog: catalog, metrics: metrics, audit: audit, admission: admission,
                tokens: LogTokens(key: [1]), logger: logger)
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask { try await running.run { listening.yield($0) } }
                guard let port = await ports.first(where: { _ in true }) else { throw RawHTTP.Failure() }
                try await RawHTTP.waitFor(metricsPort)
                do {
                    try await body(
                        ServedIndex(
                            index: index, pool: pool, audit: audit, port: port, metricsPort: metricsPort,
                            findPort: find.port, log: log, metrics: metrics, directory: directory))
                } catch {
                    group.cancelAll()
                    await find.stop()
                    throw error
                }
                group.cancelAll()
                await find.stop()
            }
            await audit.close()
        }
    }

    private static func fill(_ index: StudyIndex) async throws {
        let sources = [
            (
                "a",
                [
                    FacilityRule(facility: "North", patientIDPrefix: "N"),
                    FacilityRule(facility: "South", patientIDPrefix: "S"),
                ]
            ),
            ("b", [FacilityRule(facility: "South", issuer: "HOSP")]),
        ]
        let ids = try await index.register(
            sources.enumerated().map { position, source in
                var definition = SourceDefinition(
                    name: source.0, aeTitle: "PACS" + source.0.uppercased(), host: "localhost", port: 104,
                    issuer: "HOSP", priority: position + 1)
                definition.facilities = source.1
                return definition
            })
        for (name, id) in ids {
            let copies = copies.filter { $0.source == name }
            try await index.keep(copies.map { record($0.mark) }, of: id)
            for copy in copies {
                var series = SeriesRecord(texts: [])
                series[.studyInstanceUID] = copy.uid
                series[.seriesInstanceUID] = copy.uid + ".1"
                series[.modality] = "CT"
                series[.seriesDescription] = copy.mark
                try await index.keep([series], of: id, study: copy.uid, asked: .zero)
            }
        }
        func values(_ marks: [String]) -> String {
            let values = copies.filter { marks.contains($0.mark) }.map {
                #"{"source":"\#($0.source)","study_uid":"\#($0.uid)","attributes":{"StudyDescription":"\#($0.mark)"}}"#
            }
            return #"{"explanation":"","values":[\#(values.joined(separator: ","))]}"#
        }
        var pass = ReconciliationPass(
            began: try await index.reconciliationState(), basis: "", isWhole: true)
        pass.found = [
            StoredDiscrepancy(
                discrepancyClass: "study-date-mismatch", severity: "minor", studyUID: "1.3", otherUID: nil,
                sources: ["a", "b"], frozen: values(["MARK-A3", "MARK-B3"])),
            StoredDiscrepancy(
                discrepancyClass: "zero-images", severity: "minor", studyUID: "1.1", otherUID: nil, sources: ["a"],
                frozen: values(["MARK-A1"])),
        ]
        _ = try await index.end(pass, classes: (["study-date-mismatch", "zero-images"], []))
    }

    func key(_ scopes: Set<KeyScope>, _ facilities: [String] = [], _ adjust: (inout KeyTerms) -> Void = { _ in })
        async throws
        -> String
    {
        var terms = KeyTerms(scopes: scopes)
        terms.visibility = Visibility(facilities: facilities)
        adjust(&terms)
        return try #require(try await index.createKey(name: "test \(UUID())", terms)).text
    }

    func get(_ path: String, key: String? = nil, port: Int? = nil) async throws -> RawHTTP.Response {
        try await ask(path, "GET", key: key, port: port)
    }

    func ask(
        _ path: String, _ method: String, key: String? = nil, port: Int? = nil
    ) async throws -> RawHTTP.Response {
        try await RawHTTP.ask(path, method, key: key, port: port ?? self.port)
    }

    func audited() throws -> [AuditRecord] {
        try AuditFile.all(in: directory).flatMap { file in
            try file.batches(from: 0, upTo: 1 << 26).batches.filter { $0.0.number > 0 }.flatMap { batch, _, _ in
                try batch.records.map { try JSONDecoder().decode(AuditRecord.self, from: Data($0.utf8)) }
            }
        }
    }
}

/// What is logged, at every level.
final class CapturedLog: Sendable {
    private let captured = Mutex("")
    var text: String { captured.withLock { $0 } }

    var logger: Logger {
        var logger = Logger(label: "test") { _ in Handler(log: self) }
        logger.logLevel = .trace
        return logger
    }

    private struct Handler: LogHandler {
        let log: CapturedLog
        var logLevel = Logger.Level.trace
        var metadata: Logger.Metadata = [:]

        init(log: CapturedLog) { self.log = log }

        subscript(metadataKey key: String) -> Logger.Metadata.Value? {
            get { metadata[key] }
            set { metadata[key] = newValue }
        }

        func log(
            level: Logger.Level, message: Logger.Message, metadata: Logger.Metadata?, source: String, file: String,
            function: String, line: UInt
        ) {
            let all = self.metadata.merging(metadata ?? [:]) { $1 }
            log.captured.withLock { $0 += "\(level) \(message) \(all)\n" }
        }
    }
}

/// Sends bytes to a port of this machine and reads what comes back until the connection ends.
enum RawHTTP {
    struct Failure: Error {}

    struct Response: Sendable {
        /// 0: none came.
        var status = 0
        var headers: [String: String] = [:]
        var body = ""
    }

    /// What changes something is sent with an empty JSON object.
    static func ask(_ path: String, _ method: String, key: String? = nil, port: Int) async throws -> Response {
        let authorization = key.map { "Authorization: Api-Key \($0)\r\n" } ?? ""
        let (type, body) =
            ["POST", "PUT", "PATCH"].contains(method)
            ? ("Content-Type: application/json\r\nContent-Length: 2\r\n", "{}") : ("", "")
        return try await send(
            "\(method) \(path) HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\(authorization)\(type)\r\n\(body)",
            to: port)
    }

    static func send(_ text: String, to port: Int) async throws -> Response {
        parse(try await exchange([text], pause: 0, port))
    }

    /// Sends parts with pauses between them, in seconds; returns what came back, and ends when the connection does.
    static func exchange(_ parts: [String], pause: Double, _ port: Int) async throws -> [UInt8] {
        // Blocks a thread, which must not be one of the few that the server works on.
        try await withCheckedThrowingContinuation { continuation in
            Thread.detachNewThread { continuation.resume(with: Result { try blockingExchange(parts, pause, port) }) }
        }
    }

    private static func blockingExchange(_ parts: [String], _ pause: Double, _ port: Int) throws -> [UInt8] {
        let socket = try connected(port)
        defer { close(socket) }
        for (position, part) in parts.enumerated() {
            if position > 0 { Thread.sleep(forTimeInterval: pause) }
            var bytes = Array(part.utf8)[...]
            while !bytes.isEmpty {
                let sent = bytes.withUnsafeBytes {
                    Glibc.send(socket, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL))
                }
                guard sent > 0 else { break }
                bytes = bytes.dropFirst(sent)
            }
        }
        var received: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 65_536)
        while true {
            let count = recv(socket, &buffer, buffer.count, 0)
            guard count > 0 else { return received }
            received += buffer[0..<count]
        }
    }

    private static func connected(_ port: Int) throws -> Int32 {
        let socket = Glibc.socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        var timeout = timeval(tv_sec: 30, tv_usec: 0)
        setsockopt(socket, SOL_SOCKET, SO_RCVTIMEO, &timeout, socklen_t(MemoryLayout<timeval>.size))
        var address = loopback(port)
        let failed = withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                connect(socket, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
        guard failed == 0 else {
            close(socket)
            throw Failure()
        }
        return socket
    }

    private static func loopback(_ port: Int) -> sockaddr_in {
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = UInt16(port).bigEndian
        address.sin_addr.s_addr = inet_addr("127.0.0.1")
        return address
    }

    static func freePort() throws -> Int {
        let socket = Glibc.socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        defer { close(socket) }
        var address = loopback(0)
        var size = socklen_t(MemoryLayout<sockaddr_in>.size)
        let failed = withUnsafeMutablePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(socket, $0, size) + getsockname(socket, $0, &size)
            }
        }
        guard failed == 0 else { throw Failure() }
        return Int(UInt16(bigEndian: address.sin_port))
    }

    static func waitFor(_ port: Int) async throws {
        for _ in 0..<200 {
            if let socket = try? connected(port) {
                close(socket)
                return
            }
            try await Task.sleep(for: .milliseconds(20))
        }
        throw Failure()
    }

    private static func parse(_ bytes: [UInt8]) -> Response {
        var response = Response()
        let text = String(decoding: bytes, as: UTF8.self)
        guard let end = text.range(of: "\r\n\r\n") else { return response }
        let lines = text[..<end.lowerBound].split(separator: "\r\n")
        response.status = lines.first.flatMap { Int($0.split(separator: " ").dropFirst().first ?? "") } ?? 0
        for line in lines.dropFirst() {
            let sides = line.split(separator: ":", maxSplits: 1).map { $0.trimmingCharacters(in: .whitespaces) }
            if sides.count == 2 { response.headers[sides[0].lowercased()] = sides[1] }
        }
        response.body = String(text[end.upperBound...])
        return response
    }
}
