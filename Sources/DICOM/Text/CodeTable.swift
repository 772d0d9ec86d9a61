import Glibc

/// Every character of one coded character set, asked of iconv once per process.
///
/// iconv's descriptors must not be shared between threads and an `iconv_open` per value costs more than the value;
/// an immutable table needs neither a lock nor a descriptor. A code that the set does not assign holds 0.
package final class CodeTable: Sendable {
    /// By index: single-byte sets 0…127 for bytes 0x80…0xFF; 94 × 94 sets by row and cell; GB by `twoByteIndex`.
    let scalars: [UInt32]
    /// GB18030's four-byte codes of the basic plane, by `fourByteIndex`; empty for the other sets.
    let fourByteScalars: [UInt32]
    /// Scalar to index; four-byte codes come after the `scalars`.
    private let indexes: [UInt32: UInt32]

    static let gbTrailCount = 191
    static let fourByteBasicPlaneCount = 39_420
    static let fourByteSupplementaryStart = 189_000

    private init(scalars: [UInt32], fourByteScalars: [UInt32] = []) {
        self.scalars = scalars
        self.fourByteScalars = fourByteScalars
        var indexes = [UInt32: UInt32](minimumCapacity: scalars.count + fourByteScalars.count)
        // Backwards, so that of two codes for one character the lower one is written.
        for (index, scalar) in (scalars + fourByteScalars).enumerated().reversed() where scalar != 0 {
            indexes[scalar] = UInt32(index)
        }
        self.indexes = indexes
    }

    /// The index of the code for `scalar`, nil where the set has none.
    func index(of scalar: Unicode.Scalar) -> Int? {
        indexes[scalar.value].map(Int.init)
    }

    /// The table of `set`; ASCII and UTF-8 need none and answer an empty one.
    static func of(_ set: CodedCharacterSet) -> CodeTable {
        switch set {
        case .ascii, .utf8: empty
        case .latin1: latin1
        case .latin2: latin2
        case .latin3: latin3
        case .latin4: latin4
        case .latin5: latin5
        case .latin9: latin9
        case .cyrillic: cyrillic
        case .arabic: arabic
        case .greek: greek
        case .hebrew: hebrew
        case .thai: thai
        case .jisX0201: jisX0201
        case .jisX0208: jisX0208
        case .jisX0212: jisX0212
        case .ksX1001: ksX1001
        case .gb2312: gb2312
        case .gb18030: gb18030
        case .gbk: gbk
        }
    }

    private static let empty = CodeTable(scalars: [])
    private static let latin1 = singleByte(.latin1)
    private static let latin2 = singleByte(.latin2)
    private static let latin3 = singleByte(.latin3)
    private static let latin4 = singleByte(.latin4)
    private static let latin5 = singleByte(.latin5)
    private static let latin9 = singleByte(.latin9)
    private static let cyrillic = singleByte(.cyrillic)
    private static let arabic = singleByte(.arabic)
    private static let greek = singleByte(.greek)
    private static let hebrew = singleByte(.hebrew)
    private static let thai = singleByte(.thai)
    private static let jisX0201 = singleByte(.jisX0201, prefix: [0x8E])
    private static let jisX0208 = doubleByte(.jisX0208)
    private static let jisX0212 = doubleByte(.jisX0212, prefix: [0x8F])
    private static let ksX1001 = doubleByte(.ksX1001)
    private static let gb2312 = doubleByte(.gb2312)
    private static let gbk = CodeTable(scalars: gbTwoByteScalars(.gbk))
    private static let gb18030 = CodeTable(
        scalars: gbTwoByteScalars(.gb18030),
        fourByteScalars: Transcoder.scalars(of: .gb18030, count: fourByteBasicPlaneCount) { fourByteCode($0) })

    private static func singleByte(_ set: CodedCharacterSet, prefix: [UInt8] = []) -> CodeTable {
        CodeTable(scalars: Transcoder.scalars(of: set, count: 128) { prefix + [UInt8(0x80 + $0)] })
    }

    private static func doubleByte(_ set: CodedCharacterSet, prefix: [UInt8] = []) -> CodeTable {
        CodeTable(
            scalars: Transcoder.scalars(of: set, count: 94 * 94) {
                prefix + [UInt8(0xA1 + $0 / 94), UInt8(0xA1 + $0 % 94)]
            })
    }

    private static func gbTwoByteScalars(_ set: CodedCharacterSet) -> [UInt32] {
        Transcoder.scalars(of: set, count: 126 * gbTrailCount) { twoByteCode($0) }
    }

    /// GBK's and GB18030's two-byte codes: lead 0x81…0xFE, trail 0x40…0xFE.
    static func twoByteCode(_ index: Int) -> [UInt8] {
        [UInt8(0x81 + index / gbTrailCount), UInt8(0x40 + index % gbTrailCount)]
    }

    /// GB18030's four-byte codes in their linear order, from 81 30 81 30.
    static func fourByteCode(_ index: Int) -> [UInt8] {
        [
            UInt8(0x81 + index / 12_600), UInt8(0x30 + index / 1_260 % 10), UInt8(0x81 + index / 10 % 126),
            UInt8(0x30 + index % 10),
        ]
    }
}

/// iconv, one short-lived descriptor for each table.
private enum Transcoder {
    /// The scalar of each code; 0 where iconv refuses it, needs more bytes, or gives several characters.
    static func scalars(
        of set: CodedCharacterSet, count: Int, code: (Int) -> [UInt8]
    ) -> [UInt32] {
        var scalars = [UInt32](repeating: 0, count: count)
        let descriptor = iconv_open("UTF-32LE", set.iconvName)
        guard let descriptor, Int(bitPattern: descriptor) != -1 else { return scalars }
        defer { iconv_close(descriptor) }
        for index in 0..<count {
            scalars[index] = scalar(of: code(index), descriptor) ?? 0
        }
        return scalars
    }

    private static func scalar(of code: [UInt8], _ descriptor: iconv_t) -> UInt32? {
        var input = code.map { CChar(bitPattern: $0) }
        var output = [CChar](repeating: 0, count: 16)
        var inputLeft = input.count
        var outputLeft = output.count
        iconv(descriptor, nil, nil, nil, nil)
        let converted = input.withUnsafeMutableBufferPointer { input in
            output.withUnsafeMutableBufferPointer { output in
                var inputStart = input.baseAddress
                var outputStart = output.baseAddress
                return iconv(descriptor, &inputStart, &inputLeft, &outputStart, &outputLeft)
            }
        }
        guard converted == 0, inputLeft == 0, outputLeft == 12 else { return nil }
        let value = output[0..<4].reversed().reduce(UInt32(0)) { $0 << 8 | UInt32(UInt8(bitPattern: $1)) }
        // Unassigned GB codes go to the private use area, which no name is written in.
        return (0xE000...0xF8FF).contains(value) ? nil : value
    }
}
