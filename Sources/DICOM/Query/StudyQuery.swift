/// A search: its level, its matching keys, and how much of the answer is wanted.
package struct StudyQuery: Sendable {
    package var level: QueryLevel
    package var keys: [QueryKey] = []
    package var includeFields: [Tag] = []
    package var includeAll = false
    package var limit = 1_000
    package var offset = 0
    /// Where the page before this one ended, if that is known: the page begins there, and not at `offset`.
    package var after: PagePosition?

    package init(level: QueryLevel = .study) { self.level = level }
}

extension StudyQuery {
    /// Everything of one study, wherever it is.
    package static func study(_ uid: String) -> StudyQuery {
        var query = StudyQuery()
        query.keys =
            AttributeDictionary.attribute(.studyInstanceUID).map { [QueryKey(attribute: $0, match: .uids([uid]))] }
            ?? []
        return query
    }

    /// Whether it matches this attribute.
    package func names(_ tag: Tag) -> Bool { keys.contains { $0.attribute.tag == tag } }

    /// The UIDs that it asks for by this attribute; nil: it does not.
    package func uids(of tag: Tag) -> [String]? {
        for key in keys where key.attribute.tag == tag {
            if case .uids(let uids) = key.match { return uids }
        }
        return nil
    }

    /// Issuers that have all given out the patient ID that it names without one: several people (a patient ID means nothing
    /// without its issuer). Empty: there is no doubt.
    package func ambiguousIssuers(in studies: [CatalogStudy]) -> [String] {
        guard names(.patientID), !names(.issuerOfPatientID) else { return [] }
        let issuers = Set(studies.map(\.record.issuerOfPatientID))
        return issuers.count > 1 ? issuers.sorted() : []
    }
}

extension String {
    /// PS3.5 §9.1, leniently: digits and dots, no more than 64.
    package var isUID: Bool {
        (1...64).contains(utf8.count) && utf8.allSatisfy { $0 == 0x2E || (0x30...0x39).contains($0) }
    }
}

/// One matching key of a query.
package struct QueryKey: Sendable, Hashable {
    package let attribute: QueryAttribute
    package let match: Match

    /// PS3.4 §C.2.2.2.
    package enum Match: Sendable, Hashable {
        case universal
        case single(String)
        /// `*` any characters, `?` exactly one.
        case wildcard(String)
        case uids([String])
        case dates(DateRange)
        case times(TimeRange)
        /// Any of these values, each perhaps a wildcard, in any of the attribute's.
        case anyOf([String])
        /// A name pattern already folded by `MatchingKey`; matches the whole name or one of its groups.
        case name(String)
        /// Names that `name` matches, and those that have all of its words (`fuzzymatching`).
        case fuzzyName(FuzzyName)
        case integer(Int)
    }

    package init(attribute: QueryAttribute, match: Match) {
        self.attribute = attribute
        self.match = match
    }

    /// Reads a key's text as clients send it: empty and `*` are universal matching, lists of UIDs and modalities come with
    /// backslashes or commas (F125, F126).
    ///
    /// - Parameter isFuzzy: whether names match fuzzily; other attributes never do.
    package init(_ attribute: QueryAttribute, parsing text: String, isFuzzy: Bool = false) throws(DICOMError) {
        self.attribute = attribute
        let trimmed = text.trimmingSpaces()
        guard !trimmed.unicodeScalars.contains(where: { $0.value < 0x20 }) else {
            throw DICOMError(.invalidKey, tag: attribute.tag, "control characters")
        }
        if trimmed.isEmpty || trimmed.allSatisfy({ $0 == "*" }) {
            match = .universal
            return
        }
        switch attribute.matching {
        case .none: match = .universal
        case .singleValue: match = .single(trimmed)
        case .wildcard: match = Self.hasWildcards(trimmed) ? .wildcard(trimmed) : .single(trimmed)
        case .uidList: match = .uids(Self.list(trimmed))
        case .multiValue: match = .anyOf(Self.list(trimmed))
        case .dateRange:
            guard let range = DateRange(da: trimmed) else {
                throw DICOMError(.invalidKey, tag: attribute.tag, "no date or date range")
            }
            match = .dates(range)
        case .timeRange:
            guard let range = TimeRange(tm: trimmed) else {
                throw DICOMError(.invalidKey, tag: attribute.tag, "no time or time range")
            }
            match = .times(range)
        case .integer:
            guard let value = Int(lenient: trimmed) else {
                throw DICOMError(.invalidKey, tag: attribute.tag, "no whole number")
            }
            match = .integer(value)
        case .personName:
            let folded = PersonName(trimmed).matchingKey
            match = folded.isEmpty ? .universal : isFuzzy ? .fuzzyName(FuzzyName(folded)) : .name(folded)
        }
    }

    private static func list(_ text: String) -> [String] {
        text.split { $0 == "\\" || $0 == "," }.map { String($0).trimmingSpaces() }.filter { !$0.isEmpty }
    }

    package static func hasWildcards(_ text: String) -> Bool { text.utf8.contains { $0 == 0x2A || $0 == 0x3F } }
}

extension StudyQuery {
    /// Reads a C-FIND identifier. Attributes that the dictionary does not know, or of a level below the query's, are
    /// returned empty and not matched (PS3.4 §C.4.1.3).
    ///
    /// - Parameter isFuzzy: whether names match fuzzily (PS3.4 §C.2.2.2.1.3).
    package init(identifier: DataSet, isFuzzy: Bool = false) throws(DICOMError) {
        let word = identifier.text(.queryRetrieveLevel) ?? ""
        guard let level = QueryLevel(rawValue: word.trimmingSpaces()) else {
            throw DICOMError(.invalidKey, tag: .queryRetrieveLevel, "no query level")
        }
        self.init(level: level)
        for element in identifier.elements {
            guard let attribute = AttributeDictionary.attribute(element.tag), attribute.level <= level,
                attribute.tag != .queryRetrieveLevel, attribute.tag != .specificCharacterSet
            else { continue }
            let key = try QueryKey(attribute, parsing: identifier.text(element.tag) ?? "", isFuzzy: isFuzzy)
            if key.match == .universal { includeFields.append(attribute.tag) } else { keys.append(key) }
        }
    }
}
