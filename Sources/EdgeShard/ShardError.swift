/// What is wrong with a shard, or with how one was to be published or fetched. Says what and what to do next; names shards,
/// generations, hashes and lengths, never what is in them.
package struct ShardError: Error, Sendable, Hashable, CustomStringConvertible {
    package enum Code: String, Sendable, CaseIterable {
        /// A file, an object or a manifest that is not what the format says.
        case malformed
        /// Of a later version of the format.
        case formatTooNew
        case badSignature
        /// Signed by a key that is not among those trusted.
        case unknownKey
        case wrongShard
        case expired
        /// Made in the future, by this machine's clock.
        case notYet
        /// Older than what was accepted before.
        case rollback
        /// Another manifest of a generation that was accepted before, or a chain that does not lead to it.
        case equivocation
        case wrongHash
        /// Larger than its manifest says, or than anything may be.
        case tooLarge
        /// The object is not sealed for this site.
        case notForThisSite
        case cannotDecrypt
        case wrongContent
        case schemaDiffers
        /// The origin did not send what was asked for.
        case transfer
        case notFound
        case timeout
        case massDelete
        case notPublished
        case notReplicated
        /// Another process has it.
        case busy
        /// A search that was not ended in time (F149).
        case tooBroad
        case database
        case file
        case key
    }
    package let code: Code
    package let detail: String

    package init(_ code: Code, _ detail: String) {
        self.code = code
        self.detail = detail
    }

    package static func == (left: ShardError, right: ShardError) -> Bool { left.code == right.code }
    package func hash(into hasher: inout Hasher) { hasher.combine(code) }
    package var description: String { detail }
}
