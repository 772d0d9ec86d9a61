import DICOM
import HTTPTypes
import Hummingbird
import StudyIndex

/// `/api/v1/config/spanner/`: which sources a query spans, and by which rules. Read with the scope `query`, changed with `admin`.
struct SpannerConfigurationRoutes: Sendable {
    let index: StudyIndex

    func add(to routes: ProtectedRoutes) {
        let spanners = routes.group("/config/spanner")
        spanners.get("", needs: .query) { _, _ in try .json(try await list()) }
        spanners.on("", .post, needs: .admin) {
            try await write($0, $1) { fields, _ in try await create(&fields) }
        }
        spanners.get(":id", needs: .query) { _, context in try .json(try await spanner(try IDs(context))) }
        for method in [HTTPRequest.Method.put, .patch] {
            spanners.on(":id", method, needs: .admin) {
                try await write($0, $1) { fields, ids in try await change(&fields, ids, keeping: method == .patch) }
            }
        }
        spanners.on(":id", .delete, needs: .admin) { _, context in
            try await remove(context) { try await index.deleteSpanner(id: $0.spanner) }
        }
        addSources(to: spanners.group(":id/sources"))
    }

    private func addSources(to sources: ProtectedRoutes) {
        sources.get("", needs: .query) { _, context in try .json(try await mappings(try IDs(context))) }
        sources.on("", .post, needs: .admin) {
            try await write($0, $1) { fields, ids in try await createMapping(&fields, ids) }
        }
        sources.get(":sid", needs: .query) { _, context in try .json(try await mapping(try IDs(context))) }
        for method in [HTTPRequest.Method.put, .patch] {
            sources.on(":sid", method, needs: .admin) {
                try await write($0, $1) { fields, ids in
                    try await changeMapping(&fields, ids, keeping: method == .patch)
                }
            }
        }
        sources.on(":sid", .delete, needs: .admin) { _, context in
            try await remove(context) { ids in
                _ = try await storedMapping(ids)
                return try await index.deleteMapping(of: ids.spanner, id: ids.mapping)
            }
        }
    }

    // MARK: Frames of all requests

    /// What a path names, and for whom; 0: nothing.
    private struct IDs {
        let visibility: Visibility
        var spanner: Int64 = 0
        var mapping: Int64 = 0

        init(_ context: ServerContext) throws {
            visibility = context.visibility
            if let text = context.parameters.get("id") { spanner = try Self.id(text) }
            if let text = context.parameters.get("sid") { mapping = try Self.id(text) }
        }

        private static func id(_ text: String) throws -> Int64 {
            guard let id = Int64(text), id > 0 else {
                throw RequestError(status: .badRequest, message: "the path's id must be a whole number of 1 or more")
            }
            return id
        }
    }

    private func write(
        _ request: Request, _ context: ServerContext, _ answer: (inout JSONFields, IDs) async throws -> Response
    ) async throws -> Response {
        let ids = try IDs(context)
        var fields = try await JSONFields(request)
        do { return try await answer(&fields, ids) } catch let invalid as InvalidFields {
            return try .json(invalid, status: .unprocessableContent)
        } catch let error as IndexError where error.code == .exists || error.code == .tooMany {
            throw RequestError(status: .conflict, message: error.detail)
        }
    }

    private func remove(
        _ context: ServerContext, _ delete: (IDs) async throws -> Bool
    ) async throws -> Response {
        guard try await delete(try IDs(context)) else { throw RequestError.noSuchConfiguration }
        return Response(status: .noContent)
    }

    // MARK: Configurations

    private func list() async throws -> [APIAnswer.Spanner] {
        try await index.spanners().map(APIAnswer.Spanner.init)
    }

    private func stored(_ id: Int64) async throws -> StoredSpanner {
        guard let stored = try await index.spanners(id: id).first else { throw RequestError.noSuchConfiguration }
        return stored
    }

    private func spanner(_ ids: IDs) async throws -> APIAnswer.Spanner {
        APIAnswer.Spanner(try await stored(ids.spanner))
    }

    private func create(_ fields: inout JSONFields) async throws -> Response {
        let configuration = try SpannerConfiguration(reading: &fields, over: nil)
        let id = try await index.insert(configuration)
        var response = try Response.json(APIAnswer.Spanner(try await stored(id)), status: .created)
        response.headers[.location] = "/api/v1/config/spanner/\(id)"
        return response
    }

