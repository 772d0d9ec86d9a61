/// Writes DICOM JSON (PS3.18 Annex F) as bytes, without building values in between.
package struct DICOMJSONWriter: Sendable {
    private var output: [UInt8] = []
    private var isFirstInArray = true

    package init() {}

    /// The bytes so far; the writer starts afresh.
    package mutating func drain() -> [UInt8] {
        defer { output.removeAll(keepingCapacity: true) }
        return output
    }

    package mutating func beginArray() {
        raw("[")
        isFirstInArray = true
    }

    package mutating func endArray() { raw("]") }
    package mutating func appendNewline() { raw("\n") }

    /// A match as an element of an array.
    package mutating func append(_ attributes: MatchAttributes) {
        separate()
        raw("{")
        var isFirst = true
        attributes.each { attribute, text in member(attribute, text: text, &isFirst) }
        raw("}")
    }

    /// A study of an answer: every attribute that is known, and the holders as Retrieve AE Title. Attributes that no source
    /// returned are left out unless `empty` asks for them.
    package mutating func append(_ study: CatalogStudy, empty requested: Set<Tag> = []) {
        append(.study(study, empty: requested))
    }

    /// A whole data set, as an object of its own.
    package mutating func append(_ dataSet: DataSet) {
        raw("{")
        var isFirst = true
        for element in dataSet.elements {
            switch element.content {
            case .bytes(let bytes):
                guard element.vr.isText || element.vr == .UN else { continue }
                let text = dataSet.characterSet.decode(bytes, vr: element.vr.isText ? element.vr : .LO).text
                member(element.tag, element.vr.isText ? element.vr : .LO, text: text, &isFirst)
            case .items(let items):
                begin(element.tag, .SQ, &isFirst)
                if !items.isEmpty {
                    raw(",\"Value\":[")
                    for (position, item) in items.enumerated() {
                        if position > 0 { raw(",") }
                        append(item)
                    }
                    raw("]")
                }
                raw("}")
            }
        }
        raw("}")
    }

    private mutating func separate() {
        if !isFirstInArray { raw(",") }
        isFirstInArray = false
    }

    private mutating func member(_ attribute: QueryAttribute, text: String, _ isFirst: inout Bool) {
        member(attribute.tag, attribute.vr, text: text, &isFirst)
    }

    private mutating func begin(_ tag: Tag, _ vr: VR, _ isFirst: inout Bool) {
        raw(isFirst ? "\"" : ",\"")
        isFirst = false
        for shift in stride(from: 28 as UInt32, through: 0, by: -4) {
            output.append(Self.upperHexDigit(UInt8(tag.number >> shift & 15)))
        }
        raw("\":{\"vr\":\"")
        output.append(UInt8(vr.rawValue >> 8))
        output.append(UInt8(vr.rawValue & 0xFF))
        raw("\"")
    }

    private mutating func member(_ tag: Tag, _ vr: VR, text: String, _ isFirst: inout Bool) {
        begin(tag, vr, &isFirst)
        if !text.isEmpty {
            raw(",\"Value\":[")
            var text = text
            text.withUTF8 { values(Slice(base: $0, bounds: $0.indices), vr) }
            raw("]")
        }
        raw("}")
    }

    // MARK: Values, as UTF-8

    private typealias UTF8Text = Slice<UnsafeBufferPointer<UInt8>>

    private mutating func values(_ text: UTF8Text, _ vr: VR) {
        var rest = text
        while vr.isMultiValued, let end = rest.firstIndex(of: 0x5C) {
            value(rest[..<end], vr)
            raw(",")
            rest = rest[(end + 1)...]
        }
        value(rest, vr)
    }

    private mutating func value(_ text: UTF8Text, _ vr: VR) {
        var text = text
        while text.first == 0x20 { text.removeFirst() }
        while text.last == 0x20 { text.removeLast() }
        if text.isEmpty {
            raw("null")
        } else if vr == .PN {
            name(text)
        } else if vr == .IS, let number = Int(lenient: String(decoding: text, as: UTF8.self)) {
            output.append(contentsOf: String(number).utf8)
        } else {
            string(text)
        }
    }

    private static let groups: [StaticString] = ["\"Alphabetic\":", "\"Ideographic\":", "\"Phonetic\":"]

    /// As `PersonName` reads it.
    private mutating func name(_ text: UTF8Text) {
        raw("{")
        var isFirst = true
        let groups = text.split(separator: 0x3D, maxSplits: 2, omittingEmptySubsequences: false)
        for (key, text) in zip(Self.groups, groups) where !text.isEmpty {
            if !isFirst { raw(",") }
            isFirst = false
            raw(key)
            string(text)
        }
        raw("}")
    }

    private mutating func string(_ text: UTF8Text) {
        output.append(0x22)
        var rest = text
        while let special = rest.firstIndex(where: { $0 < 0x20 || $0 == 0x22 || $0 == 0x5C || $0 == 0x7F }) {
            output.append(contentsOf: rest[..<special])
            let byte = rest[special]
            if byte == 0x22 || byte == 0x5C {
                output.append(0x5C)
                output.append(byte)
            } else {
                raw("\\u00")
                output.append(Self.hexDigit(byte >> 4))
                output.append(Self.hexDigit(byte & 15))
            }
            rest = rest[(special + 1)...]
        }
        output.append(contentsOf: rest)
        output.append(0x22)
    }

    private mutating func raw(_ text: StaticString) {
        output.append(contentsOf: UnsafeBufferPointer(start: text.utf8Start, count: text.utf8CodeUnitCount))
    }

    private static func hexDigit(_ value: UInt8) -> UInt8 { value < 10 ? 0x30 + value : 0x57 + value }
    private static func upperHexDigit(_ value: UInt8) -> UInt8 { value < 10 ? 0x30 + value : 0x37 + value }
}
