/// An object on its way out: compressed, then encrypted in chunks, then hashed as a whole and by the MiB.
final class ObjectSealer {
    private let output: (UnsafeRawBufferPointer) throws -> Void
    private let compressor: LZ4Compressor
    private let cipher: ChunkCipher
    private let key: [UInt8]
    private let whole = SHA256Hasher()
    private var pieces = PieceHasher()
    private var pending: [UInt8] = []
    private var contentLength = 0
    private var length = 0

    /// - Parameter key: of nothing else; nil: a new one.
    init(level: Int32, key: [UInt8]? = nil, to output: @escaping (UnsafeRawBufferPointer) throws -> Void) throws {
        self.output = output
        compressor = try LZ4Compressor(level: level)
        let key = try key ?? randomBytes(ChunkCipher.keySize)
        self.key = key
        cipher = try ChunkCipher(key: key, isSealing: true)
    }

    func write(_ bytes: UnsafeRawBufferPointer) throws {
        contentLength += bytes.count
        pending += try compressor.compress(bytes)
        var start = pending.startIndex
        // The last chunk is told apart, so that a chunk is kept until more comes.
        while pending.endIndex - start > ChunkCipher.chunk {
            try emit(try cipher.seal(pending[start..<start + ChunkCipher.chunk], isLast: false))
            start += ChunkCipher.chunk
        }
        pending.removeFirst(start)
    }

    func finish() throws -> SealedObject {
        pending += try compressor.finish()
        var rest = pending[...]
        while rest.count > ChunkCipher.chunk {
            try emit(try cipher.seal(rest.prefix(ChunkCipher.chunk), isLast: false))
            rest = rest.dropFirst(ChunkCipher.chunk)
        }
        try emit(try cipher.seal(rest, isLast: true))
        return SealedObject(
            digest: whole.finish(), length: length, contentLength: contentLength, pieces: pieces.finish(), key: key)
    }

    private func emit(_ sealed: [UInt8]) throws {
        length += sealed.count
        try sealed.withUnsafeBytes { bytes in
            whole.update(bytes)
            pieces.update(bytes)
            try output(bytes)
        }
    }
}

struct SealedObject {
    /// Of the sealed bytes: the object's name.
    let digest: Digest
    let length: Int
    let contentLength: Int
    let pieces: [Digest]
    let key: [UInt8]
}

/// Digests of each MiB.
struct PieceHasher {
    static let size = 1 << 20
    private let hasher = SHA256Hasher()
    private var room = size
    private var pieces: [Digest] = []

    mutating func update(_ bytes: UnsafeRawBufferPointer) {
        var rest = bytes[...]
        while !rest.isEmpty {
            let part = rest.prefix(room)
            hasher.update(UnsafeRawBufferPointer(rebasing: part))
            room -= part.count
            rest = rest.dropFirst(part.count)
            if room == 0 { end() }
        }
    }

    private mutating func end() {
        pieces.append(hasher.finish())
        room = Self.size
    }

    mutating func finish() -> [Digest] {
        if room < Self.size { end() }
        return pieces
    }
}

/// What a site needs to fetch and open an object: the digests of its pieces, and its key for each site that may have it. An
/// object of its own, named by its digest in the manifest; it is made anew when sites come or go.
struct Envelope: Sendable, Equatable {
    static let magic = Array("CCENVLP1".utf8)
    static let mostSites = 4_096
    /// 16 GiB.
    static let mostPieces = 16_384
    static let mostBytes = 64 + mostPieces * Digest.count + 36 + mostSites * 64
    private static let wrappedSize = ChunkCipher.keySize + ChunkCipher.tag

    let object: Digest
    let length: Int
    let contentLength: Int
    let pieces: [Digest]
    let ephemeral: [UInt8]
    let keys: [(fingerprint: [UInt8], wrapped: [UInt8])]

    init(_ object: SealedObject, shard: String, generation: Int, sites: [SitePublicKey]) throws {
        let context = WrappingContext(shard: shard, generation: generation, object: object.digest)
        let (ephemeral, wrapped) = try context.wrap(object.key, for: sites)
        self.object = object.digest
        length = object.length
        contentLength = object.contentLength
        pieces = object.pieces
        self.ephemeral = ephemeral
        keys = zip(sites, wrapped).map { ($0.fingerprint, $1) }
    }

    /// The object's key, where it is sealed for this site.
    func open(with site: SiteKey, shard: String, generation: Int) throws -> [UInt8] {
        let fingerprint = site.publicKey.fingerprint
        guard let entry = keys.first(where: { $0.fingerprint == fingerprint }) else {
            throw ShardError(
                .notForThisSite,
                "shard \(shard) is not published for this site: is its public key under edge.sites at the publisher?")
        }
        let context = WrappingContext(shard: shard, generation: generation, object: object)
        return try context.unwrap(entry.wrapped, ephemeral: ephemeral, with: site)
    }

