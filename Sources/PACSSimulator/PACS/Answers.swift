import Synchronization

/// The encoded answers of one source, each made once per shape of question, so that the simulator answers at the speed
/// of the wire.
final class Answers: Sendable {
    /// What a question wants back, and how it is written.
    struct Shape: Hashable, Sendable {
        let requested: Set<UInt32>
        let level: String
        let isExplicit: Bool
    }

    private let copies: [StudyCopy]
    private let profile: SourceProfile
    private let cache = Mutex<[Shape: [[UInt8]?]]>([:])
    /// Sweeps ask in one or two shapes; more than this are not worth their memory.
    private static let shapesKept = 4

    init(_ copies: [StudyCopy], profile: SourceProfile) {
        self.copies = copies
        self.profile = profile
    }

    func encoded(_ positions: ArraySlice<Int>, _ shape: Shape) -> [[UInt8]] {
        cache.withLock { cache in
            if cache[shape] == nil {
                if cache.count >= Self.shapesKept { cache.removeAll() }
                cache[shape] = Array(repeating: nil, count: copies.count)
            }
            return positions.map { position in
                if let known = cache[shape]?[position] { return known }
                let bytes = encode(copies[position], shape)
                cache[shape]?[position] = bytes
                return bytes
            }
        }
    }

    private func encode(_ copy: StudyCopy, _ shape: Shape) -> [UInt8] {
        var encoding = profile.encoding(for: copy.script)
        // A source that keeps each study's own set declares none where ASCII is enough.
        if profile.temper.text == .asStored, Self.isASCII(copy.values) { encoding = .ascii }
        var isDeclared = true
        if case .undeclared = profile.temper.text { isDeclared = false }
        return IdentifierEncoder(isExplicit: shape.isExplicit).encode(
            copy.values, requested: shape.requested, level: shape.level, encoding: encoding, isDeclared: isDeclared)
    }

    private static func isASCII(_ values: AttributeValues) -> Bool {
        Attribute.allCases.allSatisfy { values[$0]?.utf8.allSatisfy { $0 < 0x80 } != false }
    }
}
