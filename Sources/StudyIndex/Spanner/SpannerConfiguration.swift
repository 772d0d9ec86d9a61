import DICOM

/// Which sources a query spans together, and by which rules (`/api/v1/config/spanner/`).
package struct SpannerConfiguration: Sendable, Hashable {
    /// 1 to 100 characters, unlike any other configuration's.
    package var name = ""
    /// Up to 1,000 characters.
    package var description = ""
    /// Asked at the same time for one query; 1 to 20, default 10.
    package var maximumConcurrentSources = 10
    /// How long a query waits for its sources; 1 to 300 s, default 30 s.
    package var timeout = Duration.seconds(30)
    /// How often a question that failed is asked again, within the timeout; 0 to 10, default 0.
    package var retries = 0
    package var failureStrategy = FailureStrategy.bestEffort
    /// Whether the copies of a study, series or instance are one answer; default true.
    package var deduplicates = true
    package var consolidation = ConsolidationStrategy.priority
    package var policy = SpannerPolicy.supplement
    /// Accepted from clients that set it, and kept; every answer spans the enterprise.
    package var enterpriseMode = false

    package init() {}
}

/// What becomes of a query when a source fails it.
package enum FailureStrategy: Sendable, Hashable {
    /// The first failure ends the query with an error that names the source.
    case failFast
    /// The answer is what there is, with a Warning that names who is missing.
    case bestEffort
    /// As `bestEffort`, if so many sources have answered, or the index vouches for them; else an error.
    case minimumThreshold(Int)

    package static let words = ["fail_fast", "best_effort", "minimum_threshold"]

    package var word: String {
        switch self {
        case .failFast: Self.words[0]
        case .bestEffort: Self.words[1]
        case .minimumThreshold: Self.words[2]
        }
    }

    package var minimumSuccesses: Int? {
        if case .minimumThreshold(let count) = self { return count }
        return nil
    }
}

/// What several copies of one study, series or instance are shown as. The patient is always one copy's.
package enum ConsolidationStrategy: String, Sendable, Hashable, CaseIterable {
    /// Of each attribute the value of the best source that returned one (FIRST_WINS).
    case priority
    /// As `priority`, but the copy with the most attributes comes first.
    case mostComplete = "most_complete"
    /// As `priority`, with all modalities that any copy shows, and the largest counts.
    case mergeAll = "merge_all"
}

/// How the index and the sources share in an answer (F113).
package enum SpannerPolicy: String, Sendable, Hashable, CaseIterable {
    /// The index first; sources are asked for what it does not vouch for.
    case supplement
    /// The sources first, all of them; the index has what they do not answer.
    case merge
    /// Only what sources answer now.
    case replace
}

/// One source of a configuration.
package struct SourceMapping: Sendable, Hashable {
    /// A source of concord.yaml.
    package static let sourceTypes = ["pacs"]

    package var sourceType = "pacs"
    /// Its name in concord.yaml.
    package var source: String
    /// 1 wins; 1 to 1,000, default 100. Between equals the name decides.
    package var priority = 100
    /// How long the query waits for this source, from its beginning; nil: as long as for the others.
    package var timeout: Duration?
    /// What of the source may be seen: keyword and value, as in a query.
    package var filters: [String: String] = [:]
    package var isEnabled = true

    package init(source: String) { self.source = source }

    /// The filters as keys, in the order of their tags.
    package func filterKeys() throws(DICOMError) -> [QueryKey] {
        var keys: [QueryKey] = []
        for (keyword, value) in filters {
            guard let attribute = AttributeDictionary.attribute(keyword: keyword) else {
                throw DICOMError(.invalidKey, "a filter of an attribute that is not known")
            }
            keys.append(try QueryKey(attribute, parsing: value))
        }
        return keys.sorted { $0.attribute.tag < $1.attribute.tag }
    }
}
