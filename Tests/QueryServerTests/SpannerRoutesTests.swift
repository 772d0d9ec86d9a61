import DICOM
import Foundation
import PACSSimulator
import StudyIndex
import Testing

@testable import QueryServer

/// `/api/v1/spanner/qido`: sources that are slow, dead or lie, and what becomes of answers then.
@Suite(.serialized) struct SpannerRoutesTests {
    private static let path = "/api/v1/spanner/qido/studies"

    /// A configuration of both sources.
    private func configuration(
        _ client: HTTPClient, _ fields: String = "", a: String = "", g: String? = ""
    ) async throws -> Int {
        let path = "/api/v1/config/spanner/"
        let made = try await client.ask(path, "POST", json: #"{"name": "\#(UUID())"\#(fields)}"#)
        let id = try #require(made.object["id"] as? Int, "\(made.text)")
        var sources = [#"{"source_id": "pacs-a", "priority": 1\#(a)}"#]
        if let g { sources.append(#"{"source_id": "pacs-g", "priority": 2\#(g)}"#) }
        for source in sources {
            let answer = try await client.ask(path + "\(id)/sources/", "POST", json: source)
            #expect(answer.status == 201, "\(answer.text)")
        }
        return id
    }

    /// A study that both sources hold.
    private func shared(_ served: ServedEnterprise) throws -> String {
        func held(by name: String) throws -> Set<String> {
            let position = try #require(served.enterprise.sources.firstIndex { $0.name == name })
            return Set(
                served.enterprise.copies(at: position).filter(\.isReachable).compactMap { $0.values[.studyInstanceUID] }
            )
        }
        return try #require(try held(by: "pacs-a").intersection(try held(by: "pacs-g")).min())
    }

    // MARK: Sources

    /// Copies are read with their sources, joined here, and are what `/dicom-web` shows.
    @Test func withoutAConfigurationItAnswersAsDICOMwebDoes() async throws {
        try await ServedEnterprise.with { served in
            try await served.serving { client in
                for query in [
                    "limit=5000", "PatientName=M*&limit=5000", "ModalitiesInStudy=CT&StudyDate=20200101-&limit=5000",
                ] {
                    let web = try await client.ask("/dicom-web/studies?\(query)")
                    let spanned = try await client.ask("\(Self.path)?\(query)")
                    #expect(web.matches.count > 20 && web.values("0020000D") == spanned.values("0020000D"))
                    let several = Dictionary(grouping: web.values("0020000D"), by: { $0 }).filter { $0.value.count > 1 }
                    for (one, other) in zip(web.matches, spanned.matches) {
                        let uid = ((one["0020000D"] as? [String: Any])?["Value"] as? [String])?.first ?? ""
                        // Of a study of two patients the other's copy lends nothing here.
                        guard several[uid] == nil else { continue }
                        #expect(NSDictionary(dictionary: one) == NSDictionary(dictionary: other))
                    }
                }
                let study = try #require(try await client.ask("/dicom-web/studies?limit=1").values("0020000D").first)
                for level in ["series", "instances"] {
                    let web = try await client.ask("/dicom-web/studies/\(study)/\(level)")
                    let spanned = try await client.ask("/api/v1/spanner/qido/\(level)?StudyInstanceUID=\(study)")
                    #expect(web.text == spanned.text)
                }
            }
        }
    }

    @Test func onlyEnabledSourcesOfTheConfigurationTakePart() async throws {
        try await ServedEnterprise.with { served in
            try await served.serving { client in
                let position = try #require(served.enterprise.sources.firstIndex { $0.name == "pacs-a" })
                let atA = Set(
                    served.enterprise.copies(at: position).filter(\.isReachable).compactMap {
                        $0.values[.studyInstanceUID]
                    })
                for g in [nil, #", "enabled": false"#] {
                    let id = try await configuration(client, g: g)
                    let answer = try await client.ask("\(Self.path)?spanner_config_id=\(id)&limit=5000")
                    #expect(Set(answer.values("0020000D")) == atA)
                    #expect(Set(answer.values("00080054")) == ["PACSA"])
                }
                #expect(try await client.ask("\(Self.path)?spanner_config_id=999").status == 404)
                #expect(try await client.ask("\(Self.path)?spanner_config_id=x").status == 400)
            }
        }
    }

    /// M8: what a configuration adds narrows, and the caller's own filter of the same name stays.
    @Test func aFilterNarrowsAndNeverOverrides() async throws {
        try await ServedEnterprise.with { served in
            try await served.serving { client in
                let id = try await configuration(
                    client, a: #", "additional_query_filters": {"StudyDate": "20230101-"}"#, g: nil)
                func dates(_ query: String) async throws -> [String] {
                    try await client.ask("\(Self.path)?spanner_config_id=\(id)&limit=5000&\(query)").values("00080020")
                }
                let all = try await dates("")
                #expect(!all.isEmpty && all.allSatisfy { $0 >= "20230101" })
                let asked = try await dates("StudyDate=20220101-20240101")
                #expect(!asked.isEmpty && asked.allSatisfy { ("20230101"..."20240101").contains($0) })
                #expect(try await dates("StudyDate=20200101-20221231").isEmpty)
            }
        }
    }

    // MARK: Failure strategies

    private enum Fault: String, CaseIterable {
        case dead, slow, breaksOff, refuses

        var temper: (@Sendable (inout Temper) -> Void) {
            switch self {
            case .dead: { _ in }
            case .slow: { $0.latency = .seconds(30) }
            // M2: a status of failure is no success, whatever came before it.
            case .breaksOff: { $0.breaksOff = (1, 0xC001) }
            case .refuses: { $0.breaksOff = (0, 0xA700) }
            }
        }
    }

    /// F116, M6: whatever a source does, the answer is what its configuration says, in its time, and never empty in silence.
    @Test(arguments: Fault.allCases) private func aFaultySourceIsDealtWithAsConfigured(_ fault: Fault) async throws {
        try await ServedEnterprise.with(sweeps: false, temper: ["pacs-g": fault.temper]) { served in
            if fault == .dead { await served.pacs["pacs-g"]?.stop() }
            try await served.serving { client in
                let uid = try shared(served)
                let time = #", "timeout_seconds": \#(fault == .slow ? 2 : 20)"#
                func ask(_ strategy: String) async throws -> HTTPClient.Answer {
                    let id = try await configuration(client, time + #", "failure_strategy": \#(strategy)"#)
                    // Each asks anew: what the one before it was told is in the index.
                    return try await client.ask(
                        "\(Self.path)?spanner_config_id=\(id)&StudyInstanceUID=\(uid)",
                        headers: ["Cache-Control": "no-cache"])
                }
                let start = ContinuousClock.now
                let best = try await ask(#""best_effort""#)
                #expect(best.status == 200)
                #expect(best.values("0020000D") == [uid])
                #expect(best.warning.contains("pacs-g") && !best.warning.contains("pacs-a"))
                let fast = try await ask(#""fail_fast""#)
                #expect(fast.status == 502 && fast.text.contains("pacs-g") && !fast.text.contains("pacs-a"))
                let one = try await ask(#""minimum_threshold", "minimum_success_threshold": 1"#)
                #expect(one.status == 200 && one.warning.contains("pacs-g"))
                let two = try await ask(#""minimum_threshold", "minimum_success_threshold": 2"#)
                #expect(two.status == 502 && two.text.contains("1 of 2") && two.text.contains("pacs-g"))
                #expect(ContinuousClock.now - start < .seconds(20))
            }
        }
    }

    /// M1: keys that a source ignores are matched here.
    @Test func whatASourceSendsThatWasNotAskedForIsNotShown() async throws {
        try await ServedEnterprise.with(sweeps: false, temper: ["pacs-g": { $0.ignoresKeys = true }]) { served in
            try await served.serving { client in
                let uid = try shared(served)
                let id = try await configuration(client)
                let answer = try await client.ask("\(Self.path)?spanner_config_id=\(id)&StudyInstanceUID=\(uid)")
                #expect(answer.status == 200 && answer.values("0020000D") == [uid])
            }
        }
    }

    @Test func aQuestionThatFailedIsAskedAgainAsOftenAsConfigured() async throws {
        try await ServedEnterprise.with(sweeps: false, temper: ["pacs-a": { $0.breaksOff = (0, 0xC001) }]) { served in
            try await served.serving { client in
                for retries in [0, 2] {
                    let id = try await configuration(client, #", "retry_attempts": \#(retries)"#, g: nil)
                    let before = served.pacs["pacs-a"]?.log.requests.count ?? 0
                    let answer = try await client.ask("\(Self.path)?spanner_config_id=\(id)&PatientID=X\(retries)")
                    #expect(answer.warning.contains("pacs-a"))
                    #expect(served.pacs["pacs-a"]?.log.requests.count == before + retries + 1)
                }
            }
        }
    }

    @Test func noMoreSourcesAreAskedAtOnceThanConfiguredAndTheBestFirst() async throws {
        try await ServedEnterprise.with(sweeps: false, temper: ["pacs-a": { $0.latency = .seconds(30) }]) { served in
            try await served.serving { client in
                func ask(_ most: Int) async throws -> HTTPClient.Answer {
                    let id = try await configuration(
                        client, #", "timeout_seconds": 1, "max_concurrent_sources": \#(most)"#)
                    return try await client.ask("\(Self.path)?spanner_config_id=\(id)&PatientID=N\(most)")
                }
                let one = try await ask(1)
                #expect(one.warning.contains("pacs-a") && one.warning.contains("pacs-g"))
                #expect(served.pacs["pacs-g"]?.log.requests.isEmpty == true)
                let two = try await ask(2)
                #expect(two.warning.contains("pacs-a") && !two.warning.contains("pacs-g"))
            }
        }
    }

    @Test func aSourcesOwnTimeoutIsStronger() async throws {
        try await ServedEnterprise.with(sweeps: false, temper: ["pacs-a": { $0.latency = .seconds(2) }]) { served in
            try await served.serving { client in
                let short = try await configuration(client, #", "timeout_seconds": 1"#)
                let asked = try await client.ask("\(Self.path)?spanner_config_id=\(short)&PatientID=N1")
                #expect(asked.warning.contains("pacs-a (no answer within 1 s)"))
                let long = try await configuration(client, #", "timeout_seconds": 1"#, a: #", "timeout_override": 20"#)
                #expect(try await client.ask("\(Self.path)?spanner_config_id=\(long)&PatientID=N2").warning.isEmpty)
            }
        }
    }

    // MARK: Copies

    /// M5: at each level by its own UID; without it, every copy.
    @Test func copiesAreJoinedByTheLevelsOwnUIDOrNotAtAll() async throws {
        try await ServedEnterprise.with { served in
            try await served.serving { client in
                let uid = try shared(served)
                let joined = try await configuration(client)
                let apart = try await configuration(client, #", "deduplication_enabled": false"#)
                func ask(_ level: String, _ id: Int) async throws -> HTTPClient.Answer {
                    try await client.ask(
                        "/api/v1/spanner/qido/\(level)?spanner_config_id=\(id)&StudyInstanceUID=\(uid)")
                }
                #expect(try await ask("studies", joined).values("0020000D") == [uid])
                let copies = try await ask("studies", apart)
                #expect(copies.values("0020000D") == [uid, uid])
                #expect(Set(copies.values("00080054")) == ["PACSA", "PACSG"])
                let series = try await ask("series", joined).values("0020000E")
                let expected = try #require(served.enterprise.studies.first { $0.uid == uid }).copies
                    .filter { $0.isReachable && served.names.contains(served.enterprise.sources[$0.source].name) }
                    .flatMap { SimulatedSeries.all(of: $0).map(\.uid) }
                #expect(series.count == Set(series).count && Set(series) == Set(expected))
                #expect(try await ask("series", apart).values("0020000E").count == expected.count)
            }
        }
    }

    // MARK: Policies (F113)

    @Test func indexAndSourcesShareInAnAnswerAsConfigured() async throws {
        try await ServedEnterprise.with { served in
            try await served.serving { client in
                let uid = try shared(served)
                func ask(_ policy: String) async throws -> HTTPClient.Answer {
                    let id = try await configuration(
                        client, #", "spanning_policy": "\#(policy)", "timeout_seconds": 20"#)
                    return try await client.ask(
                        "\(Self.path)?spanner_config_id=\(id)&StudyInstanceUID=\(uid)&includefield=00080054")
                }
                func holders(_ answer: HTTPClient.Answer) -> [String] {
                    ((answer.matches.first?["00080054"] as? [String: Any])?["Value"] as? [String]) ?? []
                }
                func asked() -> Int { served.pacs.values.reduce(0) { $0 + $1.log.requests.count } }
                await served.pacs["pacs-g"]?.stop()
                let before = asked()
                let supplement = try await ask("supplement")
                #expect(asked() == before)
                #expect(supplement.values("0020000D") == [uid] && supplement.warning.isEmpty)
                #expect(holders(supplement) == ["PACSA", "PACSG"])
                let merge = try await ask("merge")
                #expect(asked() > before)
                #expect(merge.values("0020000D") == [uid] && merge.warning.contains("pacs-g"))
                #expect(holders(merge) == ["PACSA", "PACSG"])
                let replace = try await ask("replace")
                #expect(replace.values("0020000D") == [uid] && replace.warning.contains("pacs-g"))
                #expect(holders(replace) == ["PACSA"])
                let broad = try await configuration(client, #", "spanning_policy": "replace""#)
                #expect(try await client.ask("\(Self.path)?spanner_config_id=\(broad)&PatientName=M*").status == 413)
            }
        }
    }

    // MARK: Cache directives

    private static let directives: [(header: String, query: String, asks: Bool)] = [
        ("no-cache", "", true), ("only-if-cached", "", false), ("max-age=0", "", true), ("max-age=3600", "", false),
        ("", "", false), ("", "spanning=never", false), ("", "spanning=auto", false), ("", "spanning=always", true),
        ("no-cache", "spanning=never", false), ("only-if-cached", "spanning=always", true),
    ]

    @Test(arguments: ["/dicom-web/studies", path]) func directivesSayWhetherSourcesAreAsked(_ path: String) async throws
    {
        try await ServedEnterprise.with { served in
            try await served.serving { client in
                let uid = try shared(served)
                func asked() -> Int { served.pacs.values.reduce(0) { $0 + $1.log.requests.count } }
                for (header, query, asks) in Self.directives {
                    let before = asked()
                    let answer = try await client.ask(
                        "\(path)?StudyInstanceUID=\(uid)&\(query)",
                        headers: header.isEmpty ? [:] : ["Cache-Control": header])
                    #expect(answer.status == 200 && answer.values("0020000D") == [uid])
                    #expect((asked() > before) == asks, "\(header) \(query)")
                    let age = try #require(answer.headers["age"].flatMap { Int($0) })
                    #expect(asks ? age == 0 : age >= 0)
                    #expect(answer.warning.isEmpty)
                }
            }
        }
    }

    /// An outage, or a question that was not allowed, is never an empty answer in silence.
    @Test(arguments: ["/dicom-web/studies", path]) func nothingIsEmptyWithoutAWarning(_ path: String) async throws {
        try await ServedEnterprise.with(sweeps: false) { served in
            for pacs in served.pacs.values { await pacs.stop() }
            try await served.serving { client in
                for directive in ["no-cache", "only-if-cached", "max-age=0", "max-age=3600", "no-store"] {
                    for query in ["PatientID=NOBODY", "StudyDate=20200101", "PatientName=M*", "AccessionNumber=N", ""] {
                        let answer = try await client.ask("\(path)?\(query)", headers: ["Cache-Control": directive])
                        #expect(answer.status == 200 && answer.matches.isEmpty)
                        #expect(answer.warning.contains("pacs-a") && answer.warning.contains("pacs-g"))
                        #expect(answer.headers["age"] == nil)
                    }
                }
            }
        }
    }

    // MARK: Forms

    @Test func matchesAreDocumentsWhereXMLIsPreferred() async throws {
        try await ServedEnterprise.with { served in
            try await served.serving { client in
                let xml = "multipart/related; type=\"application/dicom+xml\""
                for path in ["/dicom-web/studies", Self.path] {
                    let answer = try await client.ask("\(path)?limit=3", headers: ["Accept": xml])
                    #expect(answer.headers["content-type"]?.hasPrefix(xml) == true)
                    #expect(
                        answer.text.components(separatedBy: "Content-Type: application/dicom+xml\r\n\r\n<?xml").count
                            == 4)
                    #expect(answer.text.hasSuffix("--concord-part--\r\n"))
                    #expect(try await client.ask(path, headers: ["Accept": "image/png"]).status == 406)
                }
            }
        }
    }

    /// Health: what the source says, and how its budget and breaker are.
    @Test func healthReportsBreakerBudgetAndLastSweep() async throws {
        try await ServedEnterprise.with { served in
            try await served.serving { client in
                let up = try await client.ask("/api/v1/sources/pacs-a/health").object
                #expect(up["state"] as? String == "up" && up["last_complete_sweep"] is String)
                #expect((up["breaker"] as? [String: Any])?["state"] as? String == "closed")
                let budget = try #require(up["budget"] as? [String: Any])
                #expect(budget["queries_per_second"] as? Double == 500 && budget["associations"] as? Int == 4)
                await served.pacs["pacs-a"]?.stop()
                var down: [String: Any] = [:]
                for _ in 0..<12 { down = try await client.ask("/api/v1/sources/pacs-a/health").object }
                #expect(down["state"] as? String == "down" && down["reason"] is String)
                let breaker = try #require(down["breaker"] as? [String: Any])
                #expect(
                    ["open", "half-open"].contains(breaker["state"] as? String) && breaker["rests"] as? Int != 0)
                #expect(try await client.ask("/api/v1/sources/pacs-z/health").status == 404)
            }
        }
    }
}

extension ServedEnterprise {
    var names: [String] { Self.names }
}
