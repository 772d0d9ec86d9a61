import DICOM
import Foundation
import PostgresClient
import StudyIndex
import Testing

@testable import QueryServer

/// What the server does with clients that are hostile, too many, or too slow.
@Suite(.serialized) struct HardeningTests {
    private func head(_ lines: [String]) -> String {
        (["GET /healthz HTTP/1.1", "Host: localhost", "Connection: close"] + lines).joined(separator: "\r\n")
            + "\r\n\r\n"
    }

    @Test func headersEndAt16KiBAndAt64Fields() async throws {
        try await ServedIndex.with { served in
            let filling = String(repeating: "a", count: 1 << 10)
            for (lines, isServed) in [
                ((0..<62).map { "X-\($0): 1" }, true), ((0..<63).map { "X-\($0): 1" }, false),
                (["X: " + String(repeating: "a", count: 15 << 10)], true),
                (["X: " + String(repeating: "a", count: 17 << 10)], false),
                ((0..<15).map { "X-\($0): \(filling)" }, true), ((0..<20).map { "X-\($0): \(filling)" }, false),
            ] {
                let status = try await RawHTTP.send(head(lines), to: served.port).status
                #expect((status == 200) == isServed, "\(lines.count) lines: \(status)")
            }
            // And serves the next one.
            #expect(try await served.get("/healthz").status == 200)
        }
    }

    @Test func getTakesNoBody() async throws {
        try await ServedIndex.with { served in
            for (method, lines, body, status) in [
                ("GET", "Content-Length: 5", "hello", 413), ("GET", "Transfer-Encoding: chunked", "0\r\n\r\n", 413),
                ("GET", "Content-Length: 0", "", 401), ("POST", "Content-Length: 0", "", 405),
            ] {
                let request =
                    "\(method) /dicom-web/studies HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\(lines)\r\n\r\n\(body)"
                let response = try await RawHTTP.send(request, to: served.port)
                #expect(response.status == status, "\(method) \(lines)")
            }
        }
    }

    /// Slowloris: many connections that never come to the point are closed, and others are served meanwhile.
    @Test func whoDoesNotFinishItsHeadIsClosed() async throws {
        try await ServedIndex.with(headTime: .milliseconds(700)) { served in
            let start = ContinuousClock.now
            let answers = try await withThrowingTaskGroup(of: Int.self) { group in
                for number in 0..<60 {
                    // One says nothing, one byte by byte, one begins a second request and leaves it there.
                    let parts =
                        switch number % 3 {
                        case 0: [""]
                        case 1: "GET /healthz HTTP/1.1\r\nX: aaaaaaaaaaaaaa".map { String($0) }
                        default: ["GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n", "GET /healthz HT"]
                        }
                    group.addTask { try await RawHTTP.exchange(parts, pause: 0.1, served.port).count }
                }
                for _ in 0..<20 {
                    #expect(try await served.get("/healthz").status == 200)
                }
                return try await group.reduce(into: []) { $0.append($1) }
            }
            #expect(answers.count == 60)
            // Those that asked once were answered once.
            #expect(answers.filter { $0 > 0 }.count == 20)
            #expect(ContinuousClock.now - start < .seconds(20))
        }
    }

