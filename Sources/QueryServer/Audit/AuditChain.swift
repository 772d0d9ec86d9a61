import Foundation
import StudyIndex

/// A chain being verified, batch by batch, whether it comes from a file or from the database.
package struct AuditChain: Sendable {
    package private(set) var batches = 0
    package private(set) var records = 0
    /// The chain that it says it continues, with that one's last seal in hexadecimal.
    package private(set) var follows: (chain: String, hash: String)?
    private(set) var hash = [UInt8](repeating: 0, count: 32)

    package init() {}

    /// The last seal, in hexadecimal.
    package var seal: String { hex(hash) }

    /// - Returns: why the batch does not follow on the ones before; nil: it does.
    package mutating func take(_ batch: AuditBatch, sealed: Int) -> String? {
        guard batch.number == batches else { return "batch \(batches) is missing" }
        guard batch.records.count == sealed else {
            return "batch \(batch.number) has \(batch.records.count) records and was sealed with \(sealed)"
        }
        let expected = AuditBatch.hash(after: hash, batch.records)
        guard expected == batch.hash else {
            return "the records of batch \(batch.number) are not those that were sealed"
        }
        if batch.number == 0, let header = batch.records.first {
            let link = try? JSONDecoder().decode(Header.self, from: Data(header.utf8))
            follows = link.flatMap { link in link.follows.flatMap { name in link.after.map { (name, $0) } } }
        } else {
            records += batch.records.count
        }
        hash = expected
        batches += 1
        return nil
    }

    private struct Header: Decodable {
        var follows: String?
        var after: String?
    }
}

/// A spool's file as it is read while another process may still write it.
struct AuditFile: Sendable {
    let chain: String
    let path: String

    static func all(in directory: String) -> [AuditFile] {
        let names = (try? FileManager.default.contentsOfDirectory(atPath: directory)) ?? []
        return names.filter { $0.hasSuffix(".audit") }.sorted().map {
            AuditFile(chain: String($0.dropLast(6)), path: "\(directory)/\($0)")
        }
    }

    /// The sealed batches from an offset on, with where they end in the file; and how many bytes lie behind the last seal.
    func batches(from offset: Int, upTo most: Int) throws -> (batches: [(AuditBatch, sealed: Int, end: Int)], rest: Int)
    {
        guard let file = FileHandle(forReadingAtPath: path) else { throw AuditError("\(path) cannot be read") }
        defer { try? file.close() }
        try file.seek(toOffset: UInt64(offset))
        let bytes = [UInt8](try file.read(upToCount: most) ?? Data())
        var batches: [(AuditBatch, Int, Int)] = []
        var records: [String] = []
        var (start, end) = (0, 0)
        while let newline = bytes[start...].firstIndex(of: 0x0A) {
            let line = bytes[start..<newline]
            start = newline + 1
            guard line.starts(with: Self.sealStart) else {
                records.append(String(decoding: line, as: UTF8.self))
                continue
            }
            guard let seal = try? JSONDecoder().decode(Seal.self, from: Data(line)) else {
                throw AuditError("\(path) has a seal that cannot be read")
            }
            batches.append(
                (
                    AuditBatch(number: seal.seal, records: records, hash: Self.bytes(seal.hash)), seal.records,
                    offset + start
                ))
            records = []
            end = start
        }
        return (batches, bytes.count - end)
    }

    /// Takes the file over where its process has ended, or has gone on to another. nil: it is being written, or taken.
    func takeOver() -> AbandonedAuditFile? { AbandonedAuditFile(path: path) }

    private static let sealStart = Array("{\"seal\":".utf8)
    private struct Seal: Decodable {
        var seal: Int64
        var records: Int
        var hash: String
    }

    private static func bytes(_ hex: String) -> [UInt8] {
        let digits = Array(hex.utf8)
        return stride(from: 0, to: digits.count - 1, by: 2).compactMap {
            UInt8(String(decoding: digits[$0...$0 + 1], as: UTF8.self), radix: 16)
        }
    }
}

/// A file that nobody writes any more, and that is this process's as long as this lives.
final class AbandonedAuditFile {
    private let descriptor: Int32

    fileprivate init?(path: String) {
        descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0, flock(descriptor, LOCK_EX | LOCK_NB) == 0 else { return nil }
    }

    deinit { if descriptor >= 0 { close(descriptor) } }
}
