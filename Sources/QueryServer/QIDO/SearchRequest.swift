import DICOM
import Spanning

/// A `/studies` request, understood: what to search, and what the answer must warn of.
///
/// Whatever a real client sends and we can serve is served (F128, F146): unknown attributes are ignored with a
/// warning, a limit above ours is clamped (F131). Only what has no meaning is refused.
struct SearchRequest {
    /// The most studies in one answer.
    static let maximumResults = 5_000
    /// How many when the client sets no limit.
    static let defaultResults = 1_000

    private(set) var query: StudyQuery
    private(set) var warnings: [String] = []
    /// nil: the client does not say.
    private(set) var spanning: SpanningPolicy?

    struct Refused: Error {
        var reason: String
    }

    /// - Parameter path: UIDs that the path of the request names.
    init(rawQuery: String, level: QueryLevel, path: [Tag: String] = [:]) throws(Refused) {
        guard let url = URLQuery(rawQuery) else {
            throw Refused(
                reason: "the query has a broken percent escape or more than \(URLQuery.maximumComponents) components")
        }
        try self.init(url, level: level, path: path)
    }

    init(_ url: URLQuery, level: QueryLevel, path: [Tag: String] = [:]) throws(Refused) {
        query = StudyQuery(level: level)
        query.limit = Self.defaultResults
        var values: [QueryAttribute: [String]] = [:]
        var order: [QueryAttribute] = []
        var isFuzzy = false
        for component in url.components {
            switch component.name.lowercased() {
            case "limit": try setLimit(component.value)
            case "offset": query.offset = try Self.count(component)
            case "fuzzymatching": isFuzzy = component.value.lowercased() == "true"
            case "includefield": include(component.value)
            case "spanning":
                guard let policy = SpanningPolicy(word: component.value) else {
                    throw Refused(reason: "spanning must be never, auto or always")
                }
                spanning = policy
            default:
                guard let attribute = Self.attribute(component.name), attribute.level <= level else {
                    warnings.append("The attribute \(Self.safe(component.name)) is not supported and was ignored.")
                    continue
                }
                if values[attribute] == nil { order.append(attribute) }
                values[attribute, default: []].append(component.value)
            }
        }
        for attribute in order {
            try add(attribute, values[attribute] ?? [], isFuzzy: isFuzzy)
        }
        for (tag, uid) in path {
            guard let attribute = AttributeDictionary.attribute(tag) else { continue }
            guard uid.isUID else { throw Refused(reason: "the path names no UID") }
            query.keys.removeAll { $0.attribute.tag == tag }
            query.keys.append(QueryKey(attribute: attribute, match: .uids([uid])))
        }
    }

    private mutating func setLimit(_ text: String) throws(Refused) {
        guard let limit = Int(text), limit >= 0 else { throw Refused(reason: "limit must be a number of 0 or more") }
        query.limit = min(limit, Self.maximumResults)
        if limit > Self.maximumResults {
            warnings.append("The limit was reduced to \(Self.maximumResults) results.")
        }
    }

    private static func count(_ component: URLQuery.Component) throws(Refused) -> Int {
        guard let value = Int(component.value), value >= 0 else {
            throw Refused(reason: "\(component.name) must be a number of 0 or more")
        }
        return value
    }

    /// Comma lists and repetition both (F123); unknown fields are ignored.
    private mutating func include(_ list: String) {
        for name in list.split(separator: ",") {
            if name.lowercased() == "all" {
                query.includeAll = true
            } else if let attribute = Self.attribute(String(name)) {
                query.includeFields.append(attribute.tag)
            }
        }
    }

    private mutating func add(
        _ attribute: QueryAttribute, _ values: [String], isFuzzy: Bool
    ) throws(Refused) {
        let filled = values.filter { !$0.isEmpty && $0 != "*" }
        guard let text = filled.first else {
            query.includeFields.append(attribute.tag)
            return
        }
        // Lists come with commas, backslashes, and as repeated parameters (F125, F126).
        let joined = filled.joined(separator: "\\")
        do {
            query.keys.append(try QueryKey(attribute, parsing: attribute.isList ? joined : text, isFuzzy: isFuzzy))
        } catch {
            if let nothing = Self.endsBeforeItBegins(attribute, text) {
                query.keys.append(nothing)
                warnings.append("\(attribute.keyword) ends before it begins: nothing matches.")
                return
            }
            throw Refused(reason: "\(attribute.keyword) has a value that cannot be matched: \(attribute.expectation)")
        }
        if !attribute.isList, filled.count > 1 {
            warnings.append("Of several values for \(attribute.keyword) only the first was matched.")
        }
    }

    /// A range of dates that has none, and can be answered (F128).
    private static func endsBeforeItBegins(_ attribute: QueryAttribute, _ text: String) -> QueryKey? {
        let ends = text.split(separator: "-").map { DICOMDate(String($0)) }
        guard attribute.matching == .dateRange, ends.count == 2, let lower = ends[0], let upper = ends[1] else {
            return nil
        }
        return QueryKey(attribute: attribute, match: .dates(DateRange(lower: lower, upper: upper)))
    }

    /// By keyword or by tag in hexadecimal (F123).
    private static func attribute(_ name: String) -> QueryAttribute? {
        if let attribute = AttributeDictionary.attribute(keyword: name) { return attribute }
        return Tag(hex: name).flatMap { AttributeDictionary.attribute($0) }
    }

    /// A client's word in a header: short, and of letters and digits only.
    private static func safe(_ name: String) -> String {
        String(
            name.unicodeScalars.filter {
                $0.isASCII && ($0.properties.isAlphabetic || $0.properties.numericType != nil)
            }.prefix(40))
    }
}

extension SpanningPolicy {
    fileprivate init?(word: String) {
        switch word.lowercased() {
        case "never": self = .never
        case "auto": self = .auto
        case "always": self = .always
        default: return nil
        }
    }
}

extension QueryAttribute {
    fileprivate var isList: Bool { matching == .uidList || matching == .multiValue }

    /// What a value of this attribute has to look like, for the person who wrote it.
    fileprivate var expectation: String {
        switch matching {
        case .dateRange: "expected YYYYMMDD, or a range such as 20200101-20201231, 20200101- or -20201231"
        case .timeRange: "expected HHMMSS, or a range such as 080000-120000"
        case .integer: "expected a whole number"
        default: "expected text without control characters"
        }
    }
}
