/// What the database, or the way to it, said. Descriptions hold no parameter values and no row contents.
package struct PostgresError: Error, Sendable, Equatable, CustomStringConvertible {
    package enum Code: String, Sendable {
        /// No connection could be made.
        case connectionFailed
        /// The connection broke; whether the last statement took effect is unknown.
        case connectionLost
        /// The server refused a statement; `sqlState` says why.
        case server
        /// A result of another shape than the program expects.
        case unexpectedResult
        case poolClosed
    }
    package let code: Code
    package let detail: String
    package var sqlState: String?
    package var constraint: String?

    package init(_ code: Code, _ detail: String, sqlState: String? = nil, constraint: String? = nil) {
        self.code = code
        self.detail = detail
        self.sqlState = sqlState
        self.constraint = constraint
    }

    /// Deadlock, serialization failure, lock not available: the transaction may simply run again.
    package var isRetryable: Bool { ["40P01", "40001", "55P03"].contains(sqlState) }

    /// The server is away, or went away: it may come back.
    package var isLossOfConnection: Bool { code == .connectionLost || code == .connectionFailed }

    package static func == (left: PostgresError, right: PostgresError) -> Bool {
        left.code == right.code && left.sqlState == right.sqlState
    }

    package var description: String {
        "database: \(detail)" + (sqlState.map { " (SQLSTATE \($0))" } ?? "")
    }
}
