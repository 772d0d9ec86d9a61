import DICOM
import PostgresClient

/// The index in PostgreSQL: sources and their budgets, the ledger of slices, observations and studies, discrepancies,
/// keys. Stateless: any number of them may work on one database.
package struct StudyIndex: Sendable {
    let pool: PostgresPool
    /// Measures pauses only: what is decided about slices and budgets, the database's clock decides.
    let clock: any Clock<Duration>
    let facilityIDs = FacilityIDs()

    package init(pool: PostgresPool, clock: any Clock<Duration> = ContinuousClock()) {
        self.pool = pool
        self.clock = clock
    }

    /// Brings the schema to this program's version; safe to call from many processes at once.
    package func migrate() async throws {
        _ = try await pool.transaction { try Migrations.apply($0) }
    }

    package func schemaVersion() async throws -> Int {
        try await pool.withConnection { connection in
            try connection.query("SELECT max(version) FROM schema_migration").first?.int(0) ?? 0
        }
    }

    /// Enters or updates sources, their budgets and their facilities; returns their ids by name. When it returns, every copy
    /// bears the facility that its source's rules give it.
    package func register(_ sources: [SourceDefinition]) async throws -> [String: Int32] {
        let ids = try await pool.transaction { connection in
            var ids: [String: Int32] = [:]
            for source in sources {
                let row = try connection.query(
                    SQL.registerSource,
                    [
                        .text(source.name), .text(source.aeTitle), .text(source.host), .int(Int64(source.port)),
                        .text(source.issuer), .int(Int64(source.priority)),
                    ]
                ).first
                guard let id = row?.int(0).flatMap(Int32.init(exactly:)) else {
                    throw IndexError(.corrupt, "a source got no id")
                }
                try Self.register(source.limits, of: id, connection)
                try Self.register(source.facilities, of: .int(Int64(id)), connection)
                ids[source.name] = id
            }
            return ids
        }
        try await assignFacilities()
        return ids
    }

    private static func register(
        _ limits: SourceLimits, of source: Int32, _ connection: PostgresConnection
    ) throws {
        let id = PostgresValue.int(Int64(source))
        let emission = 1 / limits.queriesPerSecond
        try connection.query(
            SQL.registerBudget,
            [
                id, .double(emission), .double(emission * Double(limits.burst - 1)), .int(Int64(limits.associations)),
                .double(1 / limits.bulkQueriesPerSecond), .int(Int64(limits.bulkAssociations)),
                .double(limits.openingGap / .seconds(1)), .text(limits.timeZone),
            ])
        try connection.query(SQL.deleteWindows, [id])
        let days = limits.windows.flatMap { window in window.weekdays.sorted().map { ($0, window) } }
        try connection.query(
            SQL.registerWindows,
            [
                id, .intArray(days.map { Int64($0.0) }), .intArray(days.map { Int64($0.1.minutes.lowerBound) }),
                .intArray(days.map { Int64($0.1.minutes.upperBound) }),
                .intArray(days.map { Int64($0.1.utilisation) }), .intArray(days.map { Int64($0.1.associations ?? 0) }),
            ])
    }
}

/// A source as the index knows it, and what may be asked of it.
package struct SourceDefinition: Sendable {
    package var name: String
    package var aeTitle: String
    package var host: String
    package var port: Int
    /// Of patient IDs that come without one.
    package var issuer: String
    /// 1 wins.
    package var priority: Int
    package var limits: SourceLimits
    /// Which of its copies belong to which facility: the first rule that matches decides. Default: none does.
    package var facilities: [FacilityRule] = []

    package init(
        name: String, aeTitle: String, host: String, port: Int, issuer: String, priority: Int = 100,
        limits: SourceLimits = SourceLimits()
    ) {
        self.name = name
        self.aeTitle = aeTitle
        self.host = host
        self.port = port
        self.issuer = issuer
        self.priority = priority
        self.limits = limits
    }
}

/// What may be asked of a source by all processes together.
package struct SourceLimits: Sendable, Hashable {
    /// C-FINDs and C-ECHOs; default 1.
    package var queriesPerSecond: Double
    /// Requests that may come at once; 1, the default: evenly spaced.
    package var burst: Int
    /// Associations open at once; default 1.
    package var associations: Int
    /// The part of both that is kept for questions which a person waits for; default none.
    package var live: (queriesPerSecond: Double, associations: Int) {
        get { (liveQueriesPerSecond, liveAssociations) }
        set { (liveQueriesPerSecond, liveAssociations) = newValue }
    }
    private var liveQueriesPerSecond = 0.0
    private var liveAssociations = 0
    /// The most matches that the source sends, where its administrator knows that; nil: unknown.
    package var maximumResults: Int?
    /// Between two openings of an association; default none (F81).
    package var openingGap = Duration.zero
    /// Times of the week in which less may be asked; they do not overlap.
    package var windows: [Window] = []
    /// Of the windows; an IANA name.
    package var timeZone = "UTC"

    package struct Window: Sendable, Hashable {
        /// 1 is Monday.
        package var weekdays: Set<Int>
        /// Since midnight.
        package var minutes: Range<Int>
        /// Percent of the time that an association may be busy; 0: nothing may be asked.
        package var utilisation: Int
        /// nil: as outside of the window.
        package var associations: Int?

        package init(weekdays: Set<Int>, minutes: Range<Int>, utilisation: Int, associations: Int? = nil) {
            self.weekdays = weekdays
            self.minutes = minutes
            self.utilisation = utilisation
            self.associations = associations
        }
    }

    package init(queriesPerSecond: Double = 1, burst: Int = 1, associations: Int = 1) {
        self.queriesPerSecond = queriesPerSecond
        self.burst = burst
        self.associations = associations
    }

    package var bulkQueriesPerSecond: Double { queriesPerSecond - liveQueriesPerSecond }
    package var bulkAssociations: Int { associations - liveAssociations }
}
