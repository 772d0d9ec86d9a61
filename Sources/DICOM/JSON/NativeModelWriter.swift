/// Writes matches as documents of the Native DICOM Model (PS3.19 §A.1), as bytes: the other form of QIDO-RS answers (F140).
package enum NativeModelWriter {
    package static func document(_ attributes: MatchAttributes) -> [UInt8] {
        var output = Array(
            #"""
            <?xml version="1.0" encoding="UTF-8"?>
            <NativeDicomModel xmlns="http://dicom.nema.org/PS3.19/models/NativeDICOM" xml:space="preserve">
            """#.utf8)
        attributes.each { attribute, text in
            output +=
                #"<DicomAttribute tag="\#(attribute.tag.hex)" vr="\#(attribute.vr.name)" keyword="\#(attribute.keyword)""#
                .utf8
            guard !text.isEmpty else { return output += "/>".utf8 }
            output += ">".utf8
            let values =
                attribute.vr.isMultiValued ? text.split(separator: "\\", omittingEmptySubsequences: false) : [text[...]]
            for (position, value) in values.enumerated() {
                append(String(value).trimmingSpaces(), attribute.vr, number: position + 1, to: &output)
            }
            output += "</DicomAttribute>".utf8
        }
        output += "</NativeDicomModel>".utf8
        return output
    }

    /// An empty value is told by the number of the next; empty ones at the end are not told.
    private static func append(_ value: String, _ vr: VR, number: Int, to output: inout [UInt8]) {
        guard !value.isEmpty else { return }
        guard vr == .PN else {
            element("Value", #" number="\#(number)""#, to: &output) { escape(value, to: &$0) }
            return
        }
        let name = PersonName(value)
        element("PersonName", #" number="\#(number)""#, to: &output) { output in
            for (tag, group) in [
                ("Alphabetic", name.alphabetic), ("Ideographic", name.ideographic), ("Phonetic", name.phonetic),
            ] where !group.isEmpty {
                element(tag, to: &output) { output in
                    // By bytes: as a `Character`, `^` would merge with a combining mark after it.
                    let parts = group.utf8.split(separator: 0x5E, maxSplits: 4, omittingEmptySubsequences: false)
                    for (component, part) in zip(components, parts) where !part.isEmpty {
                        element(component, to: &output) { escape(String(Substring(part)), to: &$0) }
                    }
                }
            }
        }
    }

    /// Of a person's name, in the order of PS3.5 §6.2.
    private static let components = ["FamilyName", "GivenName", "MiddleName", "NamePrefix", "NameSuffix"]

    private static func element(
        _ name: String, _ attributes: String = "", to output: inout [UInt8], _ content: (inout [UInt8]) -> Void
    ) {
        output += "<\(name)\(attributes)>".utf8
        content(&output)
        output += "</\(name)>".utf8
    }

    /// XML 1.0 has no way to write most control characters: they become U+FFFD.
    private static func escape(_ text: String, to output: inout [UInt8]) {
        for scalar in text.unicodeScalars {
            switch scalar {
            case "<": output += "&lt;".utf8
            case ">": output += "&gt;".utf8
            case "&": output += "&amp;".utf8
            case "\t", "\n", "\r": output += "&#\(scalar.value);".utf8
            case "\u{0}"..<" ", "\u{FFFE}", "\u{FFFF}": output += "\u{FFFD}".utf8
            default: output += String(scalar).utf8
            }
        }
    }
}
