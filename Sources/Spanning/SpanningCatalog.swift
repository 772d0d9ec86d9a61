import DICOM
import StudyIndex

/// Answers from the index, and from the sources where the index does not vouch for what is asked; says what is missing.
package struct SpanningCatalog: Sendable {
    let catalog: any StudyCatalog
    /// nil: nobody can be asked.
    let spanner: Spanner?
    /// The sources of which the catalog itself does not vouch for all that a query asks; nil: only the spanner knows.
    let unproven: (@Sendable (StudyQuery) async throws -> [String])?
    let today: @Sendable () -> DICOMDate
    package let freshness: Freshness
    let pages: Pages

    /// - Parameter now: by which pages grow old.
    package init(
        catalog: any StudyCatalog, spanner: Spanner?, freshness: Freshness = Freshness(),
        unproven: (@Sendable (StudyQuery) async throws -> [String])? = nil,
        today: @escaping @Sendable () -> DICOMDate, now: @escaping @Sendable () -> ContinuousClock.Instant = { .now }
    ) {
        self.catalog = catalog
        self.spanner = spanner
        self.freshness = freshness
        self.unproven = unproven
        self.today = today
        pages = Pages(now: now)
    }

    /// How an answer may be come by.
    package struct Terms: Sendable {
        package var policy = SpanningPolicy.auto
        /// nil: as configured.
        package var freshness: Freshness?
        /// What the caller may see. Live answers are kept in the index and read from there, so that they are no exception.
        package let visibility: Visibility
        /// How long sources are waited for.
        package var deadline: Duration
        /// Who asks: pages are continued for the same only.
        package var requester = ""

        /// Whoever gets the same rows for the same keys.
        var reader: String {
            switch visibility {
            case .unrestricted: requester
            case .facilities(let names): "\(requester)/\(names.sorted().joined(separator: ","))"
            }
        }

        package init(visibility: Visibility, deadline: Duration) {
            self.visibility = visibility
            self.deadline = deadline
        }
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
        /// Of the oldest proof that the answer rests on; nil: nothing proven stands behind it.
        package var age: Duration?

        package init() {}

        mutating func take(_ answers: SpanAnswers) {
            isSpanned = isSpanned || answers.isSpanned
            absences += answers.absences.filter { !absences.contains($0) }
            if answers.isProof { age = age ?? .zero }
        }

        /// Something that was asked for may be missing.
        package var isIncomplete: Bool { !absences.isEmpty || !unproven.isEmpty || studiesWithUnknownSeries > 0 }
    }

    /// Asks a source for a sign of life.
    package func echo(_ name: String, within deadline: Duration) async -> Spanner.Health {
        await spanner?.echo(name, within: deadline) ?? .unknown
    }

    // MARK: Studies

    package func search(_ query: StudyQuery, _ terms: Terms) async throws -> (answer: StudyAnswer, gaps: Gaps) {
        let query = pages.continued(query, requester: terms.reader)
        let (answer, gaps) = try await spanned(query, terms)
        pages.note(query, rows: answer.studies.count, end: answer.end, requester: terms.reader)
        return (answer, gaps)
    }

    private func spanned(_ query: StudyQuery, _ terms: Terms) async throws -> (answer: StudyAnswer, gaps: Gaps) {
        let answer = try await catalog.search(query, within: terms.visibility)
        guard let spanner else {
            var gaps = Gaps()
            gaps.unproven = try await unproven?(query) ?? []
            return (answer, gaps)
        }
        let freshness = terms.freshness ?? freshness
        let plan = try await spanner.plan(
            query, found: try await found(query, answer, within: terms.visibility), policy: terms.policy,
            freshness: freshness, today: today(), within: terms.visibility)
        var gaps = Gaps()
        let answers = await spanner.ask(
            plan, for: query, unlessAnsweredWithin: terms.policy == .always ? nil : freshness.recent,
            SpanRules(deadline: terms.deadline))
        gaps.age = answers.age
        gaps.take(answers)
        let asked = Set(plan.questions.map(\.source)).subtracting(answers.absences.map(\.source))
        gaps.unproven = try await unproven?(query).filter { !asked.contains($0) } ?? plan.unproven
        return (answers.isSpanned ? try await catalog.search(query, within: terms.visibility) : answer, gaps)
    }

    /// What the index has of a query's key, whatever page of it was asked for: a page past the end is no sign that it has
    /// nothing.
    private func found(
        _ query: StudyQuery, _ answer: StudyAnswer, within visibility: Visibility
    ) async throws -> [StudyRecord] {
        let isWhole = query.offset == 0 && query.limit > 0 && answer.studies.count == answer.total
        guard !isWhole, query.selector != nil else { return answer.studies.map(\.record) }
        return try await catalog.search(query.fromTheStart, within: visibility).studies.map(\.record)
    }

    // MARK: Series

    /// The series of studies that match `query`: all keys at study level and above find the studies, the others are matched
    /// here. Where a study is named, who holds it is asked for series that are not known.
    package func searchSeries(
        _ query: StudyQuery, _ terms: Terms
    ) async throws -> (matches: [(series: CatalogSeries, study: CatalogStudy)], gaps: Gaps) {
        if let list = pages.series(query, requester: terms.reader) { return (list.matches, list.gaps) }
        let list = try await seriesList(query, terms)
        pages.keep(list, of: query, requester: terms.reader)
        return (list.matches, list.gaps)
    }

    private func seriesList(_ query: StudyQuery, _ terms: Terms) async throws -> Pages.SeriesList {
        var (studies, gaps) = try await studies(above: query, terms)
        let uids = Array(Set(studies.map(\.record.studyInstanceUID))).sorted()
        let unknown = try await catalog.holdersWithUnknownSeries(of: uids, within: terms.visibility)
        if let spanner, uids.count == 1, terms.policy != .never {
            var holders = unknown.map(\.source)
            if terms.policy == .always, let study = studies.first {
                holders = spanner.names(ofAETitles: study.holders)
            }
            if !holders.isEmpty {
                gaps.take(
                    await spanner.askSeries(of: uids[0], at: holders, SpanRules(deadline: terms.deadline)))
            }
        } else {
            gaps.studiesWithUnknownSeries += Set(unknown.map(\.study)).count
        }
        let keys = query.keys.filter { $0.attribute.level == .series }
        let byStudy = Dictionary(
            grouping: try await catalog.series(of: uids, within: terms.visibility), by: \.record.studyInstanceUID)
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
            let asked = terms.policy == .never ? [] : spanner?.relationalNames(within: terms.visibility) ?? []
            gaps.unproven = (spanner?.sourceNames(within: terms.visibility) ?? []).filter { !asked.contains($0) }
        }
        return Pages.SeriesList(matches: matches, gaps: gaps)
    }

    /// The studies that a query at a lower level is about.
    private func studies(
        above query: StudyQuery, _ terms: Terms
    ) async throws -> (studies: [CatalogStudy], gaps: Gaps) {
        let (studyQuery, parents) = try await studyQuery(
            above: query, terms.policy, within: terms.visibility, SpanRules(deadline: terms.deadline))
        var (answer, gaps) = try await spanned(studyQuery, terms)
        gaps.take(parents)
        gaps.studiesWithUnknownSeries = max(0, answer.total - answer.studies.count)
        return (answer.studies, gaps)
    }

    /// With the studies that its series belong to: from the index, and for those that it does not have from the sources that
    /// answer relational questions.
    ///
    /// - Parameter names: sources that take part; nil: all.
    func studyQuery(
        above query: StudyQuery, _ policy: SpanningPolicy, at names: [String]? = nil, within visibility: Visibility,
        _ rules: SpanRules
    ) async throws -> (query: StudyQuery, parents: SpanAnswers) {
        var studyQuery = StudyQuery(level: .study)
        studyQuery.keys = query.keys.filter { $0.attribute.level <= .study }
        studyQuery.limit = Self.mostStudies
        guard !studyQuery.names(.studyInstanceUID), let series = query.uids(of: .seriesInstanceUID),
            let uid = AttributeDictionary.attribute(.studyInstanceUID)
        else { return (studyQuery, SpanAnswers()) }
        let known = try await catalog.studies(ofSeries: series, within: visibility)
        let indexed = Set(try await catalog.series(of: known, within: visibility).map(\.record.seriesInstanceUID))
        let unknown = series.filter { !indexed.contains($0) && $0.isUID }
        var parents = SpanAnswers()
        if let spanner, policy != .never, (1...Self.mostSeries).contains(unknown.count) {
            parents = await spanner.askStudies(ofSeries: unknown, at: names, within: visibility, rules)
        }
        let found = Set(known).union(parents.studies.values.joined())
        studyQuery.keys.append(QueryKey(attribute: uid, match: .uids(found.sorted())))
        return (studyQuery, parents)
    }

    /// Whose series or instances are looked through.
    private static let mostStudies = 1_000

    // MARK: Instances

    /// Instances are not indexed: who holds the study is asked, series by series. nil: the query names no study and no series
    /// whose study can be found, so that nobody can be asked.
    package func searchInstances(
        _ query: StudyQuery, _ terms: Terms
    ) async throws -> (matches: [CatalogInstance], gaps: Gaps)? {
        if let list = pages.instances(query, requester: terms.reader) { return (list.matches, list.gaps) }
        guard let list = try await instanceList(query, terms) else { return nil }
        pages.keep(list, of: query, requester: terms.reader)
        return (list.matches, list.gaps)
    }

    private func instanceList(_ query: StudyQuery, _ terms: Terms) async throws -> Pages.InstanceList? {
        guard let spanner, query.names(.studyInstanceUID) || query.names(.seriesInstanceUID) else { return nil }
        var (series, gaps) = try await searchSeries(query.ofSeries, terms)
        guard !series.isEmpty else {
            return query.names(.studyInstanceUID) || !gaps.isIncomplete
                ? Pages.InstanceList(matches: [], gaps: gaps) : nil
        }
        guard terms.policy != .never else {
            gaps.unproven = spanner.sourceNames(within: terms.visibility)
            return Pages.InstanceList(matches: [], gaps: gaps)
        }
        if series.count > Self.mostSeries { gaps.studiesWithUnknownSeries += 1 }
        let answers = await spanner.askInstances(
            of: series.prefix(Self.mostSeries).map(\.series), SpanRules(deadline: terms.deadline))
        gaps.take(answers)
        return Pages.InstanceList(
            matches: query.matching(CatalogInstance.merged(answers.instances.map(\.instance))), gaps: gaps)
    }

    /// Whose instances one query asks for.
    static let mostSeries = 64
}

extension StudyQuery {
    /// Whatever page was asked for.
    var fromTheStart: StudyQuery {
        var query = self
        query.offset = 0
        query.after = nil
        query.limit = 1_000
        return query
    }

    /// About the series whose instances it asks for.
    var ofSeries: StudyQuery {
        var query = StudyQuery(level: .series)
        query.keys = keys.filter { $0.attribute.level <= .series }
        return query
    }

    /// Of instances those that match its own level's keys.
    func matching(_ instances: [CatalogInstance]) -> [CatalogInstance] {
        let keys = keys.filter { $0.attribute.level == .image }
        return instances.filter { instance in keys.allSatisfy { $0.matches(instance.dataSet) != .no } }
    }
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
        return merged.values.sorted { $0.precedes($1) }
    }

    var uid: String { dataSet.text(.sopInstanceUID) ?? "" }

    func precedes(_ other: CatalogInstance) -> Bool { order < other.order }

    private var order: (String, String, Int, String, String) {
        (study, series, dataSet.integer(.instanceNumber) ?? .max, uid, holders.first ?? "")
    }
}