    /// - Parameter keeping: whether fields that are not sent keep their values, or take their defaults.
    private func change(_ fields: inout JSONFields, _ ids: IDs, keeping: Bool) async throws -> Response {
        let known = try await stored(ids.spanner).configuration
        let configuration = try SpannerConfiguration(reading: &fields, over: keeping ? known : nil)
        guard try await index.update(configuration, id: ids.spanner) else { throw RequestError.noSuchConfiguration }
        return try .json(try await spanner(ids))
    }

    // MARK: Their sources

    /// Whether anything of a source can be seen: of the others nothing is told.
    private func isTold(_ ids: IDs) async throws -> (_ source: String) -> Bool {
        let sources = try await index.sources(within: ids.visibility)
        return { sources?.contains($0) ?? true }
    }

    private func mappings(_ ids: IDs) async throws -> [APIAnswer.Mapping] {
        _ = try await stored(ids.spanner)
        let isTold = try await isTold(ids)
        return try await index.mappings(of: ids.spanner).filter { isTold($0.mapping.source) }
            .map(APIAnswer.Mapping.init)
    }

    private func storedMapping(_ ids: IDs) async throws -> StoredMapping {
        guard let stored = try await index.mappings(of: ids.spanner, id: ids.mapping).first,
            try await isTold(ids)(stored.mapping.source)
        else {
            throw RequestError.noSuchConfiguration
        }
        return stored
    }

    private func mapping(_ ids: IDs) async throws -> APIAnswer.Mapping {
        APIAnswer.Mapping(try await storedMapping(ids))
    }

    private func createMapping(_ fields: inout JSONFields, _ ids: IDs) async throws -> Response {
        _ = try await stored(ids.spanner)
        let mapping = try SourceMapping(
            reading: &fields, over: nil, known: try await index.sourceNames().filter(try await isTold(ids)))
        var ids = ids
        ids.mapping = try await index.insert(mapping, into: ids.spanner)
        let created = try await self.mapping(ids)
        var response = try Response.json(created, status: .created)
        response.headers[.location] = "/api/v1/config/spanner/\(ids.spanner)/sources/\(ids.mapping)"
        return response
    }

    private func changeMapping(_ fields: inout JSONFields, _ ids: IDs, keeping: Bool) async throws -> Response {
        let stored = try await storedMapping(ids).mapping
        let mapping = try SourceMapping(
            reading: &fields, over: keeping ? stored : nil,
            known: try await index.sourceNames().filter(try await isTold(ids)))
        guard try await index.update(mapping, of: ids.spanner, id: ids.mapping) else {
            throw RequestError.noSuchConfiguration
        }
        return try .json(try await self.mapping(ids))
    }
}

extension RequestError {
    static let noSuchConfiguration = RequestError(status: .notFound, message: "no such configuration, or source of it")
}

// MARK: - Fields

extension SpannerConfiguration {
    /// - Parameter known: what fields have that are not sent; nil: their defaults.
    init(reading fields: inout JSONFields, over known: SpannerConfiguration?) throws {
        self = known ?? SpannerConfiguration()
        if known == nil, !fields.contains("name") { fields.refuse("name", "is mandatory") }
        name = fields.text("name", characters: 1...100) ?? name
        description = fields.text("description", characters: 0...1_000) ?? description
        maximumConcurrentSources = fields.integer("max_concurrent_sources", in: 1...20) ?? maximumConcurrentSources
        timeout = fields.integer("timeout_seconds", in: 1...300).map { .seconds($0) } ?? timeout
        retries = fields.integer("retry_attempts", in: 0...10) ?? retries
        let isNamed = fields.contains("failure_strategy")
        let strategy = fields.word(
            "failure_strategy", of: FailureStrategy.words, aliases: ["partial_results": FailureStrategy.bestEffort.word]
        )
        let threshold = fields.optionalInteger("minimum_success_threshold", in: 1...100)
        read(strategy ?? failureStrategy.word, isNamed: isNamed, threshold, &fields)
        deduplicates = fields.flag("deduplication_enabled") ?? deduplicates
        consolidation =
            fields.word(
                "consolidation_strategy", of: ConsolidationStrategy.allCases.map(\.rawValue),
                aliases: ["FIRST_WINS": ConsolidationStrategy.priority.rawValue]
            ).flatMap(ConsolidationStrategy.init(rawValue:)) ?? consolidation
        policy =
            fields.word("spanning_policy", of: SpannerPolicy.allCases.map(\.rawValue))
            .flatMap(SpannerPolicy.init(rawValue:)) ?? policy
        enterpriseMode = fields.flag("enterprise_mode") ?? enterpriseMode
        try fields.finish()
    }

