/// Which sets the two halves of the code table hold: G0 below 0x80, G1 above (PS3.5 §6.1.2.5).
struct Designation: Equatable {
    var g0: CodedCharacterSet
    var g1: CodedCharacterSet?

    /// What text starts in, and returns to at each delimiter.
    init(initial: CodedCharacterSet) {
        g0 = initial == .jisX0201 ? .jisX0201 : .ascii
        g1 = initial.g1Designation == nil ? nil : initial
    }

    /// Reads the escape sequence after an ESC at `start`; its length, or nil where it is not one of DICOM's.
    mutating func apply(_ bytes: UnsafeRawBufferPointer, after start: Int) -> Int? {
        func byte(_ offset: Int) -> UInt8? { start + offset < bytes.count ? bytes[start + offset] : nil }
        switch (byte(0), byte(1), byte(2)) {
        case (0x28, 0x42, _): g0 = .ascii
        case (0x28, 0x4A, _): g0 = .jisX0201
        case (0x29, 0x49, _): g1 = .jisX0201
        // 04/00 is JIS C 6226-1978, the same but for a few glyphs.
        case (0x24, 0x42, _), (0x24, 0x40, _): g0 = .jisX0208
        case (0x24, 0x28, 0x42):
            g0 = .jisX0208
            return 3
        case (0x24, 0x28, 0x44):
            g0 = .jisX0212
            return 3
        case (0x24, 0x29, 0x43):
            g1 = .ksX1001
            return 3
        case (0x24, 0x29, 0x41):
            g1 = .gb2312
            return 3
        case (0x2D, let final?, _):
            guard let set = Self.g1Sets[final] else { return nil }
            g1 = set
        default: return nil
        }
        return 2
    }

    private static let g1Sets: [UInt8: CodedCharacterSet] = Dictionary(
        CodedCharacterSet.allCases.compactMap { set in
            guard let code = set.g1Designation, code.first == 0x2D, let final = code.last else { return nil }
            return (final, set)
        }, uniquingKeysWith: { first, _ in first })
}

extension VR {
    /// Whether the sets go back to those of value 1 before `byte` (F63, PS3.5 §6.1.2.5.3).
    func resetsDesignation(at byte: UInt8) -> Bool {
        switch byte {
        case 0x5C: !keepsBackslash
        case 0x5E, 0x3D: self == .PN
        default: byte < 0x20 && byte != 0x1B
        }
    }
}

extension SpecificCharacterSet {
    /// Decodes single-byte sets and ISO 2022 code extensions.
    func decodeCodeExtensions(_ bytes: UnsafeRawBufferPointer, vr: VR) -> DecodedText {
        var reader = CodeExtensionReader(set: self, vr: vr, bytes: bytes)
        let text = String(unsafeUninitializedCapacity: bytes.count * 3) { buffer in
            var sink = UTF8Sink(buffer)
            reader.read(into: &sink)
            return sink.count
        }
        return DecodedText(text: text, lossy: reader.lossy, suspect: reader.suspect)
    }
}

/// The state machine over one value.
private struct CodeExtensionReader {
    let set: SpecificCharacterSet
    let vr: VR
    let bytes: UnsafeRawBufferPointer
    var position = 0
    var designation: Designation
    /// The tables of `designation`, looked up when it changes.
    var g0Table: CodeTable
    var g1Table: CodeTable
    var lossy = false
    var suspect = false

    init(set: SpecificCharacterSet, vr: VR, bytes: UnsafeRawBufferPointer) {
        self.set = set
        self.vr = vr
        self.bytes = bytes
        designation = Designation(initial: set.initial)
        g0Table = CodeTable.of(designation.g0)
        g1Table = CodeTable.of(designation.g1 ?? .ascii)
    }

    mutating func read(into sink: inout UTF8Sink) {
        while position < bytes.count {
            let byte = bytes[position]
            if byte == 0x1B {
                readEscape(into: &sink)
            } else if byte < 0x20 {
                reset()
                emit(byte == 0 ? UTF8Sink.replacement : UInt32(byte), 1, into: &sink)
            } else if byte < 0x80 {
                readG0(byte, into: &sink)
            } else {
                readG1(byte, into: &sink)
            }
        }
    }

    private mutating func designate(_ new: Designation) {
        designation = new
        g0Table = CodeTable.of(new.g0)
        g1Table = CodeTable.of(new.g1 ?? .ascii)
    }

    private mutating func reset() {
        let start = Designation(initial: set.initial)
        if designation != start { designate(start) }
    }

    private mutating func emit(_ scalar: UInt32, _ length: Int, into sink: inout UTF8Sink) {
        if scalar == UTF8Sink.replacement { lossy = true }
        sink.append(scalar)
        position += length
    }

    private mutating func readEscape(into sink: inout UTF8Sink) {
        var new = designation
        guard let length = new.apply(bytes, after: position + 1) else {
            emit(UTF8Sink.replacement, 1, into: &sink)
            return
        }
        if !set.usesCodeExtensions { suspect = true }
        designate(new)
        position += 1 + length
    }

    private mutating func readG0(_ byte: UInt8, into sink: inout UTF8Sink) {
        if designation.g0.kind == .doubleByteG0, byte > 0x20, byte < 0x7F {
            readPair(byte, g0Table, trail: 0x21...0x7E, into: &sink)
        } else if vr.resetsDesignation(at: byte) {
            reset()
            emit(UInt32(byte), 1, into: &sink)
        } else if designation.g0 == .jisX0201, byte == 0x5C {
            emit(0xA5, 1, into: &sink)
        } else if designation.g0 == .jisX0201, byte == 0x7E {
            emit(0x203E, 1, into: &sink)
        } else {
            emit(UInt32(byte), 1, into: &sink)
        }
    }

    private mutating func readG1(_ byte: UInt8, into sink: inout UTF8Sink) {
        switch designation.g1?.kind {
        case .singleByte:
            let scalar = g1Table.scalars[Int(byte - 0x80)]
            emit(scalar == 0 ? UTF8Sink.replacement : scalar, 1, into: &sink)
        case .doubleByteG1:
            readPair(byte & 0x7F, g1Table, trail: 0xA1...0xFE, into: &sink)
        default:
            // High bytes with nothing designated: the declared G1 set if only the escape is missing, else Latin-1.
            suspect = true
            var new = designation
            new.g1 = set.extensions.first { $0.kind == .doubleByteG1 } ?? .latin1
            designate(new)
        }
    }

    /// `lead` with its high bit off; a broken pair costs its first byte only.
    private mutating func readPair(
        _ lead: UInt8, _ table: CodeTable, trail: ClosedRange<UInt8>, into sink: inout UTF8Sink
    ) {
        guard (0x21...0x7E).contains(lead), position + 1 < bytes.count, trail.contains(bytes[position + 1]) else {
            emit(UTF8Sink.replacement, 1, into: &sink)
            return
        }
        let scalar = table.scalars[Int(lead - 0x21) * 94 + Int(bytes[position + 1] & 0x7F) - 0x21]
        emit(scalar == 0 ? UTF8Sink.replacement : scalar, 2, into: &sink)
    }
}
