/// A set of data elements in ascending order of their tags (PS3.5 §7.1): read leniently, written strictly (F78).
package struct DataSet: Sendable {
    package private(set) var elements: [DataElement] = []
    /// From (0008,0005), or the default given when decoding.
    package private(set) var characterSet: SpecificCharacterSet
    package private(set) var leniencies = Leniencies()

    /// An empty data set whose text will be written in `characterSet`. Setting (0008,0005) changes it.
    package init(characterSet: SpecificCharacterSet = .utf8) {
        self.characterSet = characterSet
    }

    package subscript(tag: Tag) -> DataElement? {
        guard let position = position(of: tag) else { return nil }
        return elements[position]
    }

    private func position(of tag: Tag) -> Int? {
        let position = insertionPoint(of: tag)
        return position < elements.count && elements[position].tag == tag ? position : nil
    }

    private func insertionPoint(of tag: Tag) -> Int {
        var (low, high) = (0, elements.count)
        while low < high {
            let middle = (low + high) / 2
            if elements[middle].tag < tag { low = middle + 1 } else { high = middle }
        }
        return low
    }

    private mutating func put(_ element: DataElement) {
        let position = insertionPoint(of: element.tag)
        if position < elements.count, elements[position].tag == element.tag {
            elements[position] = element
        } else {
            elements.insert(element, at: position)
        }
    }

    // MARK: Reading values

    /// The whole value as text, trimmed, several values still joined by `\`. nil: absent; "": present and empty.
    package func text(_ tag: Tag) -> String? {
        guard let element = self[tag], case .bytes(let bytes) = element.content else { return nil }
        return characterSet.decode(bytes, vr: element.vr.isText ? element.vr : .LO).text
    }

    /// The single values, trimmed; empty when absent or empty.
    package func texts(_ tag: Tag) -> [String] {
        guard let text = text(tag), !text.isEmpty else { return [] }
        return text.split(separator: "\\", omittingEmptySubsequences: false).map { String($0).trimmingSpaces() }
    }

    /// As IS, tolerantly (F43).
    package func integer(_ tag: Tag) -> Int? { text(tag).flatMap { Int(lenient: $0) } }

    package func items(_ tag: Tag) -> [DataSet]? {
        guard case .items(let items) = self[tag]?.content else { return nil }
        return items
    }

    // MARK: Writing values

    /// Sets text, with the dictionary's VR, in the data set's character set; what that cannot write is written in its
    /// stead as `?`, as archives do. Several values are joined by `\`.
    package mutating func set(_ tag: Tag, _ value: String) {
        let vr = AttributeDictionary.attribute(tag)?.vr ?? .LO
        if tag == .specificCharacterSet { characterSet = SpecificCharacterSet(value) }
        setBytes(tag, vr: vr, characterSet.encodeReplacing(value, vr: vr))
    }

    package mutating func setEmpty(_ tag: Tag) {
        setBytes(tag, vr: AttributeDictionary.vr(of: tag), [])
    }

    package mutating func setBytes(_ tag: Tag, vr: VR, _ bytes: [UInt8]) {
        put(DataElement(tag: tag, vr: vr, content: .bytes(bytes[...])))
    }

    package mutating func set(_ tag: Tag, items: [DataSet]) {
        put(DataElement(tag: tag, vr: .SQ, content: .items(items)))
    }

    package mutating func remove(_ tag: Tag) {
        if let position = position(of: tag) { elements.remove(at: position) }
    }
}

// MARK: - Decoding

extension DataSet {
    /// Decodes an identifier. Values keep slices of `bytes`; nothing is copied. When the bytes are no data set in
    /// `syntax`, the other Little Endian syntax is tried once (F90).
    package init(
        decoding bytes: [UInt8], as syntax: TransferSyntax, defaultCharacterSet: SpecificCharacterSet = .default,
        limits: DataSetLimits = .scu
    ) throws(DICOMError) {
        guard bytes.count <= limits.bytes else {
            throw DICOMError(.limitExceeded, "\(bytes.count) bytes, \(limits.bytes) accepted")
        }
        do {
            self = try Self.decode(bytes, syntax, defaultCharacterSet, limits)
        } catch  where error.code != .limitExceeded {
            guard var other = try? Self.decode(bytes, syntax.other, defaultCharacterSet, limits) else { throw error }
            other.leniencies.otherSyntax = true
            self = other
        }
    }

    private static func decode(
        _ bytes: [UInt8], _ syntax: TransferSyntax, _ characterSet: SpecificCharacterSet, _ limits: DataSetLimits
    ) throws(DICOMError) -> DataSet {
        var budget = limits.elements
        return try bytes.withUnsafeBufferPointer { (buffer) throws(DICOMError) in
            var reader = ElementReader(buffer, syntax, in: 0..<buffer.count)
            var dataSet = DataSet(characterSet: characterSet)
            try dataSet.read(&reader, bytes, syntax, depth: limits.depth, budget: &budget)
            return dataSet
        }
    }

