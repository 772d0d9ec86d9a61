import DICOM
import StudyIndex

/// Answers over the sources of one spanner configuration, by its rules: what other sources hold neither matches nor takes part.
///
/// As `SpanningCatalog` answers over all sources; but here each copy is read with its source, and joined with the others as the
/// configuration says.
package struct ConfiguredCatalog: Sendable {
    private let catalog: SpanningCatalog
    private let index: StudyIndex
    private let configuration: SpannerConfiguration
    /// Those that are enabled, the best first.
    private let sources: [Source]
    private let rules: SpanRules

    private struct Source: Sendable {
        var name: String
        var priority: Int
        var keys: [QueryKey]
    }

    /// - Throws: `IndexError.corrupt` where a stored filter means nothing to this version.
    package init(
        _ catalog: SpanningCatalog, _ index: StudyIndex, _ configuration: SpannerConfiguration,
        _ mappings: [SourceMapping],
        onProgress: @escaping @Sendable (_ source: String, _ progress: SpanRules.SourceProgress) -> Void = { _, _ in }
    ) throws {
        self.catalog = catalog
        self.index = index
        self.configuration = configuration
        do {
            sources = try mappings.filter(\.isEnabled).map { mapping throws(DICOMError) in
                Source(name: mapping.source, priority: mapping.priority, keys: try mapping.filterKeys())
            }.sorted { ($0.priority, $0.name) < ($1.priority, $1.name) }
        } catch {
            throw IndexError(.corrupt, "a source's additional_query_filters cannot be read: \(error.detail)")
        }
        var rules = SpanRules(deadline: configuration.timeout)
        rules.deadlines = Dictionary(
            mappings.compactMap { mapping in mapping.timeout.map { (mapping.source, $0) } }, uniquingKeysWith: min)
        rules.concurrentSources = configuration.maximumConcurrentSources
        rules.retries = configuration.retries
        rules.failureStrategy = configuration.failureStrategy
        rules.sources = sources.map(\.name)
        rules.onProgress = onProgress
        self.rules = rules
    }

    package var sourceNames: [String] { sources.map(\.name) }

    /// An answer, and how many copies of each source are in it.
    package struct Answer<Matches: Sendable>: Sendable {
        package var matches: Matches
        package var gaps = SpanningCatalog.Gaps()
        package var copies: [String: Int] = [:]
    }

    // MARK: Studies

    /// - Throws: `SpanFailure` where the configuration has it that sources which fail end the query;
    ///   `IndexError.tooBroad` where sources would have to be asked for more than they may be asked.
    package func search(_ query: StudyQuery, _ terms: SpanningCatalog.Terms) async throws -> Answer<StudyAnswer> {
        let query = catalog.pages.continued(query, requester: terms.reader)
        let (shown, gaps) = try await spanned(query, terms)
        catalog.pages.note(
            query, rows: shown.studies.count, end: shown.end, requester: terms.reader)
        let matches = StudyAnswer(
            studies: shown.studies.map(\.study), total: shown.total, undecidedSources: shown.undecided.sorted(),
            end: shown.end)
        return Answer(
            matches: matches, gaps: gaps,
            copies: Dictionary(shown.studies.flatMap(\.sources).map { ($0, 1) }, uniquingKeysWith: +))
    }

    private func spanned(
        _ query: StudyQuery, _ terms: SpanningCatalog.Terms
    ) async throws -> (shown: Shown, gaps: SpanningCatalog.Gaps) {
        if configuration.policy == .replace, query.selector == nil {
            throw IndexError(.tooBroad, "too broad to be asked of the sources")
        }
        let known = try await shown(query, in: sources, within: terms.visibility)
        var gaps = SpanningCatalog.Gaps()
        guard let spanner = catalog.spanner else { return (known, gaps) }
        let policy = policy(terms)
        let freshness = terms.freshness ?? catalog.freshness
        let plan = try await spanner.plan(
            query, found: try await found(query, known, within: terms.visibility), policy: policy, freshness: freshness,
            today: catalog.today(),
            at: sourceNames, within: terms.visibility)
        gaps.unproven = plan.unproven
        // Sources that were registered once and are not configured any more cannot be asked.
        gaps.absences = sourceNames.filter { !spanner.sourceNames(within: .unrestricted).contains($0) }.map {
            Absence(source: $0, reason: "not a source of concord.yaml any more")
        }
        let asked = await spanner.ask(
            plan, for: query, unlessAnsweredWithin: policy == .always ? nil : freshness.recent, rules)
        gaps.age = asked.age
        gaps.take(asked)
        if let failure = SpanFailure(gaps, rules) { throw failure }
        if configuration.policy == .replace {
            return (try await shown(query, in: answering(asked), within: terms.visibility), gaps)
        }
        return (asked.isSpanned ? try await shown(query, in: sources, within: terms.visibility) : known, gaps)
    }

    /// The client's word on whether sources may be asked is stronger than the configuration's.
    private func policy(_ terms: SpanningCatalog.Terms) -> SpanningPolicy {
        guard terms.policy == .auto else { return terms.policy }
        return configuration.policy == .supplement ? .auto : .always
    }

    /// Of each source only what it has just shown.
    private func answering(_ asked: SpanAnswers) -> [Source] {
        guard let uid = AttributeDictionary.attribute(.studyInstanceUID) else { return [] }
        return sources.compactMap { source in
            guard let shown = asked.studies[source.name], !shown.isEmpty else { return nil }
            var source = source
            source.keys.append(QueryKey(attribute: uid, match: .uids(shown.sorted())))
            return source
        }
    }

    private func priority(of source: String) -> Int { sources.first { $0.name == source }?.priority ?? .max }

    /// What the configuration shows of what the index has.
    private struct Shown: Sendable {
        struct Study: Sendable {
            var study: CatalogStudy
            var sources: [String]
        }
        var studies: [Study]
        var total: Int
        var undecided: Set<String>
        var end: PagePosition?
    }

    private func shown(
        _ query: StudyQuery, in sources: [Source], within visibility: Visibility
    ) async throws -> Shown {
        let scope = SourceScope(
            sources: sources.map { SourceScope.Source(name: $0.name, keys: $0.keys) },
            separatesCopies: !configuration.deduplicates)
        let found = try await index.search(query, in: scope, within: visibility)
        var undecided: Set<String> = []
        let studies = found.studies.compactMap { study -> Shown.Study? in
            let copies = study.copies.map {
                SourceCopy(
                    source: $0.source, aeTitle: $0.aeTitle, priority: priority(of: $0.source), match: $0.match,
                    record: $0.record)
            }
            guard let joined = configuration.consolidation.study(copies) else { return nil }
            if let source = joined.undecided { undecided.insert(source) }
            return Shown.Study(study: joined.study, sources: copies.map(\.source))
        }
        return Shown(studies: studies, total: found.total, undecided: undecided, end: found.end)
    }

    /// As `SpanningCatalog.found`.
    private func found(
        _ query: StudyQuery, _ shown: Shown, within visibility: Visibility
    ) async throws -> [StudyRecord] {
        let isWhole = query.offset == 0 && query.limit > 0 && shown.studies.count == shown.total
        guard !isWhole, query.selector != nil else { return shown.studies.map(\.study.record) }
        return try await self.shown(query.fromTheStart, in: sources, within: visibility).studies.map(\.study.record)
    }

    // MARK: Series

    package func searchSeries(
        _ query: StudyQuery, _ terms: SpanningCatalog.Terms
    ) async throws -> Answer<[(series: CatalogSeries, study: CatalogStudy)]> {
        if let list = catalog.pages.series(query, requester: terms.reader) {
            return Answer(matches: list.matches, gaps: list.gaps)
        }
        let (series, gaps) = try await seriesCopies(query, terms)
        var answer = Answer<[(series: CatalogSeries, study: CatalogStudy)]>(matches: [], gaps: gaps)
        for (study, copies) in series {
            for each in grouped(copies, by: \.record.seriesInstanceUID) {
                guard let joined = configuration.consolidation.series(each) else { continue }
                answer.matches.append((joined, study))
                for copy in each { answer.copies[copy.source, default: 0] += 1 }
            }
        }
        answer.matches.sort { $0.series.precedes($1.series) }
        catalog.pages.keep(
            Pages.SeriesList(matches: answer.matches, gaps: gaps), of: query, requester: terms.reader)
        return answer
    }

    /// The series that match, as each source shows them, by study.
    private func seriesCopies(
        _ query: StudyQuery, _ terms: SpanningCatalog.Terms
    ) async throws -> (series: [(study: CatalogStudy, copies: [SourceCopy<SeriesRecord>])], gaps: SpanningCatalog.Gaps)
    {
        let (shown, studyGaps) = try await studies(above: query, terms)
        var (studies, gaps) = (shown.studies.map(\.study), studyGaps)
        let uids = Array(Set(studies.map(\.record.studyInstanceUID))).sorted()
        let unknown = try await index.holdersWithUnknownSeries(of: uids, within: terms.visibility).filter {
            sourceNames.contains($0.source)
        }
        if let spanner = catalog.spanner, uids.count == 1, policy(terms) != .never {
            var holders = unknown.map(\.source)
            if policy(terms) == .always {
                holders = spanner.names(ofAETitles: Array(Set(studies.flatMap(\.holders))).sorted())
                    .filter(sourceNames.contains)
            }
            if !holders.isEmpty { gaps.take(await spanner.askSeries(of: uids[0], at: holders, rules)) }
        } else {
            gaps.studiesWithUnknownSeries += Set(unknown.map(\.study)).count
        }
        if let failure = SpanFailure(gaps, rules) { throw failure }
        let keys = query.keys.filter { $0.attribute.level == .series }
        let copies = try await index.seriesCopies(of: uids, at: sourceNames, within: terms.visibility)
            .filter { copy in keys.allSatisfy { $0.matches(copy.record) != .no } }
            .map {
                SourceCopy(
                    source: $0.source, aeTitle: $0.aeTitle, priority: priority(of: $0.source), record: $0.record)
            }
        let byStudy = Dictionary(grouping: copies, by: \.record.studyInstanceUID)
        var seen: Set<String> = []
        studies = studies.filter { seen.insert($0.record.studyInstanceUID).inserted }
        if let asked = query.uids(of: .seriesInstanceUID), !query.names(.studyInstanceUID),
            !Set(copies.map(\.record.seriesInstanceUID)).isSuperset(of: asked)
        {
            let relational =
                policy(terms) == .never ? [] : catalog.spanner?.relationalNames(within: terms.visibility) ?? []
            gaps.unproven = sourceNames.filter { !relational.contains($0) }
        }
        return (studies.map { ($0, byStudy[$0.record.studyInstanceUID] ?? []) }, gaps)
    }

    /// Copies that one answer is made of: those of one UID, or each of its own.
    private func grouped<Record>(
        _ copies: [SourceCopy<Record>], by uid: (SourceCopy<Record>) -> String
    ) -> [[SourceCopy<Record>]] {
        guard configuration.deduplicates else { return copies.map { [$0] } }
        return Dictionary(grouping: copies, by: uid).sorted { $0.key < $1.key }.map(\.value)
    }

    private func studies(
        above query: StudyQuery, _ terms: SpanningCatalog.Terms
    ) async throws -> (shown: Shown, gaps: SpanningCatalog.Gaps) {
        let (studyQuery, parents) = try await catalog.studyQuery(
            above: query, policy(terms), at: sourceNames, within: terms.visibility, rules)
        var (shown, gaps) = try await spanned(studyQuery, terms)
        gaps.take(parents)
        gaps.studiesWithUnknownSeries = max(0, shown.total - shown.studies.count)
        return (shown, gaps)
    }

    // MARK: Instances

    /// nil: nobody can be asked, because no study is known to ask for.
    package func searchInstances(
        _ query: StudyQuery, _ terms: SpanningCatalog.Terms
    ) async throws -> Answer<[CatalogInstance]>? {
        if let list = catalog.pages.instances(query, requester: terms.reader) {
            return Answer(matches: list.matches, gaps: list.gaps)
        }
        guard let spanner = catalog.spanner, query.names(.studyInstanceUID) || query.names(.seriesInstanceUID) else {
            return nil
        }
        let found = try await seriesCopies(query.ofSeries, terms)
        // Who holds a series is asked for it, however its copies are shown.
        let series = found.series.flatMap { _, copies in
            Dictionary(grouping: copies, by: \.record.seriesInstanceUID).values
                .compactMap { ConsolidationStrategy.priority.series($0) }
        }.sorted { $0.precedes($1) }
        var answer = Answer<[CatalogInstance]>(matches: [], gaps: found.gaps)
        guard !series.isEmpty else {
            return query.names(.studyInstanceUID) || !answer.gaps.isIncomplete ? answer : nil
        }
        guard policy(terms) != .never else {
            answer.gaps.unproven = sourceNames
            return answer
        }
        if series.count > SpanningCatalog.mostSeries { answer.gaps.studiesWithUnknownSeries += 1 }
        let asked = await spanner.askInstances(
            of: Array(series.prefix(SpanningCatalog.mostSeries)), at: sourceNames, rules)
        answer.gaps.take(asked)
        if let failure = SpanFailure(answer.gaps, rules) { throw failure }
        let copies = asked.instances.filter { !$0.instance.uid.isEmpty }.map {
            SourceCopy(
                source: $0.source, aeTitle: $0.instance.holders.first ?? "", priority: priority(of: $0.source),
                record: $0.instance.dataSet)
        }
        let asShown = Dictionary(
            asked.instances.map { ($0.instance.uid, $0.instance) }, uniquingKeysWith: { first, _ in first })
        for each in grouped(copies, by: { $0.record.text(.sopInstanceUID) ?? "" }) {
            guard let uid = each[0].record.text(.sopInstanceUID), let shown = asShown[uid],
                let joined = configuration.consolidation.instance(each, study: shown.study, series: shown.series),
                !query.matching([joined]).isEmpty
            else { continue }
            answer.matches.append(joined)
            for copy in each { answer.copies[copy.source, default: 0] += 1 }
        }
        answer.matches.sort { $0.precedes($1) }
        catalog.pages.keep(
            Pages.InstanceList(matches: answer.matches, gaps: answer.gaps), of: query, requester: terms.reader)
        return answer
    }
}
