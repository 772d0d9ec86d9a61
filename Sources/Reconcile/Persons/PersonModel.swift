/// What is known of a patient, how two patients are compared, and which pairs are worth comparing: everything about a data
/// set that the matcher has to be told. What agreement and disagreement weigh it learns from the data.
package struct PersonModel: Sendable {
    package struct Field: Sendable, Hashable {
        package let name: String
        package let kind: Kind

        package init(_ name: String, _ kind: Kind) {
            self.name = name
            self.kind = kind
        }
    }

    /// How two values of a field are compared.
    package enum Kind: Sendable, Hashable {
        /// A name in Latin letters: misspelt, abbreviated, heard.
        case name
        /// Other words: misspelt, abbreviated.
        case words
        /// Chinese, Japanese and Korean characters: one of them more or less is another name.
        case ideographs
        /// `YYYYMMDD`.
        case date
        /// One of a few.
        case code
        case number
        /// A number that an issuer gave out: it means nothing beside another issuer's (F172).
        case identifier
    }

    package enum Comparison: Sendable {
        case single(Int)
        /// Two fields whose values are sometimes exchanged. One reading after the other is tried, and the best counts; a
        /// reading in other letters than that of the other record is evidence only where it agrees.
        case pair(String, readings: [Reading])
    }

    package struct Reading: Sendable {
        package let first: Int
        package let second: Int

        package init(_ first: Int, _ second: Int) {
            self.first = first
            self.second = second
        }
    }

    /// Records that share all keys of a pass are compared. The later keys are used only where the earlier ones leave more
    /// than `largestBlock` records together.
    package struct Pass: Sendable {
        package let keys: [Key]

        package init(_ keys: Key...) { self.keys = keys }
    }

    package enum Key: Sendable {
        case value(Int)
        /// How it sounds, or, where that is not known, itself.
        case sound(Int)
        case year(Int)
        case monthAndDay(Int)
        /// Both values in either order.
        case both(Int, Int)
        /// The first letters of both in either order.
        case initials(Int, Int)
    }

    /// Whether two records agree in some slots in a certain way. A slot has the name of its field.
    package struct Condition: Sendable {
        package let name: String
        let slots: [(name: String, agreements: [Agreement])]

        init(_ name: String, _ slots: (name: String, agreements: [Agreement])...) {
            self.name = name
            self.slots = slots
        }
    }

    package var fields: [Field]
    package var comparisons: [Comparison]
    package var passes: [Pass]
    /// One of these has to be met by a probable link; none: its weight is enough.
    package var grounds: [Condition] = []
    /// Two records that meet one of these are not taken to be of one human, whatever they weigh.
    package var contradictions: [Condition] = []
    /// Whether an issuer knows nobody twice: then records of one issuer are not compared with each other.
    package var issuersAreFreeOfDuplicates = false
    package var largestBlock = 200

    package init(fields: [Field], comparisons: [Comparison], passes: [Pass]) {
        self.fields = fields
        self.comparisons = comparisons
        self.passes = passes
    }
}

/// A row of the matcher's input.
package struct PersonRecord: Sendable, Hashable {
    /// Who gives out its identifiers.
    package var issuer: String
    /// For each field of the model; "": not known. Folded already.
    package var values: [String]
    /// Somebody whose name nobody knew: linked with nobody by itself (F175).
    package var isUnidentified: Bool

    package init(issuer: String, values: [String], isUnidentified: Bool = false) {
        self.issuer = issuer
        self.values = values
        self.isUnidentified = isUnidentified
    }

    /// Orders records by what they hold, whatever order they came in.
    var fingerprint: UInt64 {
        var hash: UInt64 = 0xCBF2_9CE4_8422_2325
        func add(_ byte: UInt8) { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01B3 }
        for text in [issuer] + values {
            for byte in text.utf8 { add(byte) }
            add(0xFF)
        }
        return hash
    }
}

/// How far two values agree.
package enum Agreement: UInt8, Sendable, Comparable {
    case exact
    /// One letter or digit too many, too few or wrong, or two exchanged.
    case typo
    /// Much alike, or heard alike; of dates: two of year, month and day.
    case close
    /// One is the beginning or the end of the other.
    case part
    case different
    /// One of the two is not known, or they cannot be compared: no evidence (F177).
    case missing

    static let levels = 5

    package static func < (one: Agreement, other: Agreement) -> Bool { one.rawValue < other.rawValue }
}