    // MARK: Bytes (FORMAT.md, Envelopes)

    var bytes: [UInt8] {
        var bytes = Self.magic + object.bytes
        for number in [length, contentLength] { bytes.append(bigEndian: UInt64(number)) }
        bytes.append(bigEndian: UInt32(pieces.count))
        for piece in pieces { bytes += piece.bytes }
        bytes += ephemeral
        bytes.append(bigEndian: UInt32(keys.count))
        for key in keys { bytes += key.fingerprint + key.wrapped }
        return bytes
    }

    init(bytes: [UInt8]) throws {
        var reader = ByteReader(bytes)
        guard reader.take(8) == Self.magic, let object = reader.take(32).flatMap({ Digest($0) }),
            let length = reader.integer(UInt64.self), let contentLength = reader.integer(UInt64.self),
            let pieceCount = reader.integer(UInt32.self), length <= Self.mostPieces << 20, contentLength <= 1 << 40,
            pieceCount == (length + (1 << 20) - 1) >> 20,
            let pieces = reader.all(pieceCount, { $0.take(32).flatMap { Digest($0) } }),
            let ephemeral = reader.take(32), let siteCount = reader.integer(UInt32.self), siteCount <= Self.mostSites,
            let keys = reader.all(
                siteCount,
                { reader -> (fingerprint: [UInt8], wrapped: [UInt8])? in
                    guard let fingerprint = reader.take(16), let wrapped = reader.take(Self.wrappedSize) else {
                        return nil
                    }
                    return (fingerprint, wrapped)
                }), reader.isAtEnd
        else { throw ShardError(.malformed, "an envelope that is not one of format \(ShardSchema.format)") }
        self.object = object
        self.length = length
        self.contentLength = contentLength
        self.pieces = pieces
        self.ephemeral = ephemeral
        self.keys = keys
    }

    static func == (left: Envelope, right: Envelope) -> Bool { left.bytes == right.bytes }
}

/// Opens an object whose digest was found right: each chunk is authenticated before it is decompressed.
enum ObjectOpener {
    static func open(
        _ path: String, length: Int, contentLength: Int, key: [UInt8], _ write: (UnsafeRawBufferPointer) throws -> Void
    ) throws {
        let file = try InputFile(path)
        guard file.size == length else {
            throw ShardError(.wrongHash, "an object of another length than its manifest says")
        }
        try open(length: length, contentLength: contentLength, key: key, read: file.read, write)
    }

    /// - Parameter read: so many bytes of what was sealed, from an offset on.
    static func open(
        length: Int, contentLength: Int, key: [UInt8], read: (Int, Int) throws -> [UInt8],
        _ write: (UnsafeRawBufferPointer) throws -> Void
    ) throws {
        let cipher = try ChunkCipher(key: key, isSealing: false)
        let decompressor = try LZ4Decompressor(size: contentLength)
        var position = 0
        repeat {
            let count = min(ChunkCipher.chunk + ChunkCipher.tag, length - position)
            let sealed = try read(position, count)
            position += count
            try decompressor.decompress(try cipher.open(sealed[...], isLast: position == length), write)
        } while position < length
        try decompressor.finish()
    }
}

/// Reads numbers and bytes in order; nil where there are not enough.
struct ByteReader {
    private let bytes: [UInt8]
    private var position = 0

    init(_ bytes: [UInt8]) { self.bytes = bytes }

    var isAtEnd: Bool { position == bytes.count }

    mutating func take(_ count: Int) -> [UInt8]? {
        guard count >= 0, count <= bytes.count - position else { return nil }
        defer { position += count }
        return Array(bytes[position..<position + count])
    }

    mutating func integer<T: FixedWidthInteger & UnsignedInteger>(_ type: T.Type) -> Int? {
        guard let bytes = take(MemoryLayout<T>.size) else { return nil }
        return Int(exactly: bytes.reduce(T(0)) { $0 << 8 | T($1) })
    }

    mutating func all<T>(_ count: Int, _ read: (inout ByteReader) -> T?) -> [T]? {
        var values: [T] = []
        for _ in 0..<count {
            guard let value = read(&self) else { return nil }
            values.append(value)
        }
        return values
    }
}

extension [UInt8] {
    mutating func append(bigEndian value: some FixedWidthInteger) {
        Swift.withUnsafeBytes(of: value.bigEndian) { append(contentsOf: $0) }
    }
}
