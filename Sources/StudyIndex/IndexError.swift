/// What the index refuses, besides the database's own errors.
package struct IndexError: Error, Sendable, Equatable, CustomStringConvertible {
    package enum Code: String, Sendable {
        /// The claim has run out, and the slice is, or was, somebody else's.
        case fenced
        /// A migration that was applied differs from this program's.
        case schemaDiffers
        /// The database was migrated by a later version.
        case schemaTooNew
        case unknownSource
        /// Something else has what must be one thing's alone.
        case exists
        /// As many as may be kept.
        case tooMany
        /// A search that the database did not end in time, or that too many names match (F149).
        case tooBroad
        /// The database lacks an extension that the schema needs.
        case extensionMissing
        case corrupt
    }
    package let code: Code
    package let detail: String

    package init(_ code: Code, _ detail: String) {
        self.code = code
        self.detail = detail
    }

    package static func == (left: IndexError, right: IndexError) -> Bool { left.code == right.code }
    package var description: String { detail }
}