    /// Ten times as much as there is room for: refused at once with the time to come back, or answered; nothing hangs or fails.
    @Test func tenTimesTooMuchIsShedAndNothingElseSuffers() async throws {
        try await ServedIndex.with(admission: Admission(most: 8)) { served in
            let greedy = try await served.key([.query])
            let other = try await served.key([.query])
            try await withThrowingTaskGroup(of: RawHTTP.Response.self) { group in
                for _ in 0..<80 { group.addTask { try await served.get("/dicom-web/studies", key: greedy) } }
                var others = 0
                for _ in 0..<10 where try await served.get("/dicom-web/studies", key: other).status == 200 {
                    others += 1
                }
                var counts: [Int: Int] = [:]
                for try await response in group {
                    counts[response.status, default: 0] += 1
                    if response.status != 200 { #expect(response.headers["retry-after"] == "1") }
                }
                #expect(Set(counts.keys).isSubset(of: [200, 429, 503]))
                #expect(counts[200, default: 0] >= 6)
                #expect(others == 10)
            }
            #expect(try await served.get("/dicom-web/studies", key: greedy).status == 200)
            let denied = try served.audited().filter { $0.outcome == .denied }
            #expect(denied.allSatisfy { $0.status == 429 })
        }
    }

    @Test func aKeyIsHeldToItsRate() async throws {
        try await ServedIndex.with { served in
            let key = try await served.key([.query]) { $0.requestsPerSecond = 3 }
            var statuses: [Int] = []
            for _ in 0..<8 { statuses.append(try await served.get("/dicom-web/studies", key: key).status) }
            #expect(statuses.prefix(3) == [200, 200, 200])
            #expect(statuses.contains(429))
        }
    }

    // MARK: Audit

    @Test func everyAnswerHasItsRecord() async throws {
        try await ServedIndex.with { served in
            let key = try await served.key([.query], ["North"])
            let id = try #require(try await served.index.keys().first).id
            let asked: [(String, String?, Int, AuditRecord.Outcome)] = [
                ("/dicom-web/studies?PatientName=CANARY*", key, 200, .success),
                ("/dicom-web/studies", nil, 401, .denied),
                ("/api/v1/coverage", key, 403, .denied), ("/api/v1/studies/1.2", key, 404, .denied),
                ("/dicom-web/studies?StudyDate=x", key, 400, .denied),
            ]
            for (number, (path, key, status, outcome)) in asked.enumerated() {
                #expect(try await served.get(path, key: key).status == status)
                let record = try #require(try served.audited().last)
                #expect(try served.audited().count == number + 1)
                #expect(record.query == path && record.status == status && record.outcome == outcome)
                #expect(
                    record.actor == (key == nil ? "" : id) && record.address == "127.0.0.1" && record.means == "HTTP")
            }
            #expect(try served.audited().first?.results == 2)
            #expect(try served.audited().first?.event == .query)
            let workstation = Workstation(port: served.findPort, calling: "SOUTH")
            _ = try await workstation.ask(.study, [.patientName: "CANARY*"])
            let record = try #require(try served.audited().last)
            #expect(record.means == "C-FIND" && record.actor == "SOUTH" && record.results == 2)
            #expect(record.query.contains("PatientName=CANARY*") && record.object == "STUDY")
            // Who is not let in is noted, too.
            await #expect(throws: (any Error).self) {
                _ = try await Workstation(port: served.findPort, calling: "STRANGER").ask(.study, [:])
            }
            for _ in 0..<200 where try served.audited().last?.event != .association {
                try await Task.sleep(for: .milliseconds(10))
            }
            let rejected = try #require(try served.audited().last)
            #expect(rejected.event == .association && rejected.actor == "STRANGER" && rejected.outcome == .denied)
            // Health tells nothing of anybody.
            let before = try served.audited().count
            _ = try await served.get("/healthz")
            #expect(try served.audited().count == before)
        }
    }

    @Test func withoutItsRecordNothingIsAnswered() async throws {
        try await ServedIndex.with { served in
            let key = try await served.key([.query])
            await served.audit.close()
            let response = try await served.get("/dicom-web/studies", key: key)
            #expect(response.status == 503)
            #expect(response.headers["retry-after"] == "30")
            #expect(!response.body.contains("MARK"))
            let answer = try await Workstation(port: served.findPort, calling: "ALL").ask(
                .study, [.patientName: "CANARY*"])
            #expect(answer.status == 0xA700 && answer.matches.isEmpty)
        }
    }

    // MARK: Logs

    /// Promise 6: whatever goes wrong, neither log nor metrics name anybody.
    @Test func noPatientIsNamedInLogsOrMetrics() async throws {
        try await ServedIndex.with { served in
            let key = try await served.key([.query, .report, .metrics])
            let canaries = ["ZZCANARY", "zzcanary", "9.8.7.6.5.4.3.2.1", "CANARY^MARK", "MARK-A1"]
            let keys = [
                "PatientName=ZZCANARY*", "PatientID=ZZCANARY", "AccessionNumber=ZZCANARY%00",
                "StudyInstanceUID=9.8.7.6.5.4.3.2.1", "StudyDate=ZZCANARY", "ZZCANARY=1", "PatientName=%ZZCANARY",
                "limit=ZZCANARY", "PatientBirthDate=ZZCANARY", "StudyDescription=*ZZCANARY*", "spanning=ZZCANARY",
            ]
            func ask() async throws {
                for query in keys {
                    for path in ["studies", "series", "instances"] {
                        _ = try await served.get("/dicom-web/\(path)?\(query)", key: key)
                    }
                    _ = try await served.get("/api/v1/discrepancies?\(query)", key: key)
                    _ = try await served.get("/dicom-web/studies?\(query)")
                }
                for path in [
                    "/dicom-web/studies/9.8.7.6.5.4.3.2.1/series", "/dicom-web/studies/9.8.7.6.5.4.3.2.1/metadata",
                    "/dicom-web/studies/ZZCANARY/series", "/api/v1/studies/9.8.7.6.5.4.3.2.1", "/api/v1/studies/1.1",
                    "/api/v1/sources/ZZCANARY/health", "/ZZCANARY", "/dicom-web/ZZCANARY?PatientName=ZZCANARY",
                ] { _ = try await served.get(path, key: key) }
                _ = try await RawHTTP.send("ZZCANARY / HTTP/1.1\r\n\r\n", to: served.port)
                _ = try await RawHTTP.send(
                    "GET /dicom-web/studies?PatientName=ZZCANARY HTTP/9.9\r\n\r\n", to: served.port)
                for calling in ["ALL", "SOUTH"] {
                    let workstation = Workstation(port: served.findPort, calling: calling)
                    for (tag, value) in [
                        (DICOM.Tag.patientName, "ZZCANARY*"), (.patientID, "ZZCANARY"), (.studyDate, "ZZCANARY"),
                        (.studyInstanceUID, "9.8.7.6.5.4.3.2.1"), (.accessionNumber, "ZZCANARY\\ZZCANARY"),
                        (.patientName, "CANARY*"),
                    ] { _ = try? await workstation.ask(.study, [tag: value]) }
                }
            }
            try await ask()
            // The database fails under every question.
            try await served.pool.withConnection { try $0.execute(script: "ALTER TABLE observation RENAME TO away") }
            try await ask()
            let failed = try await served.get("/dicom-web/studies?PatientName=ZZCANARY", key: key)
            #expect(failed.status == 500 && !failed.body.contains("ZZCANARY"))
            try await served.pool.withConnection { try $0.execute(script: "ALTER TABLE away RENAME TO observation") }
            let metrics = try await served.get("/metrics", key: key, port: served.metricsPort)
            #expect(metrics.status == 200)
            let log = served.log.text
            #expect(log.contains("request failed") && log.contains("a C-FIND failed"))
            let secret = key.split(separator: "_")[2]
            for canary in canaries + [String(secret)] {
                #expect(!log.contains(canary), "\(canary) in the log")
                #expect(!metrics.body.contains(canary), "\(canary) in the metrics")
            }
        }
    }

    // MARK: TLS

    @Test func httpIsEncryptedByTLS13AndNothingOlder() async throws {
        let directory = FileManager.default.temporaryDirectory.appending(path: "concord-tls-\(UUID())").path
        try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: directory) }
        @Sendable func run(_ command: String) throws -> (status: Int32, output: String) {
            let process = Process()
            process.executableURL = URL(fileURLWithPath: "/bin/sh")
            process.arguments = ["-c", "cd \(directory) && \(command)"]
            let pipe = Pipe()
            process.standardOutput = pipe
            process.standardError = pipe
            try process.run()
            let output = pipe.fileHandleForReading.readDataToEndOfFile()
            process.waitUntilExit()
            return (process.terminationStatus, String(decoding: output, as: UTF8.self))
        }
        let made = try run(
            "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout key.pem -out cert.pem -days 1 "
                + "-subj /CN=localhost -addext subjectAltName=DNS:localhost,IP:127.0.0.1")
        try #require(made.status == 0, "\(made.output)")
        let tls = ServerTLS(certificate: directory + "/cert.pem", key: directory + "/key.pem")
        try await ServedIndex.with(tls: tls) { served in
            let key = try await served.key([.query])
            func curl(_ options: String) async throws -> (status: Int32, output: String) {
                let command =
                    "curl -sS --max-time 20 --cacert cert.pem \(options) -H 'Authorization: Api-Key \(key)' "
                    + "https://localhost:\(served.port)/dicom-web/studies"
                return try await withCheckedThrowingContinuation { continuation in
                    Thread.detachNewThread { continuation.resume(with: Result { try run(command) }) }
                }
            }
            let answer = try await curl("--tlsv1.3")
            #expect(answer.status == 0 && answer.output.contains("MARK-A1"), "\(answer.output)")
            let older = try await curl("--tls-max 1.2")
            #expect(older.status != 0 && !older.output.contains("MARK"))
            let plain = try await RawHTTP.ask("/healthz", "GET", port: served.port)
            #expect(plain.status != 200)
        }
        #expect(throws: (any Error).self) {
            try ServerTLS(certificate: directory + "/none.pem", key: directory + "/key.pem").configuration()
        }
    }
}
