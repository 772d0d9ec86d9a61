import ArgumentParser
import CLZ4
import EdgeShard
import Foundation

/// What other ways to bring a site from one generation's file to the next would send.
struct Shipping {
    /// Every changed 4 KiB page, compressed by itself with LZ4, as Litestream's LTX files hold them.
    let pages: Int
    /// Sent and received by `rsync -z`.
    let rsync: Int

    init(from old: String, to new: String) throws {
        pages = try Self.pages(from: old, to: new)
        rsync = try Self.rsync(from: old, to: new)
    }

    private static let pageSize = 4_096

    private static func pages(from old: String, to new: String) throws -> Int {
        let (before, after) = (try map(old), try map(new))
        var bytes = 0
        for start in stride(from: 0, to: after.count, by: pageSize) {
            let page = after[start..<min(after.count, start + pageSize)]
            guard start + page.count > before.count || before[start..<start + page.count] != page else { continue }
            bytes += try page.withUnsafeBytes(compressedSize)
        }
        return bytes
    }

    private static func compressedSize(_ page: UnsafeRawBufferPointer) throws -> Int {
        let most = LZ4_compressBound(Int32(page.count))
        return try withUnsafeTemporaryAllocation(byteCount: Int(most), alignment: 1) { output in
            let size = LZ4_compress_default(
                page.baseAddress?.assumingMemoryBound(to: CChar.self),
                output.baseAddress?.assumingMemoryBound(to: CChar.self), Int32(page.count), most)
            guard size > 0 else { throw ValidationError("LZ4 cannot compress a page") }
            return Int(size)
        }
    }

    private static func map(_ path: String) throws -> Data {
        try Data(contentsOf: URL(fileURLWithPath: path), options: .alwaysMapped)
    }

    private static func rsync(from old: String, to new: String) throws -> Int {
        let (copy, said) = (new + ".rsync", new + ".rsync.txt")
        defer { for each in [copy, said] { try? FileManager.default.removeItem(atPath: each) } }
        try FileManager.default.copyItem(atPath: old, toPath: copy)
        // Between two directories of one machine it would send the file whole without being told.
        _ = try ProcessUsage.ofRunning(
            "/usr/bin/rsync", ["-z", "--no-whole-file", "--inplace", "--ignore-times", "--stats", new, copy],
            output: said)
        let text = try String(contentsOfFile: said, encoding: .utf8)
        return try ["Total bytes sent:", "Total bytes received:"].reduce(0) { bytes, label in
            guard let rest = text.range(of: label).map({ text[$0.upperBound...] }),
                let number = Int(rest.prefix { $0 != "\n" }.filter(\.isNumber))
            else { throw ValidationError("rsync said: \(text)") }
            return bytes + number
        }
    }
}
