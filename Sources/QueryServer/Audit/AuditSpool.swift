import Foundation
import StudyIndex
import Synchronization

/// The local part of the audit trail: files below `data_dir/audit` that are only appended to.
///
/// Records that arrive together are written as one batch with its seal, and are on disk when `append` returns: an answer
/// waits for it. Each file is a chain; a seal is SHA-256 over the seal before and the batch's records, so that no record
/// can be changed, taken out or put in. What is not sealed at the end of a file was never answered: a killed process was
/// writing it.
package final class AuditSpool: Sendable {
    private let directory: String
    private let queue = RecordQueue()
    private let thread = DispatchGroup()
    private let current: CurrentChain

    /// - Parameter chainSize: in bytes; a longer file is followed by another.
    package init(directory: String, chainSize: Int = 64 << 20) throws {
        self.directory = directory
        try FileManager.default.createDirectory(
            atPath: directory, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
        let first = try AuditChainWriter(directory: directory, follows: nil)
        current = CurrentChain(first.chain)
        thread.enter()
        Thread.detachNewThread { [queue, thread, current] in
            Thread.current.name = "audit"
            Self.write(queue, to: first, in: directory, chainSize) { chain in current.name.withLock { $0 = chain } }
            thread.leave()
        }
    }

    /// The chain that is being written.
    var chain: String { current.name.withLock { $0 } }

    private final class CurrentChain: Sendable {
        let name: Mutex<String>
        init(_ name: String) { self.name = Mutex(name) }
    }

    /// Returns when the record is on disk.
    package func append(_ record: AuditRecord) async throws {
        let line = record.line(at: AuditTime.text(AuditTime.now()))
        try await withCheckedThrowingContinuation { (continuation: CheckedContinuation<Void, any Error>) in
            if !queue.add((line, continuation)) {
                continuation.resume(throwing: AuditError("the audit trail was closed"))
            }
        }
    }

    /// Lets what was appended be written.
    package func close() async {
        queue.close()
        await withCheckedContinuation { continuation in
            thread.notify(queue: .global()) { continuation.resume() }
        }
    }

    /// After a batch of `siblings`, as many again are awaited, no more than `enough` and for seconds no more than `delay`: where
    /// many ask, more of them share a wait for the disk (PostgreSQL's `commit_siblings` and `commit_delay`).
    private static let (siblings, enough, delay) = (4, 16, 0.001)

    private static func write(
        _ queue: RecordQueue, to first: AuditChainWriter, in directory: String, _ chainSize: Int,
        _ onChain: (String) -> Void
    ) {
        var chain: AuditChainWriter? = first
        var awaited = 1
        while let entries = queue.next(awaited, within: delay) {
            let result = Result {
                // After an error a chain is not trusted any more, and another one begins.
                let writer = try chain ?? AuditChainWriter(directory: directory, follows: nil)
                chain = nil
                try writer.append(entries.map(\.line))
                chain =
                    writer.size < chainSize
                    ? writer : try AuditChainWriter(directory: directory, follows: (writer.chain, writer.hash))
            }
            onChain(chain?.chain ?? "")
            for entry in entries { entry.continuation.resume(with: result) }
            awaited = entries.count < siblings ? 1 : min(entries.count, enough)
        }
    }
}

/// Why the trail could not be written or read; without patient data.
package struct AuditError: Error, CustomStringConvertible {
    package let description: String

    init(_ description: String) { self.description = description }
}

/// One file while it is written, by the thread of its spool alone.
private final class AuditChainWriter: @unchecked Sendable {
    let chain: String
    private(set) var hash: [UInt8]
    private(set) var size = 0
    private let descriptor: Int32
    private var batches: Int64 = 0

    /// - Parameter follows: the chain that this one continues, and its last seal.
    init(directory: String, follows: (chain: String, hash: [UInt8])?) throws {
        let started = AuditTime.text(AuditTime.now())
        guard let random = randomBytes(4) else {
            throw AuditError("the system's libcrypto has no random bytes to give")
        }
        chain = started.filter { $0.isNumber } + "-\(getpid())-" + hex(random)
        // Named when it is locked and has begun: nobody takes it for one that was left.
        let (path, new) = ("\(directory)/\(chain).audit", "\(directory)/\(chain).new")
        descriptor = open(new, O_WRONLY | O_CREAT | O_EXCL | O_APPEND | O_CLOEXEC, 0o600)
        hash = [UInt8](repeating: 0, count: 32)
        guard descriptor >= 0 else { throw AuditError("a file in \(directory) cannot be made: \(Self.reason)") }
        // Held as long as this process lives: whoever else gets it knows that the chain has ended.
        guard flock(descriptor, LOCK_EX | LOCK_NB) == 0 else { throw AuditError("\(chain) is taken: \(Self.reason)") }
        let link = follows.map { ",\"follows\":\"\($0.chain)\",\"after\":\"\(hex($0.hash))\"" } ?? ""
        try append(["{\"time\":\"\(started)\",\"chain\":\"\(chain)\"\(link)}"])
        guard rename(new, path) == 0 else { throw AuditError("\(path) cannot be made: \(Self.reason)") }
        try Self.synchronize(directory: directory)
    }

    deinit { Glibc.close(descriptor) }

    func append(_ records: [String]) throws {
        let next = AuditBatch.hash(after: hash, records)
        var text = records.joined(separator: "\n")
        text += "\n{\"seal\":\(batches),\"records\":\(records.count),\"hash\":\"\(hex(next))\"}\n"
        try text.withUTF8 { bytes in
            var rest = UnsafeRawBufferPointer(bytes)
            while !rest.isEmpty {
                let written = Glibc.write(descriptor, rest.baseAddress, rest.count)
                guard written > 0 else {
                    if errno == EINTR { continue }
                    throw AuditError("\(chain) cannot be written: \(Self.reason)")
                }
                rest = UnsafeRawBufferPointer(rebasing: rest[written...])
            }
            size += bytes.count
        }
        guard fdatasync(descriptor) == 0 else { throw AuditError("\(chain) cannot be kept: \(Self.reason)") }
        hash = next
        batches += 1
    }

    /// The file's name is on disk, too.
    private static func synchronize(directory: String) throws {
        let descriptor = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        defer { Glibc.close(descriptor) }
        guard descriptor >= 0, fsync(descriptor) == 0 else {
            throw AuditError("\(directory) cannot be kept: \(reason)")
        }
    }

    private static var reason: String { String(cString: strerror(errno)) }
}

/// Records waiting for the disk: all that wait become one batch.
private final class RecordQueue: @unchecked Sendable {
    typealias Entry = (line: String, continuation: CheckedContinuation<Void, any Error>)
    // Guarded by `condition`.
    private let condition = NSCondition()
    private var waiting: [Entry] = []
    /// Of how many the writer is told.
    private var awaited = 1
    private var isClosed = false

    func add(_ entry: Entry) -> Bool {
        condition.lock()
        defer { condition.unlock() }
        guard !isClosed else { return false }
        waiting.append(entry)
        if waiting.count >= awaited { condition.signal() }
        return true
    }

    /// As many as are awaited, or those that came within some seconds, or the first; nil: closed, and nothing is left.
    func next(_ awaited: Int, within delay: TimeInterval) -> [Entry]? {
        condition.lock()
        defer { condition.unlock() }
        if awaited > waiting.count, !isClosed {
            self.awaited = awaited
            let end = Date(timeIntervalSinceNow: delay)
            while waiting.count < awaited, !isClosed, condition.wait(until: end) {}
            self.awaited = 1
        }
        while waiting.isEmpty {
            if isClosed { return nil }
            condition.wait()
        }
        defer { waiting = [] }
        return waiting
    }

    func close() {
        condition.lock()
        isClosed = true
        condition.broadcast()
        condition.unlock()
    }
}
