/// Walks the elements of one data set or item, without copying or building anything.
struct ElementReader {
    struct Header {
        var tag: Tag
        /// Only Explicit VR writes it.
        var writtenVR: VR?
        /// nil: undefined length, to be ended by a delimitation item.
        var length: Int?
        var start: Int

        /// Looked up where it is not written: most readers of an answer never ask.
        var vr: VR { writtenVR ?? AttributeDictionary.vr(of: tag) }
    }

    static let item = Tag(0xFFFE, 0xE000)
    static let itemDelimitation = Tag(0xFFFE, 0xE00D)
    static let sequenceDelimitation = Tag(0xFFFE, 0xE0DD)

    let bytes: UnsafeBufferPointer<UInt8>
    let isExplicit: Bool
    var position: Int
    let end: Int

    init(_ bytes: UnsafeBufferPointer<UInt8>, _ syntax: TransferSyntax, in range: Range<Int>) {
        self.bytes = bytes
        isExplicit = syntax == .explicitVRLittleEndian
        position = range.lowerBound
        end = range.upperBound
    }

    /// The next element's header, with `position` at its value; nil at the end. The value of a defined length is
    /// checked to lie within the range.
    mutating func next() throws(DICOMError) -> Header? {
        guard position < end else { return nil }
        guard end - position >= 8 else { throw DICOMError(.truncated, "\(end - position) bytes left over") }
        let tag = Tag(uint16(position), uint16(position + 2))
        var writtenVR: VR?
        var length = UInt32(0)
        if isExplicit, tag.group != 0xFFFE {
            guard let vr = VR(rawValue: uint16(position + 4).byteSwapped) else {
                throw DICOMError(.malformed, tag: tag, "no such VR")
            }
            writtenVR = vr
            if vr.hasLongLength {
                guard end - position >= 12 else { throw DICOMError(.truncated, tag: tag, "no length") }
                length = uint32(position + 8)
                position += 12
            } else {
                length = UInt32(uint16(position + 6))
                position += 8
            }
        } else {
            length = uint32(position + 4)
            position += 8
        }
        guard length != 0xFFFF_FFFF else { return Header(tag: tag, writtenVR: writtenVR, length: nil, start: position) }
        guard Int(length) <= end - position else {
            throw DICOMError(.truncated, tag: tag, "\(length) bytes announced, \(end - position) there")
        }
        return Header(tag: tag, writtenVR: writtenVR, length: Int(length), start: position)
    }

    /// Moves past the value of `header`.
    mutating func skip(_ header: Header, depth: Int) throws(DICOMError) {
        if let length = header.length {
            position = header.start + length
            return
        }
        try skipUndefined(depth: depth)
    }

    /// Moves past items and their delimiters up to the sequence's end.
    private mutating func skipUndefined(depth: Int) throws(DICOMError) {
        guard depth > 0 else { throw DICOMError(.limitExceeded, "sequences nested too deeply") }
        while let item = try next() {
            if item.tag == Self.sequenceDelimitation { return }
            guard item.tag == Self.item else { throw DICOMError(.malformed, tag: item.tag, "expected an item") }
            if let length = item.length {
                position = item.start + length
            } else {
                while let element = try next(), element.tag != Self.itemDelimitation {
                    try skip(element, depth: depth - 1)
                }
            }
        }
        throw DICOMError(.truncated, "sequence without an end")
    }

    func uint16(_ offset: Int) -> UInt16 { UInt16(bytes[offset]) | UInt16(bytes[offset + 1]) << 8 }

    func uint32(_ offset: Int) -> UInt32 { UInt32(uint16(offset)) | UInt32(uint16(offset + 2)) << 16 }
}
