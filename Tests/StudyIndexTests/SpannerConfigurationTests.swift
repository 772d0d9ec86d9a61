import DICOM
import PostgresClient
import Testing

@testable import StudyIndex

@Suite struct SpannerConfigurationTests {
    private static let everything: SpannerConfiguration = {
        var configuration = SpannerConfiguration()
        configuration.name = "emergency"
        configuration.description = "all that a trauma room may need"
        configuration.maximumConcurrentSources = 3
        configuration.timeout = .seconds(7)
        configuration.retries = 2
        configuration.failureStrategy = .minimumThreshold(2)
        configuration.deduplicates = false
        configuration.consolidation = .mergeAll
        configuration.policy = .replace
        configuration.enterpriseMode = true
        return configuration
    }()

    @Test func whatIsStoredIsWhatIsRead() async throws {
        try await TestIndex.with { test in
            let id = try await test.index.insert(Self.everything)
            #expect(try await test.index.spanners(id: id).first?.configuration == Self.everything)
            var changed = Self.everything
            changed.failureStrategy = .failFast
            changed.consolidation = .mostComplete
            #expect(try await test.index.update(changed, id: id))
            #expect(try await test.index.spanners().map(\.configuration) == [changed])
            #expect(try await !test.index.update(changed, id: id + 1))

            var mapping = SourceMapping(source: "b")
            mapping.priority = 3
            mapping.timeout = .seconds(2)
            mapping.filters = ["Modality": "x", "StudyDate": "20200101-"]
            mapping.isEnabled = false
            let sid = try await test.index.insert(mapping, into: id)
            _ = try await test.index.insert(SourceMapping(source: "a"), into: id)
            #expect(try await test.index.mappings(of: id, id: sid).map(\.mapping) == [mapping])
            #expect(try await test.index.mappings(of: id).map(\.mapping.source) == ["b", "a"])
            mapping.source = "c"
            #expect(try await test.index.update(mapping, of: id, id: sid))
            #expect(try await test.index.mappings(of: id, id: sid).map(\.mapping) == [mapping])

            #expect(try await test.index.deleteMapping(of: id, id: sid))
            #expect(try await !test.index.deleteMapping(of: id, id: sid))
            #expect(try await test.index.deleteSpanner(id: id))
            #expect(try await test.count("SELECT count(*) FROM spanner_source") == 0)
        }
    }

    @Test func whatMustBeUniqueIsRefusedTwice() async throws {
        try await TestIndex.with { test in
            let id = try await test.index.insert(Self.everything)
            await #expect(throws: IndexError(.exists, "")) { try await test.index.insert(Self.everything) }
            _ = try await test.index.insert(SourceMapping(source: "a"), into: id)
            await #expect(throws: IndexError(.exists, "")) {
                try await test.index.insert(SourceMapping(source: "a"), into: id)
            }
            await #expect(throws: IndexError(.unknownSource, "")) {
                try await test.index.insert(SourceMapping(source: "z"), into: id)
            }
        }
    }

    /// The limits hold whoever writes.
    @Test(arguments: [
        "max_concurrent_sources = 0", "max_concurrent_sources = 21", "timeout_seconds = 0", "timeout_seconds = 301",
        "retry_attempts = -1", "retry_attempts = 11", "failure_strategy = 'partial_results'",
        "failure_strategy = 'fail_fast'", "minimum_success_threshold = NULL", "minimum_success_threshold = 0",
        "consolidation_strategy = 'FIRST_WINS'", "spanning_policy = 'none'", "name = ''",
    ])
    func theDatabaseKeepsTheLimits(_ change: String) async throws {
        try await TestIndex.with { test in
            _ = try await test.index.insert(Self.everything)
            await #expect(throws: PostgresError.self) { try await test.sql("UPDATE spanner_config SET \(change)") }
        }
    }

    @Test(arguments: [
        "priority = 0", "priority = 1001", "timeout_override = 0", "timeout_override = 301", "source_type = 'ris'",
    ])
    func theDatabaseKeepsTheLimitsOfSources(_ change: String) async throws {
        try await TestIndex.with { test in
            let id = try await test.index.insert(Self.everything)
            _ = try await test.index.insert(SourceMapping(source: "a"), into: id)
            await #expect(throws: PostgresError.self) { try await test.sql("UPDATE spanner_source SET \(change)") }
        }
    }
}
