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
        raw(tag.hex)
        raw("\":{\"vr\":\"")
        raw(vr.name)
        raw("\"")
    }

    private mutating func member(_ tag: Tag, _ vr: VR, text: String, _ isFirst: inout Bool) {
        begin(tag, vr, &isFirst)
        if !text.isEmpty {
            raw(",\"Value\":[")
            let values = vr.isMultiValued ? text.split(separator: "\\", omittingEmptySubsequences: false) : [text[...]]
            for (position, value) in values.enumerated() {
                if position > 0 { raw(",") }
                self.value(String(value).trimmingSpaces(), vr)
            }
            raw("]")
        }
        raw("}")
    }

    private mutating func value(_ text: String, _ vr: VR) {
        if text.isEmpty {
            raw("null")
        } else if vr == .PN {
            name(PersonName(text))
        } else if vr == .IS, let number = Int(lenient: text) {
            raw(String(number))
        } else {
            string(text)
        }
    }

    private mutating func name(_ name: PersonName) {
        raw("{")
        var isFirst = true
        for (key, group) in [
            ("Alphabetic", name.alphabetic), ("Ideographic", name.ideographic), ("Phonetic", name.phonetic),
        ] where !group.isEmpty {
            raw(isFirst ? "\"" : ",\"")
            isFirst = false
            raw(key)
            raw("\":")
            string(group)
        }
        raw("}")
    }

    private mutating func raw(_ text: String) { output.append(contentsOf: text.utf8) }

    private mutating func string(_ text: String) {
        output.append(0x22)
        for byte in text.utf8 {
            switch byte {
            case 0x22, 0x5C:
                output.append(0x5C)
                output.append(byte)
            case 0x00..<0x20, 0x7F:
                raw("\\u00")
                output.append(Self.hexDigit(byte >> 4))
                output.append(Self.hexDigit(byte & 15))
            default: output.append(byte)
            }
        }
        output.append(0x22)
    }

    private static func hexDigit(_ value: UInt8) -> UInt8 { value < 10 ? 0x30 + value : 0x57 + value }
}
