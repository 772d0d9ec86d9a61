import DICOM

/// What a generation of a shard consists of. Moments are seconds since 1970.
package struct Manifest: Sendable, Hashable, Codable {
    /// Raised when what is in the columns is derived differently.
    package var feature = ShardSchema.feature
    package var shard: String
    /// A publisher that has lost its state begins a new one.
    package var epoch: Int
    /// Never goes back, in any epoch.
    package var generation: Int
    /// Digest of the manifest before; nil: the first of its epoch.
    package var previous: Digest?
    package var created: Int
    package var expires: Int
    package var schema: Digest
    package var content: Digest
    package var rows: Rows
    /// The oldest study date in the scope, as YYYYMMDD; nil: of any age.
    package var since: String?
    package var basis: [Basis]
    package var snapshot: Snapshot
    /// The digests of this generation's buckets.
    package var buckets: Object?
    package var deltas: [Delta]
    package var keys: [Key]

    package struct Rows: Sendable, Hashable, Codable {
        package var studies: Int
        package var copies: Int
        package var tombstones: Int
    }

    /// What the index knew of a source then.
    package struct Basis: Sendable, Hashable, Codable {
        package var source: String
        /// The sweep that ended last.
        package var run: Int?
        /// When the longest unverified of its days were asked; nil: none ever was.
        package var verified: Int?
        /// Ranges of study dates that are not proven complete. Open ends are left out.
        package var holes: [Range]

        package struct Range: Sendable, Hashable, Codable {
            package var from: String?
            package var to: String?

            package init(from: String? = nil, to: String? = nil) {
                self.from = from
                self.to = to
            }
        }

        package init(source: String, run: Int? = nil, verified: Int? = nil, holes: [Range] = []) {
            self.source = source
            self.run = run
            self.verified = verified
            self.holes = holes
        }
    }

    /// A sealed object and its envelope, by digest and length.
    package struct Object: Sendable, Hashable, Codable {
        package var digest: Digest
        package var length: Int
        /// Of what is in it.
        package var contentLength: Int
        package var envelope: Digest
        package var envelopeLength: Int

        enum CodingKeys: String, CodingKey {
            case digest, length, envelope
            case contentLength = "content_length"
            case envelopeLength = "envelope_length"
        }
    }

    package struct Snapshot: Sendable, Hashable, Codable {
        package var generation: Int
        package var object: Object
        /// The same rows by bucket, for sites that have lost some.
        package var rows: BucketRows?
    }

    /// One object that is read in parts, which the table lists.
    package struct BucketRows: Sendable, Hashable, Codable {
        package var digest: Digest
        package var length: Int
        package var table: Object
    }

    /// From an earlier generation to this one.
    package struct Delta: Sendable, Hashable, Codable {
        package var from: Int
        /// Digest of that generation's manifest.
        package var base: Digest
        /// nil: it would be larger than half of the snapshot.
        package var object: Object?
    }

    /// An API key that is good at the sites of this shard.
    package struct Key: Sendable, Hashable, Codable {
        package var id: String
        /// SHA-256 of the secret.
        package var hash: Digest
        package var scopes: [String]

        package init(id: String, hash: Digest, scopes: [String]) {
            self.id = id
            self.hash = hash
            self.scopes = scopes
        }
    }
}

extension Manifest {
    /// All that is fetched by its digest.
    var objects: [Digest] {
        let sealed = [snapshot.object, snapshot.rows?.table, buckets].compactMap { $0 } + deltas.compactMap(\.object)
        return sealed.flatMap { [$0.digest, $0.envelope] } + (snapshot.rows.map { [$0.digest] } ?? [])
    }
}

/// The newest generation: the one file that changes.
package struct Timestamp: Sendable, Hashable, Codable {
    package var shard: String
    package var epoch: Int
    package var generation: Int
    package var manifest: Digest
    package var created: Int
    package var expires: Int
}

/// The shards that a site subscribes to.
package struct Subscription: Sendable, Hashable, Codable {
    package var site: String
    package var shards: [String]
    package var created: Int
    package var expires: Int

    package init(site: String, shards: [String], created: Int, expires: Int) {
        self.site = site
        self.shards = shards
        self.created = created
        self.expires = expires
    }
}

/// Where things lie below the directory that is served.
package enum Layout {
    package static func object(_ digest: Digest) -> String { "objects/\(digest.hex)" }
    package static func manifest(_ shard: String, _ generation: Int) -> String { "\(shard)/manifest-\(generation)" }
    package static func timestamp(_ shard: String) -> String { "\(shard)/timestamp" }
    package static func subscription(_ site: String) -> String { "sites/\(site)" }

    /// Names become paths: lower-case letters, digits and hyphens, at most 64, and none of the layout's own.
    package static func isName(_ name: String) -> Bool {
        (1...64).contains(name.utf8.count) && name != "objects" && name != "sites"
            && name.utf8.allSatisfy { $0 == 0x2D || (0x30...0x39).contains($0) || (0x61...0x7A).contains($0) }
            && name.utf8.first != 0x2D
    }
}
