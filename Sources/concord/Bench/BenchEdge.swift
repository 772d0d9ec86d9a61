import ArgumentParser
import DICOM
import EdgeShard
import Foundation

/// Publishes a shard, changes it as a night does, brings a site to it, and asks the site.
struct BenchEdge: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "edge", abstract: "Bytes for each changed row, publishing, syncing, and lookups from a replica.")

    @Option(help: "Studies in the shard.") var studies = 1_000_000
    @Option(help: "Rows that a night changes.") var changes = 1_900
    @Option(help: "Lookups of each kind.") var lookups = 20_000
    @Option(help: "Who ask at once.") var clients = 32

    func run() async throws {
        let directory = FileManager.default.temporaryDirectory.appending(path: "concord-bench-\(UUID())").path
        defer { try? FileManager.default.removeItem(atPath: directory) }
        let bench = try EdgeWorkload(directory: directory, studies: studies, changes: changes)
        let build = try bench.timed { try bench.publish(whole: true) { write in try bench.eachStudy(write) } }
        let first = try await bench.sync()
        let snapshot = build.value.manifest.snapshot.object
        let night = try bench.timed { try bench.publish(whole: false) { write in try bench.eachChange(write) } }
        let before = try bench.pages(of: 1)
        let second = try await bench.sync()
        let pages = zip(before, try bench.pages(of: 2)).count { $0 != $1 }
        let rows = night.value.inserted + night.value.updated + night.value.deleted
        let bytes = night.value.deltaBytes ?? 0
        Terminal.write(
            TextTable(
                header: ["", ""],
                rows: [
                    ["studies", "\(studies)"], ["file MB", Self.megabytes(snapshot.contentLength)],
                    ["snapshot MB", Self.megabytes(snapshot.length)],
                    ["built and published s", Self.seconds(build.spent)],
                    ["new site s", Self.seconds(first)], ["rows changed", "\(rows)"], ["delta bytes", "\(bytes)"],
                    ["bytes for each changed row", String(format: "%.1f", Double(bytes) / Double(max(1, rows)))],
                    ["changed 4 KiB pages", "\(pages)"],
                    ["bytes of those for each changed row", "\(pages * 4_096 / max(1, rows))"],
                    ["night published s", Self.seconds(night.spent)], ["night synced s", Self.seconds(second)],
                ]
            ).rendered())
        try await measureLookups(bench)
    }

    private func measureLookups(_ bench: EdgeWorkload) async throws {
        let catalog = ReplicaCatalog(root: bench.replica, trust: bench.trust)
        var rows: [[String]] = []
        for (name, keyword, value) in bench.questions {
            guard let attribute = AttributeDictionary.attribute(keyword: keyword) else { continue }
            var times: [Duration] = []
            try await withThrowingTaskGroup(of: [Duration].self) { group in
                for client in 0..<clients {
                    group.addTask {
                        var times: [Duration] = []
                        for number in stride(from: client, to: lookups, by: clients) {
                            var query = StudyQuery()
                            query.limit = 100
                            query.keys = [try QueryKey(attribute, parsing: value(number))]
                            let start = ContinuousClock.now
                            _ = try await catalog.search(query, within: .unrestricted)
                            times.append(ContinuousClock.now - start)
                        }
                        return times
                    }
                }
                for try await part in group { times += part }
            }
            times.sort()
            guard !times.isEmpty else { continue }
            rows.append([
                name, Self.milliseconds(times[times.count / 2]), Self.milliseconds(times[times.count * 99 / 100]),
            ])
        }
        await catalog.stop()
        Terminal.write(TextTable(header: ["lookup", "p50 ms", "p99 ms"], rows: rows).rendered())
    }

    private static func megabytes(_ bytes: Int) -> String { String(format: "%.1f", Double(bytes) / 1_000_000) }
    private static func seconds(_ duration: Duration) -> String { String(format: "%.1f", duration / .seconds(1)) }
    private static func milliseconds(_ duration: Duration) -> String {
        String(format: "%.2f", duration / .milliseconds(1))
    }
}
