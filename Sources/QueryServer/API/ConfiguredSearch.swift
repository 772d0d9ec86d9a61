import DICOM
import HTTPTypes
import Spanning
import StudyIndex

/// Searches by a spanner configuration, at once or later.
struct ConfiguredSearch: Sendable {
    let index: StudyIndex
    let catalog: SpanningCatalog
    let metrics: ServerMetrics
    /// How long sources are waited for where no configuration is named.
    let deadline: Duration

    /// A request, understood; the parameters that are ours are taken out of what is matched.
    struct Request: Sendable {
        let stored: QueryRequest
        let wanted: SearchRequest
        /// nil: all sources.
        let spanner: Int64?
        let isAnsweredLater: Bool

        init(level: QueryLevel, query: String, cacheControl: String) throws(SearchRequest.Refused) {
            stored = QueryRequest(level: level, query: query, cacheControl: cacheControl)
            guard var url = URLQuery(query) else {
                throw SearchRequest.Refused(
                    reason:
                        "the query has a broken percent escape or more than \(URLQuery.maximumComponents) components")
            }
            switch url.take("spanner_config_id") {
            case nil, "": spanner = nil
            case let text?:
                guard let id = Int64(text), id > 0 else {
                    throw SearchRequest.Refused(reason: "spanner_config_id must be a whole number of 1 or more")
                }
                spanner = id
            }
            switch url.take("async")?.lowercased() {
            case nil, "", "false": isAnsweredLater = false
            case "true": isAnsweredLater = true
            default: throw SearchRequest.Refused(reason: "async must be true or false")
            }
            wanted = try SearchRequest(url, level: level)
        }

        init(_ stored: QueryRequest) throws(SearchRequest.Refused) {
            try self.init(level: stored.level, query: stored.query, cacheControl: stored.cacheControl)
        }
    }

    /// - Throws: `RequestError` 404: there is none with this id.
    func configuration(_ id: Int64?) async throws -> (SpannerConfiguration, [SourceMapping]) {
        if let id {
            guard let stored = try await index.spanners(id: id).first else { throw RequestError.noSuchConfiguration }
            return (stored.configuration, try await index.mappings(of: id).map(\.mapping))
        }
        var all = SpannerConfiguration()
        all.timeout = deadline
        all.maximumConcurrentSources = .max
        return (
            all,
            try await index.sourceNames().enumerated().map { place, name in
                var mapping = SourceMapping(source: name)
                mapping.priority = place + 1
                return mapping
            }
        )
    }

    /// The sources that take part, how many copies of each are in the answer, and of whom it is not known what they hold.
    struct Outcome: Sendable {
        var answer: QIDOAnswer
        var sources: [String]
        var copies: [String: Int]
        var gaps: SpanningCatalog.Gaps
    }

    /// - Throws: `SpanFailure`, `IndexError.tooBroad`, `RequestError`.
    func answer(
        to request: Request, requester: String, within visibility: Visibility,
        onProgress: @escaping @Sendable (String, SpanRules.SourceProgress) -> Void = { _, _ in }
    ) async throws -> Outcome {
        let (configuration, mappings) = try await configuration(request.spanner)
        // Sources of which the caller sees nothing take no part.
        let told = try await index.sources(within: visibility)
        let configured = try ConfiguredCatalog(
            catalog, index, configuration, mappings.filter { told?.contains($0.source) ?? true },
            onProgress: onProgress)
        let wanted = request.wanted
        var terms = SpanningCatalog.Terms(
            [.cacheControl: request.stored.cacheControl], spanning: wanted.spanning, visibility: visibility,
            deadline: configuration.timeout)
        terms.requester = "\(requester)/\(request.spanner.map { "\($0)" } ?? "all")"
        let outcome = try await outcome(wanted, configured, terms)
        metrics.note(outcome.gaps)
        return outcome
    }

    private func outcome(
        _ wanted: SearchRequest, _ configured: ConfiguredCatalog, _ terms: SpanningCatalog.Terms
    ) async throws -> Outcome {
        let sources = configured.sourceNames
        switch wanted.query.level {
        case .patient, .study:
            let found = try await configured.search(wanted.query, terms)
            return Outcome(
                answer: QIDOAnswer(found.matches, found.gaps, to: wanted), sources: sources, copies: found.copies,
                gaps: found.gaps)
        case .series:
            let found = try await configured.searchSeries(wanted.query, terms)
            return Outcome(
                answer: QIDOAnswer(found.matches, found.gaps, to: wanted), sources: sources, copies: found.copies,
                gaps: found.gaps)
        case .image:
            let found = try await configured.searchInstances(wanted.query, terms)
            return Outcome(
                answer: QIDOAnswer(found.map { ($0.matches, $0.gaps) }, to: wanted), sources: sources,
                copies: found?.copies ?? [:], gaps: found?.gaps ?? SpanningCatalog.Gaps())
        }
    }
}
