/// Whether a record matches; unknown where the source did not return what the key asks about, or lost its characters.
package enum Truth: Sendable, Hashable {
    case no, unknown, yes

    package static func && (left: Truth, right: Truth) -> Truth {
        if left == .no || right == .no { return .no }
        return left == .unknown || right == .unknown ? .unknown : .yes
    }
}

/// The reference evaluator of PS3.4 §C.2.2.2: what every search backend is held to.
extension StudyQuery {
    package func matches(_ record: StudyRecord) -> Truth {
        var truth = Truth.yes
        for key in keys {
            truth = truth && key.matches(record)
            if truth == .no { return .no }
        }
        return truth
    }
}

extension QueryKey {
    package func matches(_ record: StudyRecord) -> Truth {
        matches(attribute.column == nil ? nil : record[attribute.tag], isLossy: record.lossy.contains(attribute.tag))
    }

    package func matches(_ record: SeriesRecord) -> Truth {
        matches(record[attribute.tag], isLossy: record.lossy.contains(attribute.tag))
    }

    /// Of a data set of any level.
    package func matches(_ dataSet: DataSet) -> Truth { matches(dataSet.text(attribute.tag), isLossy: false) }

    private func matches(_ text: String?, isLossy: Bool) -> Truth {
        if case .universal = match { return .yes }
        guard let text, !isLossy else { return .unknown }
        return matches(text: text) ? .yes : .no
    }

    private func matches(text: String) -> Bool {
        switch match {
        case .universal: true
        case .single(let value): text.trimmingSpaces() == value
        case .wildcard(let pattern): Self.matches(pattern, text.trimmingSpaces())
        case .uids(let uids): uids.contains(text)
        case .dates(let range): DICOMDate(text).map(range.contains) ?? false
        case .times(let range): DICOMTime(text).map(range.contains) ?? false
        case .integer(let value): Int(lenient: text) == value
        case .anyOf(let patterns):
            StudyRecord.modalities(in: text).contains { value in patterns.contains { Self.matches($0, value) } }
        case .name(let pattern):
            Self.matchesName(pattern, PersonName(text).matchingKey)
        case .fuzzyName(let name): name.matches(PersonName(text).matchingKey)
        }
    }

    /// A name matches as a whole or by one of its groups, so that `山田*` finds `YAMADA^TARO=山田^太郎`.
    static func matchesName(_ pattern: String, _ key: String) -> Bool {
        [pattern, pattern + "=*", "*=" + pattern, "*=" + pattern + "=*"].contains { matches($0, key) }
    }

    /// Wildcard matching on Unicode scalars, in time proportional to the lengths' product at worst.
    package static func matches(_ pattern: String, _ text: String) -> Bool {
        let pattern = Array(pattern.unicodeScalars)
        let text = Array(text.unicodeScalars)
        var (p, t) = (0, 0)
        var star: (p: Int, t: Int)?
        while t < text.count {
            if p < pattern.count, pattern[p] == "*" {
                star = (p, t)
                p += 1
            } else if p < pattern.count, pattern[p] == "?" || pattern[p] == text[t] {
                p += 1
                t += 1
            } else if let last = star {
                p = last.p + 1
                t = last.t + 1
                star = (last.p, t)
            } else {
                return false
            }
        }
        return pattern[p...].allSatisfy { $0 == "*" }
    }
}