    private mutating func read(
        _ reader: inout ElementReader, _ bytes: [UInt8], _ syntax: TransferSyntax, depth: Int, budget: inout Int
    ) throws(DICOMError) {
        while let header = try reader.next() {
            if header.tag == ElementReader.itemDelimitation { return }
            budget -= 1
            guard budget >= 0 else { throw DICOMError(.limitExceeded, "too many elements") }
            guard header.tag.group != 0xFFFE else {
                throw DICOMError(.malformed, tag: header.tag, "a delimiter outside a sequence")
            }
            let vr = header.vr
            let isSequence = vr == .SQ || (header.length == nil && vr == .UN)
            guard isSequence else {
                guard let length = header.length else {
                    throw DICOMError(.malformed, tag: header.tag, "undefined length outside a sequence")
                }
                reader.position = header.start + length
                if header.tag.element == 0 {
                    leniencies.groupLengths += 1
                    continue
                }
                if length % 2 == 1 { leniencies.oddLengths += 1 }
                append(
                    DataElement(
                        tag: header.tag, vr: vr, content: .bytes(bytes[header.start..<header.start + length])))
                continue
            }
            let items = try readItems(&reader, header, bytes, syntax, depth: depth - 1, budget: &budget)
            append(DataElement(tag: header.tag, vr: .SQ, content: .items(items)))
        }
    }

    private mutating func append(_ element: DataElement) {
        if let last = elements.last, element.tag <= last.tag {
            leniencies.disorder += 1
            put(element)
        } else {
            elements.append(element)
        }
        if element.tag == .specificCharacterSet, case .bytes(let value) = element.content {
            let text = SpecificCharacterSet.default.decode(value, vr: .CS).text
            if !text.isEmpty { characterSet = SpecificCharacterSet(text, fallback: characterSet) }
        }
    }

    private func readItems(
        _ reader: inout ElementReader, _ sequence: ElementReader.Header, _ bytes: [UInt8], _ syntax: TransferSyntax,
        depth: Int, budget: inout Int
    ) throws(DICOMError) -> [DataSet] {
        guard depth > 0 else { throw DICOMError(.limitExceeded, tag: sequence.tag, "sequences nested too deeply") }
        let end = sequence.length.map { sequence.start + $0 }
        var items: [DataSet] = []
        while reader.position < (end ?? reader.end) {
            guard let header = try reader.next() else { break }
            if header.tag == ElementReader.sequenceDelimitation, end == nil { return items }
            guard header.tag == ElementReader.item else {
                throw DICOMError(.malformed, tag: header.tag, "expected an item")
            }
            budget -= 1
            guard budget >= 0 else { throw DICOMError(.limitExceeded, "too many elements") }
            var item = DataSet(characterSet: characterSet)
            if let length = header.length {
                var inner = ElementReader(reader.bytes, syntax, in: header.start..<header.start + length)
                try item.read(&inner, bytes, syntax, depth: depth, budget: &budget)
                reader.position = header.start + length
            } else {
                try item.read(&reader, bytes, syntax, depth: depth, budget: &budget)
            }
            items.append(item)
        }
        guard let end else { throw DICOMError(.truncated, tag: sequence.tag, "sequence without an end") }
        reader.position = end
        return items
    }
}

// MARK: - Encoding

extension DataSet {
    /// The bytes of this data set: ascending tags, even lengths, sequences of defined length. VR length limits are not
    /// applied: query identifiers may exceed them (PS3.4 §C.2.2.2, F25).
    package func encoded(as syntax: TransferSyntax) throws(DICOMError) -> [UInt8] {
        var output: [UInt8] = []
        output.reserveCapacity(elements.count * 24)
        for element in elements { try Self.write(element, syntax, to: &output) }
        return output
    }

    private static func write(
        _ element: DataElement, _ syntax: TransferSyntax, to output: inout [UInt8]
    ) throws(DICOMError) {
        var value: [UInt8] = []
        switch element.content {
        case .bytes(let bytes):
            value.reserveCapacity(bytes.count + 1)
            value.append(contentsOf: bytes)
            if value.count % 2 == 1 { value.append(element.vr.padding) }
        case .items(let items):
            for item in items {
                let content = try item.encoded(as: syntax)
                append(ElementReader.item, to: &value)
                append(UInt32(content.count), to: &value)
                value.append(contentsOf: content)
            }
        }
        append(element.tag, to: &output)
        if syntax == .explicitVRLittleEndian {
            output.append(UInt8(element.vr.rawValue >> 8))
            output.append(UInt8(element.vr.rawValue & 0xFF))
            if element.vr.hasLongLength {
                output.append(0)
                output.append(0)
                append(UInt32(value.count), to: &output)
            } else {
                guard let length = UInt16(exactly: value.count) else {
                    throw DICOMError(.limitExceeded, tag: element.tag, "\(value.count) bytes do not fit this VR")
                }
                output.append(UInt8(length & 0xFF))
                output.append(UInt8(length >> 8))
            }
        } else {
            append(UInt32(value.count), to: &output)
        }
        output.append(contentsOf: value)
    }

    private static func append(_ tag: Tag, to output: inout [UInt8]) {
        for half in [tag.group, tag.element] {
            output.append(UInt8(half & 0xFF))
            output.append(UInt8(half >> 8))
        }
    }

    private static func append(_ number: UInt32, to output: inout [UInt8]) {
        for shift in [0, 8, 16, 24] as [UInt32] { output.append(UInt8(number >> shift & 0xFF)) }
    }
}
