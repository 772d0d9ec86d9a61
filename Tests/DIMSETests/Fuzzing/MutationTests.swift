import Foundation
import Testing

@testable import DIMSE

/// 200,000 inputs, mutated from what real peers have sent (`scripts/lib/record_seeds.py`); the same ones in every run.
@Suite struct MutationTests {
    private static let seeds = Certificates.repository.appending(path: "Tests/Fuzzing/Seeds")

    private static func seeds(_ kind: RoundTrip) throws -> [[UInt8]] {
        let directory = seeds.appending(path: kind.rawValue)
        return try FileManager.default.contentsOfDirectory(atPath: directory.path).sorted().map {
            [UInt8](try Data(contentsOf: directory.appending(path: $0)))
        }
    }

    @Test(arguments: RoundTrip.allCases)
    func whatRealPeersSendReadsBackAsItWasWritten(_ kind: RoundTrip) throws {
        let seeds = try Self.seeds(kind)
        #expect(seeds.count >= 10)
        for seed in seeds { try kind.check(seed) }
    }

    @Test(arguments: [(RoundTrip.pdu, 20_000, 11 as UInt64), (.command, 90_000, 12), (.dataset, 90_000, 13)])
    func mutationsOfItDoToo(_ kind: RoundTrip, _ count: Int, _ seed: UInt64) throws {
        var mutator = Mutator(seeds: try Self.seeds(kind), state: seed)
        for number in 0..<count {
            let bytes = mutator.next()
            do { try kind.check(bytes) } catch {
                Issue.record("input \(number): \(error): \(Data(bytes).base64EncodedString())")
                return
            }
        }
    }
}

/// Small changes of known inputs: bits, interesting bytes, lengths, parts moved, doubled, cut and spliced.
struct Mutator {
    private let seeds: [[UInt8]]
    private var random: SeededGenerator

    init(seeds: [[UInt8]], state: UInt64) {
        self.seeds = seeds
        random = SeededGenerator(state: state)
    }

    mutating func next() -> [UInt8] {
        guard var bytes = seeds.randomElement(using: &random) else { return [] }
        for _ in 0..<Int.random(in: 1...4, using: &random) { mutate(&bytes) }
        return bytes
    }

    private mutating func mutate(_ bytes: inout [UInt8]) {
        guard !bytes.isEmpty else { return bytes = [.random(in: 0...255, using: &random)] }
        let index = Int.random(in: 0..<bytes.count, using: &random)
        let end = min(bytes.count, index + Int.random(in: 1...24, using: &random))
        switch Int.random(in: 0..<8, using: &random) {
        case 0: bytes[index] ^= 1 << UInt8.random(in: 0..<8, using: &random)
        case 1: bytes[index] = [0, 1, 2, 0x7F, 0x80, 0xFE, 0xFF].randomElement(using: &random) ?? 0
        case 2: bytes[index] = .random(in: 0...255, using: &random)
        case 3: for position in index..<min(bytes.count, index + 4) { bytes[position] = 0xFF }
        case 4: bytes.removeSubrange(index..<end)
        case 5: bytes.insert(contentsOf: bytes[index..<end], at: index)
        case 6: bytes.removeSubrange(index...)
        default:
            guard let other = seeds.randomElement(using: &random), !other.isEmpty else { return }
            bytes.replaceSubrange(index..., with: other[Int.random(in: 0..<other.count, using: &random)...])
        }
    }
}