    /// The strategy and its threshold, which belong together.
    private mutating func read(_ word: String, isNamed: Bool, _ threshold: Int??, _ fields: inout JSONFields) {
        guard word == FailureStrategy.words[2] else {
            if case .some(.some) = threshold {
                fields.refuse("minimum_success_threshold", "belongs to the failure_strategy minimum_threshold")
            }
            failureStrategy = word == FailureStrategy.failFast.word ? .failFast : .bestEffort
            return
        }
        if let count = threshold ?? (isNamed ? nil : failureStrategy.minimumSuccesses) {
            failureStrategy = .minimumThreshold(count)
        } else if !fields.problems.contains(where: { $0.field == "minimum_success_threshold" }) {
            fields.refuse("minimum_success_threshold", "is mandatory with the failure_strategy minimum_threshold")
        }
    }
}

extension SourceMapping {
    /// More than anybody narrows by.
    private static let mostFilters = 16

    /// - Parameter sources: those that there are.
    init(reading fields: inout JSONFields, over known: SourceMapping?, known sources: [String]) throws {
        self = known ?? SourceMapping(source: "")
        if known == nil, !fields.contains("source_id") { fields.refuse("source_id", "is mandatory") }
        sourceType = fields.word("source_type", of: Self.sourceTypes) ?? sourceType
        if let name = fields.text("source_id", characters: 1...100) {
            if sources.contains(name) {
                source = name
            } else {
                fields.refuse("source_id", "must be the name of a source in concord.yaml")
            }
        }
        priority = fields.integer("priority", in: 1...1_000) ?? priority
        timeout = (fields.optionalInteger("timeout_override", in: 1...300)).map { $0.map { .seconds($0) } } ?? timeout
        filters = fields.texts("additional_query_filters", atMost: Self.mostFilters) ?? filters
        isEnabled = fields.flag("enabled") ?? isEnabled
        checkFilters(&fields)
        try fields.finish()
    }

    /// Filters narrow by what every copy of a study has: attributes of patients and studies, by keyword or tag.
    private mutating func checkFilters(_ fields: inout JSONFields) {
        var checked: [String: String] = [:]
        for (name, value) in filters {
            let field = "additional_query_filters.\(JSONFields.printable(name))"
            guard
                let attribute = AttributeDictionary.attribute(keyword: name)
                    ?? Tag(hex: name).flatMap(AttributeDictionary.attribute), attribute.level <= .study,
                attribute.matching != .none
            else {
                fields.refuse(field, "must be a matching attribute of patients or studies, by keyword or tag")
                continue
            }
            guard let key = try? QueryKey(attribute, parsing: value), key.match != .universal else {
                fields.refuse(field, "has a value that narrows nothing, or cannot be matched")
                continue
            }
            if checked.updateValue(value, forKey: attribute.keyword) != nil {
                fields.refuse(field, "is named twice, by keyword and by tag")
            }
        }
        filters = checked
    }
}

// MARK: - Answers

extension APIAnswer {
    struct Spanner: Encodable {
        var id: Int64
        var name: String
        var description: String
        var maxConcurrentSources: Int
        var timeoutSeconds: Int64
        var retryAttempts: Int
        var failureStrategy: String
        var minimumSuccessThreshold: Int?
        var deduplicationEnabled: Bool
        var consolidationStrategy: String
        var spanningPolicy: String
        var enterpriseMode: Bool
        var created: String
        var updated: String

        init(_ stored: StoredSpanner) {
            id = stored.id
            name = stored.configuration.name
            description = stored.configuration.description
            maxConcurrentSources = stored.configuration.maximumConcurrentSources
            timeoutSeconds = stored.configuration.timeout.components.seconds
            retryAttempts = stored.configuration.retries
            failureStrategy = stored.configuration.failureStrategy.word
            minimumSuccessThreshold = stored.configuration.failureStrategy.minimumSuccesses
            deduplicationEnabled = stored.configuration.deduplicates
            consolidationStrategy = stored.configuration.consolidation.rawValue
            spanningPolicy = stored.configuration.policy.rawValue
            enterpriseMode = stored.configuration.enterpriseMode
            created = stored.created
            updated = stored.updated
        }
    }

    struct Mapping: Encodable {
        var id: Int64
        var sourceType: String
        var sourceId: String
        var priority: Int
        var timeoutOverride: Int64?
        var additionalQueryFilters: [String: String]
        var enabled: Bool

        init(_ stored: StoredMapping) {
            id = stored.id
            sourceType = stored.mapping.sourceType
            sourceId = stored.mapping.source
            priority = stored.mapping.priority
            timeoutOverride = stored.mapping.timeout?.components.seconds
            additionalQueryFilters = stored.mapping.filters
            enabled = stored.mapping.isEnabled
        }
    }
}
