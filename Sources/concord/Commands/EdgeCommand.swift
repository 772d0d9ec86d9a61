import ArgumentParser
import EdgeShard
import Foundation

struct EdgeCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "edge", abstract: "An edge site's replica of its shards.", subcommands: [Sync.self, Verify.self])

    struct Sync: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "sync", abstract: "Bring the replica to the newest generation that is published.",
            discussion: """
                It may be interrupted at any moment and goes on where it was. Nothing is installed before all of it was \
                verified; whatever fails leaves the generation that is served as it is. Exit 1 where a shard is not at the \
                newest generation.
                """)

        @OptionGroup var global: GlobalOptions
        @Argument(help: "A job with a `sync` step, instead of the options.") var job: String?
        @Option(help: "Where shards are published: http://…, https://… or a directory.") var from: String?
        @Option(help: "The replica's directory.") var to: String?
        @Option(help: "Bytes a second at most (default: as fast as the link is).") var bytesPerSecond: Int?

        func validate() throws {
            if job == nil, from == nil || to == nil { throw ValidationError("--from and --to are needed, or a job") }
            if let bytesPerSecond, bytesPerSecond < 1_000 {
                throw ValidationError("--bytes-per-second takes 1000 or more")
            }
        }

        func run() async throws {
            let configuration = try global.configuration()
            let site = try configuration.replicaOrError().identity()
            var isWhole = true
            for step in try steps() {
                guard case .sync(let from, let to, let rate) = step else { continue }
                isWhole = try await sync(site, from: from, to: to, bytesPerSecond: rate) && isWhole
            }
            if !isWhole { throw ExitCode(1) }
        }

        private func steps() throws -> [JobConfiguration.Step] {
            if let job { return try JobConfiguration.load(job).steps }
            return [.sync(from: from ?? "", to: to ?? "", bytesPerSecond: bytesPerSecond)]
        }

        private func sync(
            _ site: SiteIdentity, from: String, to: String, bytesPerSecond: Int?
        ) async throws -> Bool {
            let origin: any ShardOrigin = from.contains("://") ? try HTTPOrigin(url: from) : DirectoryOrigin(from)
            let progress = SyncProgress()
            let sync = ReplicaSync(
                site: site, replica: to, origin: origin, bytesPerSecond: bytesPerSecond,
                clock: Int(Date().timeIntervalSince1970), report: progress.note)
            do {
                let isWhole = try await sync.run()
                await origin.close()
                return isWhole
            } catch {
                await origin.close()
                throw error
            }
        }
    }

    struct Verify: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "verify",
            abstract: "Check every row of a replica against what its publisher has signed.",
            discussion: "Exit 1 where something is wrong.")

        @OptionGroup var global: GlobalOptions
        @Argument(help: "The replica's directory.") var directory: String

        func run() async throws {
            let replica = try global.configuration().replicaOrError()
            let now = Int(Date().timeIntervalSince1970)
            var isRight = true
            for found in try ReplicaVerification.of(directory, trusting: try replica.trustedKeys()) {
                if let error = found.error {
                    isRight = false
                    Terminal.complain("\(error)")
                } else if let manifest = found.manifest {
                    let age = found.expires > now ? "" : "; stale, nothing newer was published or fetched"
                    print(
                        "\(found.shard): generation \(manifest.generation), \(manifest.rows.studies) studies, as published\(age)"
                    )
                }
            }
            let atRest = AtRest(of: directory, isAccepted: replica.isAtRestAccepted)
            if let warning = atRest.warning { Terminal.complain(warning) }
            if !isRight { throw ExitCode(1) }
        }
    }
}

extension Configuration {
    func replicaOrError() throws -> ReplicaConfiguration {
        guard let replica else {
            throw ConfigurationError(
                file: file, line: nil, key: "replica", message: "is needed at an edge site: site, key, trust")
        }
        return replica
    }
}
