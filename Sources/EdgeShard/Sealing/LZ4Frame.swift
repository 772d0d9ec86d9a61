import CLZ4

/// LZ4 frames of independent 64 KiB blocks with a checksum over the content; any `lz4` reads them.
final class LZ4Compressor {
    /// High compression, for deltas: they cross the link, and are small.
    static let thorough: Int32 = 12
    /// For snapshots: a ninth of the time for 1 % more bytes.
    static let quick: Int32 = 3

    private var context: OpaquePointer?
    private var preferences = LZ4F_preferences_t()
    private var hasBegun = false

    init(level: Int32) throws {
        guard LZ4F_isError(LZ4F_createCompressionContext(&context, UInt32(LZ4F_VERSION))) == 0 else {
            throw ShardError(.malformed, "LZ4: no memory")
        }
        preferences.frameInfo.blockSizeID = LZ4F_max64KB
        preferences.frameInfo.blockMode = LZ4F_blockIndependent
        preferences.frameInfo.contentChecksumFlag = LZ4F_contentChecksumEnabled
        preferences.compressionLevel = level
    }

    deinit { LZ4F_freeCompressionContext(context) }

    /// The compressed bytes that are ready.
    func compress(_ bytes: UnsafeRawBufferPointer) throws -> [UInt8] {
        let room = LZ4F_compressBound(bytes.count, &preferences) + Int(LZ4F_HEADER_SIZE_MAX)
        return try output(room) { start, room in
            let header = try begin(start, room)
            let count = LZ4F_compressUpdate(context, start + header, room - header, bytes.baseAddress, bytes.count, nil)
            return header + (try Self.checked(count))
        }
    }

    func finish() throws -> [UInt8] {
        try output(LZ4F_compressBound(0, &preferences) + Int(LZ4F_HEADER_SIZE_MAX)) { start, room in
            let header = try begin(start, room)
            return header + (try Self.checked(LZ4F_compressEnd(context, start + header, room - header, nil)))
        }
    }

    private func begin(_ start: UnsafeMutableRawPointer, _ room: Int) throws -> Int {
        guard !hasBegun else { return 0 }
        hasBegun = true
        return try Self.checked(LZ4F_compressBegin(context, start, room, &preferences))
    }

    private func output(_ room: Int, _ body: (UnsafeMutableRawPointer, Int) throws -> Int) throws -> [UInt8] {
        try [UInt8](unsafeUninitializedCapacity: room) { buffer, count in
            count = try buffer.baseAddress.map { try body(UnsafeMutableRawPointer($0), room) } ?? 0
        }
    }

    fileprivate static func checked(_ result: Int) throws -> Int {
        guard LZ4F_isError(result) == 0 else {
            throw ShardError(.malformed, "LZ4: \(String(cString: LZ4F_getErrorName(result)))")
        }
        return result
    }
}

/// Reads one frame, as far as it is allowed to grow.
package final class LZ4Decompressor {
    private var context: OpaquePointer?
    private var left: Int
    private var hasEnded = false
    private var buffer = [UInt8](repeating: 0, count: 256 << 10)

    /// - Parameter size: of the content; a frame that holds more is a bomb, and one that holds less is cut.
    init(size: Int) throws {
        left = size
        guard LZ4F_isError(LZ4F_createDecompressionContext(&context, UInt32(LZ4F_VERSION))) == 0 else {
            throw ShardError(.malformed, "LZ4: no memory")
        }
    }

    deinit { LZ4F_freeDecompressionContext(context) }

    func decompress(_ bytes: [UInt8], _ write: (UnsafeRawBufferPointer) throws -> Void) throws {
        try bytes.withUnsafeBytes { input in
            var position = 0
            while position < input.count {
                guard !hasEnded else { throw ShardError(.malformed, "bytes after the end of an LZ4 frame") }
                var taken = input.count - position
                var made = buffer.count
                let hint = try LZ4Compressor.checked(
                    LZ4F_decompress(context, &buffer, &made, input.baseAddress.map { $0 + position }, &taken, nil))
                position += taken
                hasEnded = hint == 0
                try deliver(made, write)
            }
        }
    }

    private func deliver(_ count: Int, _ write: (UnsafeRawBufferPointer) throws -> Void) throws {
        guard count <= left else { throw ShardError(.tooLarge, "an object holds more than its manifest says") }
        left -= count
        try buffer.withUnsafeBytes { try write(UnsafeRawBufferPointer(rebasing: $0[..<count])) }
    }

    /// A file of one frame into another.
    package static func decompress(_ path: String, to output: String, size: Int) throws {
        let (input, output) = (try InputFile(path), try OutputFile(output))
        let decompressor = try LZ4Decompressor(size: size)
        for position in stride(from: 0, to: input.size, by: ChunkCipher.chunk) {
            let chunk = try input.read(at: position, count: min(ChunkCipher.chunk, input.size - position))
            try decompressor.decompress(chunk, output.write)
        }
        try decompressor.finish()
    }

    /// The frame is whole.
    func finish() throws {
        guard hasEnded, left == 0 else { throw ShardError(.malformed, "an LZ4 frame is cut short") }
    }
}
