/// The distinct values of a table, each once, in one array of bytes: values are numbers, and equal numbers are equal values.
struct Lexicon {
    private(set) var bytes: [UInt8] = []
    private(set) var starts: [Int32] = [0]
    /// For each value the letters and digits that occur in it, one bit each: most comparisons need to look no further.
    private(set) var letters: [UInt64] = []
    private var numbers: [String: Int32] = [:]

    var count: Int { letters.count }

    /// The number of a value, which is entered where it is new; -1 for "".
    mutating func number(of value: String) -> Int32 {
        if value.isEmpty { return -1 }
        if let known = numbers[value] { return known }
        let number = Int32(letters.count)
        numbers[value] = number
        bytes.append(contentsOf: value.utf8)
        starts.append(Int32(bytes.count))
        letters.append(value.utf8.reduce(0) { $0 | 1 << UInt64($1 & 0x3F) })
        return number
    }

    func withBytes<T>(_ one: Int32, _ other: Int32, _ body: (Similarity.Bytes, Similarity.Bytes) -> T) -> T {
        bytes.withUnsafeBufferPointer { all in
            body(
                Similarity.Bytes(rebasing: all[Int(starts[Int(one)])..<Int(starts[Int(one) + 1])]),
                Similarity.Bytes(rebasing: all[Int(starts[Int(other)])..<Int(starts[Int(other) + 1])]))
        }
    }

    subscript(number: Int32) -> ArraySlice<UInt8> {
        bytes[Int(starts[Int(number)])..<Int(starts[Int(number) + 1])]
    }

    func text(_ number: Int32) -> String { String(decoding: self[number], as: UTF8.self) }
}
