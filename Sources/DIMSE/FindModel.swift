/// The information models that we search with (PS3.4 §C.6), by their FIND SOP classes.
package enum FindModel: String, Sendable {
    case studyRoot = "1.2.840.10008.5.1.4.1.2.2.1"
    case patientRoot = "1.2.840.10008.5.1.4.1.2.1.1"
    /// Retired, and still the only one on some old archives (F36).
    case patientStudyOnly = "1.2.840.10008.5.1.4.1.2.3.1"
    /// Repository Query (PS3.4 §C.6.4, F9): answers that can be gone on with after a `RecordKey`. Few archives have it.
    case repository = "1.2.840.10008.5.1.4.1.1.201.6"
}

/// What a FIND SOP class may be asked beyond its baseline; agreed upon for an association (PS3.4 §C.5.1.1).
package struct QueryOptions: OptionSet, Sendable, Hashable {
    package let rawValue: UInt8
    package init(rawValue: UInt8) { self.rawValue = rawValue }

    /// Questions need not name the unique keys of the levels above (F33).
    package static let relational = QueryOptions(byte: 1)
    /// Dates and times match together, as one moment (F17). Granted, it changes what ranges mean (F15).
    package static let combinedDateTime = QueryOptions(byte: 2)
    package static let fuzzyNames = QueryOptions(byte: 3)
    /// Timezone Offset From UTC in the question moves its dates and times (F28).
    package static let timezone = QueryOptions(byte: 4)
    // Byte 5, enhanced multi-frame conversion, is about images.
    /// `""` matches what is empty or absent (F22).
    package static let emptyValue = QueryOptions(byte: 6)
    /// A list in a key matches any of its values.
    package static let multipleValue = QueryOptions(byte: 7)

    private init(byte: UInt8) { rawValue = 1 << (byte - 1) }

    /// From the bytes of an item: missing ones count as 0 (F99), what has no meaning here is passed over.
    init(negotiated bytes: [UInt8]) {
        let known: QueryOptions = [.relational, .combinedDateTime, .fuzzyNames, .timezone, .emptyValue, .multipleValue]
        let set = bytes.prefix(7).enumerated().reduce(UInt8(0)) { $1.element == 1 ? $0 | 1 << UInt8($1.offset) : $0 }
        self = QueryOptions(rawValue: set).intersection(known)
    }

    /// As few bytes as say it, and at least `count`.
    func bytes(atLeast count: Int = 1) -> [UInt8] {
        (0..<max(min(count, 7), 8 - rawValue.leadingZeroBitCount)).map { rawValue >> UInt8($0) & 1 }
    }
}
