extension StudyRecord {
    /// Decodes an answer's identifier straight into a record, in one pass over its bytes: the path of every sweep.
    ///
    /// Falls back to the other Little Endian syntax as `DataSet` does (F90).
    package init(
        decoding bytes: [UInt8], as syntax: TransferSyntax, defaultCharacterSet: SpecificCharacterSet = .default
    ) throws(DICOMError) {
        guard bytes.count <= DataSetLimits.scu.bytes else {
            throw DICOMError(.limitExceeded, "\(bytes.count) bytes, \(DataSetLimits.scu.bytes) accepted")
        }
        self.init()
        do {
            try read(bytes, syntax, defaultCharacterSet)
        } catch {
            self.init()
            guard (try? read(bytes, syntax.other, defaultCharacterSet)) != nil else { throw error }
        }
    }

    private mutating func read(
        _ bytes: [UInt8], _ syntax: TransferSyntax, _ defaultCharacterSet: SpecificCharacterSet
    ) throws(DICOMError) {
        try bytes.withUnsafeBufferPointer { (buffer) throws(DICOMError) in
            var characterSet = defaultCharacterSet
            var reader = ElementReader(buffer, syntax, in: 0..<buffer.count)
            var elements = 0
            let places = Self.places
            var next = 0
            while let header = try reader.next() {
                elements += 1
                guard elements <= DataSetLimits.scu.elements else {
                    throw DICOMError(.limitExceeded, "too many elements")
                }
                try reader.skip(header, depth: DataSetLimits.scu.depth)
                guard let length = header.length else { continue }
                let value = UnsafeRawBufferPointer(
                    rebasing: UnsafeRawBufferPointer(buffer)[header.start..<header.start + length])
                if header.tag == .specificCharacterSet {
                    let text = SpecificCharacterSet.default.decode(value, vr: .CS).text
                    if !text.isEmpty { characterSet = SpecificCharacterSet(text, fallback: defaultCharacterSet) }
                    continue
                }
                // Both ascend; where an answer does not, the search starts again.
                let number = header.tag.number
                if next > 0, places[next - 1].tag >= number { next = 0 }
                while next < places.count, places[next].tag < number { next += 1 }
                guard next < places.count, places[next].tag == number else { continue }
                let decoded = characterSet.decode(value, vr: places[next].vr)
                if let ordinal = places[next].ordinal {
                    set(ordinal, decoded, tag: header.tag)
                } else {
                    institutionName = decoded.text
                }
            }
        }
    }

    private mutating func set(_ ordinal: Int, _ decoded: DecodedText, tag: Tag) {
        texts[ordinal] = decoded.text.trimmingLeadingSpaces()
        if decoded.lossy { lossy.append(tag) }
    }

    private struct Place {
        var tag: UInt32
        /// nil: of InstitutionName, which is no text among the others.
        var ordinal: Int?
        var vr: VR
    }

    private static let places =
        (AttributeDictionary.observation.map { Place(tag: $0.tag.number, ordinal: $0.ordinal, vr: $0.vr) }
        + [Place(tag: Tag.institutionName.number, ordinal: nil, vr: .LO)]).sorted { $0.tag < $1.tag }
}
