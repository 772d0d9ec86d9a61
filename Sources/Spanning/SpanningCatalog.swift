import DICOM
import StudyIndex

/// Answers from the index, and from the sources where the index does not vouch for what is asked; says what is missing.
package struct SpanningCatalog: Sendable {
    let catalog: any StudyCatalog
    /// nil: nobody can be asked.
    let spanner: Spanner?
    /// Where nobody can be asked, the sources of which the catalog does not vouch for all that a query asks.
    let unproven: @Sendable (StudyQuery) async throws -> [String]
    let today: @Sendable () -> DICOMDate
    package let freshness: Freshness

    package init(
        catalog: any StudyCatalog, spanner: Spanner?, freshness: Freshness = Freshness(),
        unproven: @escaping @Sendable (StudyQuery) async throws -> [String] = { _ in [] },
        today: @escaping @Sendable () -> DICOMDate
    ) {
        self.catalog = catalog
        self.spanner = spanner
        self.freshness = freshness
        self.unproven = unproven
        self.today = today
    }

    /// How an answer may be come by.
    package struct Terms: Sendable {
        package var policy = SpanningPolicy.auto
        /// nil: as configured.
        package var freshness: Freshness?
        /// How long sources are waited for.
        package var deadline: Duration

        package init(deadline: Duration) { self.deadline = deadline }
    }

    /// What an answer rests on beside the index, and what is missing from it.
    package struct Gaps: Sendable, Hashable {
        /// Whether sources were asked.
        package var isSpanned = false
        /// Sources that were asked and did not answer.
        package var absences: [Absence] = []
        /// Sources of which the index does not know all that was asked for, and which were not asked.
        package var unproven: [String] = []
        /// Studies whose series, or instances, are not all in the answer.
        package var studiesWithUnknownSeries = 0

        package init() {}
        /// Something that was asked for may be missing.
        package var isIncomplete: Bool { !absences.isEmpty || !unproven.isEmpty || studiesWithUnknownSeries > 0 }
    }

    /// Asks a source for a sign of life.
    package func echo(_ name: String, within deadline: Duration) async -> Spanner.Health {
        await spanner?.echo(name, within: deadline) ?? .unknown
    }

    // MARK: Studies

    package func search(_ query: StudyQuery, _ terms: Terms) async throws -> (answer: StudyAnswer, gaps: Gaps) {
        let answer = try await catalog.search(query)
        guard let spanner else {
            var gaps = Gaps()
            gaps.unproven = try await unproven(query)
            return (answer, gaps)
        }
        let freshness = terms.freshness ?? freshness
        let plan = try await spanner.plan(
            query, found: try await found(query, answer), policy: terms.policy, freshness: freshness, today: today())
        var gaps = Gaps()
        gaps.unproven = plan.unproven
        let absences = await spanner.ask(
            plan, for: query, unlessAnsweredWithin: terms.policy == .always ? nil : freshness.recent,
            within: terms.deadline)
        guard let absences else { return (answer, gaps) }
        gaps.isSpanned = true
        gaps.absences = absences
        return (try await catalog.search(query), gaps)
    }

    /// What the index has of a query's key, whatever page of it was asked for: a page past the end is no sign that it has
    /// nothing.
    private func found(_ query: StudyQuery, _ answer: StudyAnswer) async throws -> [StudyRecord] {
        let isWhole = query.offset == 0 && query.limit > 0 && answer.studies.count == answer.total
        guard !isWhole, query.selector != nil else { return answer.studies.map(\.record) }
        var first = query
        first.offset = 0
        first.limit = 1_000
        return try await catalog.search(first).studies.map(\.record)
    }

    // MARK: Series

    /// The series of studies that match `query`: all keys at study level and above find the studies, the others are matched
    /// here. Where a study is named, who holds it is asked for series that are not known.
    package func searchSeries(
        _ query: StudyQuery, _ terms: Terms
    ) async throws -> (matches: [(series: CatalogSeries, study: CatalogStudy)], gaps: Gaps) {
        var (studies, gaps) = try await studies(above: query, terms)
        let uids = Array(Set(studies.map(\.record.studyInstanceUID))).sorted()
        let unknown = try await catalog.holdersWithUnknownSeries(of: uids)
        if let spanner, uids.count == 1, terms.policy != .never {
            var holders = unknown.map(\.source)
            if terms.policy == .always, let study = studies.first {
                holders = spanner.names(ofAETitles: study.holders)
            }
            if !holders.isEmpty {
                gaps.isSpanned = true
                gaps.absences += await spanner.askSeries(of: uids[0], at: holders, within: terms.deadline)
            }
        } else {
            gaps.studiesWithUnknownSeries += Set(unknown.map(\.study)).count
        }
        let keys = query.keys.filter { $0.attribute.level == .series }
        let byStudy = Dictionary(grouping: try await catalog.series(of: uids), by: \.record.studyInstanceUID)
        var seen: Set<String> = []
        let matches = studies.filter { seen.insert($0.record.studyInstanceUID).inserted }.flatMap { study in
            (byStudy[study.record.studyInstanceUID] ?? [])
                .filter { series in keys.allSatisfy { $0.matches(series.record) != .no } }
                .map { (series: $0, study: study) }
        }
        // A series that is not indexed may be anywhere.
        if let asked = query.uids(of: .seriesInstanceUID), !query.names(.studyInstanceUID),
            !Set(byStudy.values.joined().map(\.record.seriesInstanceUID)).isSuperset(of: asked)
        {
            let asked = terms.policy == .never ? [] : spanner?.relationalNames ?? []
            gaps.unproven = (spanner?.sourceNames ?? []).filter { !asked.contains($0) }
        }
        return (matches, gaps)
    }

    /// The studies that a query at a lower level is about.
    private func studies(
        above query: StudyQuery, _ terms: Terms
    ) async throws -> (studies: [CatalogStudy], gaps: Gaps) {
        var studyQuery = StudyQuery(level: .study)
        studyQuery.keys = query.keys.filter { $0.attribute.level <= .study }
        studyQuery.limit = Self.mostStudies
        var absences: [Absence] = []
        if !studyQuery.names(.studyInstanceUID),
            let series = query.uids(of: .seriesInstanceUID),
            let uid = AttributeDictionary.attribute(.studyInstanceUID)
        {
            let parents = try await studies(ofSeries: series, terms)
            studyQuery.keys.append(QueryKey(attribute: uid, match: .uids(parents.studies)))
            absences = parents.absences
        }
        var (answer, gaps) = try await search(studyQuery, terms)
        gaps.absences += absences.filter { !gaps.absences.contains($0) }
        gaps.studiesWithUnknownSeries = max(0, answer.total - answer.studies.count)
        return (answer.studies, gaps)
    }

    /// The studies that series belong to: from the index, and for those that it does not have from the sources that answer
    /// relational questions.
    private func studies(
        ofSeries series: [String], _ terms: Terms
    ) async throws -> (studies: [String], absences: [Absence]) {
        let known = try await catalog.studies(ofSeries: series)
        let indexed = Set(try await catalog.series(of: known).map(\.record.seriesInstanceUID))
        let unknown = series.filter { !indexed.contains($0) && $0.isUID }
        guard let spanner, terms.policy != .never, (1...Self.mostSeries).contains(unknown.count) else {
            return (known, [])
        }
        let (found, absences) = await spanner.studies(ofSeries: unknown, within: terms.deadline)
        return (Set(known + found).sorted(), absences)
    }

    /// Whose series or instances are looked through.
    private static let mostStudies = 1_000

    // MARK: Instances

    /// Instances are not indexed: who holds the study is asked, series by series. nil: the query names no study and no series
    /// whose study can be found, so that nobody can be asked.
    package func searchInstances(
        _ query: StudyQuery, _ terms: Terms
    ) async throws -> (matches: [CatalogInstance], gaps: Gaps)? {
        guard let spanner else { return nil }
        var seriesQuery = StudyQuery(level: .series)
        seriesQuery.keys = query.keys.filter { $0.attribute.level <= .series }
        guard query.names(.studyInstanceUID) || query.names(.seriesInstanceUID) else { return nil }
        var (series, gaps) = try await searchSeries(seriesQuery, terms)
        guard !series.isEmpty else { return query.names(.studyInstanceUID) || !gaps.isIncomplete ? ([], gaps) : nil }
        guard terms.policy != .never else {
            gaps.unproven = spanner.sourceNames
            return ([], gaps)
        }
        gaps.isSpanned = true
        if series.count > Self.mostSeries { gaps.studiesWithUnknownSeries += 1 }
        let keys = query.keys.filter { $0.attribute.level == .image }
        let (instances, absences) = await spanner.instances(
            of: series.prefix(Self.mostSeries).map(\.series), within: terms.deadline)
        gaps.absences += absences.filter { !gaps.absences.contains($0) }
        return (instances.filter { instance in keys.allSatisfy { $0.matches(instance.dataSet) != .no } }, gaps)
    }

    /// Whose instances one query asks for.
    private static let mostSeries = 64
}

/// An instance as sources show it.
package struct CatalogInstance: Sendable {
    package var study: String
    package var series: String
    /// As the first source sent it.
    package var dataSet: DataSet
    /// AE titles.
    package var holders: [String]

    /// One for each, with all who show it: by study, series, instance number and UID. What has no UID is none.
    static func merged(_ shown: [CatalogInstance]) -> [CatalogInstance] {
        var merged: [String: CatalogInstance] = [:]
        for instance in shown.sorted(by: { $0.holders.lexicographicallyPrecedes($1.holders) })
        where !instance.uid.isEmpty {
            merged[instance.uid]?.holders += instance.holders
            if merged[instance.uid] == nil { merged[instance.uid] = instance }
        }
        return merged.values.sorted { $0.order < $1.order }
    }

    private var uid: String { dataSet.text(.sopInstanceUID) ?? "" }

    private var order: (String, String, Int, String) {
        (study, series, dataSet.integer(.instanceNumber) ?? .max, uid)
    }
}
