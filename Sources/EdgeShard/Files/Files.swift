import CFiles
import Foundation

/// Files and directories as a power cut leaves them: whole or not there.
enum Files {
    static func error(_ what: String, _ path: String) -> ShardError {
        ShardError(.file, "\(path): cannot \(what): \(String(cString: strerror(errno)))")
    }

    /// Makes the directory, and those above it, for the owner alone where `isPrivate`.
    static func makeDirectory(_ path: String, isPrivate: Bool) throws {
        if mkdir(path, isPrivate ? 0o700 : 0o755) == 0 || errno == EEXIST { return }
        guard errno == ENOENT, let slash = path.lastIndex(of: "/"), slash > path.startIndex else {
            throw error("make a directory", path)
        }
        try makeDirectory(String(path[..<slash]), isPrivate: isPrivate)
        guard mkdir(path, isPrivate ? 0o700 : 0o755) == 0 || errno == EEXIST else {
            throw error("make a directory", path)
        }
    }

    /// Replaces a file: readers see the old bytes or the new ones, before and after a power cut.
    static func replace(_ path: String, with bytes: [UInt8]) throws {
        let temporary = path + ".new"
        let file = try OutputFile(temporary)
        try bytes.withUnsafeBytes(file.write)
        try file.sync()
        try rename(temporary, to: path)
    }

    /// And makes it last.
    static func rename(_ old: String, to new: String) throws {
        guard Foundation.rename(old, new) == 0 else { throw error("rename to \(new)", old) }
        try syncDirectory(parent(of: new))
    }

    static func syncDirectory(_ path: String) throws {
        let descriptor = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard descriptor >= 0 else { throw error("open", path) }
        defer { close(descriptor) }
        guard fsync(descriptor) == 0 else { throw error("flush", path) }
    }

    static func sync(_ path: String) throws {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { throw error("open", path) }
        defer { close(descriptor) }
        guard fsync(descriptor) == 0 else { throw error("flush", path) }
    }

    static func parent(of path: String) -> String {
        guard let slash = path.lastIndex(of: "/") else { return "." }
        return slash == path.startIndex ? "/" : String(path[..<slash])
    }

    /// Another file of the same name has another one; nil: it is not there.
    static func identity(_ path: String) -> UInt64? {
        var status = stat()
        return stat(path, &status) == 0 ? UInt64(status.st_ino) : nil
    }

    /// nil: it is not there.
    static func size(_ path: String) -> Int? {
        var status = stat()
        return stat(path, &status) == 0 ? Int(status.st_size) : nil
    }

    /// nil: it is not there, or larger than that.
    static func read(_ path: String, upTo limit: Int) -> [UInt8]? {
        guard let size = size(path), size <= limit, let file = try? InputFile(path) else { return nil }
        return try? file.read(at: 0, count: size)
    }

    static func names(in directory: String) -> [String] {
        ((try? FileManager.default.contentsOfDirectory(atPath: directory)) ?? []).sorted()
    }

    static func remove(_ path: String) { try? FileManager.default.removeItem(atPath: path) }

    /// Of all of its bytes.
    static func digest(_ path: String) throws -> Digest {
        let input = try InputFile(path)
        let hasher = SHA256Hasher()
        for position in stride(from: 0, to: input.size, by: 1 << 20) {
            hasher.update(try input.read(at: position, count: min(1 << 20, input.size - position)))
        }
        return hasher.finish()
    }

    /// A copy that shares the original's blocks where the file system can.
    static func copy(_ path: String, to copy: String) throws {
        let input = try InputFile(path)
        let output = try OutputFile(copy)
        guard concord_share_blocks(output.descriptor, input.descriptor) != 0 else { return }
        for position in stride(from: 0, to: input.size, by: 1 << 20) {
            try input.read(at: position, count: min(1 << 20, input.size - position)).withUnsafeBytes(output.write)
        }
    }
}

final class OutputFile {
    let descriptor: Int32
    private let path: String

    /// A new file, or with `appending` one that may be there.
    init(_ path: String, appending: Bool = false) throws {
        self.path = path
        descriptor = open(path, O_WRONLY | O_CREAT | O_CLOEXEC | (appending ? O_APPEND : O_TRUNC), 0o600)
        guard descriptor >= 0 else { throw Files.error("write", path) }
    }

    deinit { close(descriptor) }

    func write(_ bytes: UnsafeRawBufferPointer) throws {
        var rest = bytes[...]
        while !rest.isEmpty {
            let slice = UnsafeRawBufferPointer(rebasing: rest)
            let count = Foundation.write(descriptor, slice.baseAddress, slice.count)
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { throw Files.error("write", path) }
            rest = rest.dropFirst(count)
        }
    }

    func truncate(to size: Int) throws {
        guard ftruncate(descriptor, off_t(size)) == 0 else { throw Files.error("shorten", path) }
    }

    func sync() throws {
        guard fsync(descriptor) == 0 else { throw Files.error("flush", path) }
    }

    func allowReading() throws {
        guard fchmod(descriptor, 0o644) == 0 else { throw Files.error("open to readers", path) }
    }
}

final class InputFile {
    let descriptor: Int32
    let size: Int
    private let path: String

    init(_ path: String) throws {
        self.path = path
        descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { throw Files.error("read", path) }
        var status = stat()
        guard fstat(descriptor, &status) == 0 else { throw Files.error("read", path) }
        size = Int(status.st_size)
    }

    deinit { close(descriptor) }

    /// All of these bytes; fewer are an error.
    func read(at offset: Int, count: Int) throws -> [UInt8] {
        try [UInt8](unsafeUninitializedCapacity: count) { buffer, filled in
            while filled < count {
                let read = pread(
                    descriptor, buffer.baseAddress.map { $0 + filled }, count - filled, off_t(offset + filled))
                if read < 0, errno == EINTR { continue }
                guard read > 0 else { throw Files.error("read", path) }
                filled += read
            }
        }
    }
}

/// Held by one process at a time, and let go with it, however it ends.
final class FileLock: Sendable {
    private let descriptor: Int32

    init(_ path: String, whoElse: String) throws {
        descriptor = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else { throw Files.error("lock", path) }
        guard flock(descriptor, LOCK_EX | LOCK_NB) == 0 else {
            throw ShardError(.busy, "\(whoElse) is at work here already (\(path)); wait for it to end")
        }
    }

    deinit { close(descriptor) }
}
