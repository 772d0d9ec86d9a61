import ArgumentParser
import DICOM
import EdgeShard
import Foundation

/// Publishes a shard, changes it as a night does, ships that in several ways, brings sites to it, and asks one.
struct BenchEdge: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "edge",
        abstract: "Bytes for each changed row beside pages and rsync, publishing, syncing, 150 sites, and lookups.")

    @Option(help: "Studies in the shard.") var studies = 1_000_000
    @Option(help: "Studies that a night changes.") var changes = 1_900
    @Option(help: "Lookups of each kind, at most: none begins after ten seconds.") var lookups = 20_000
    @Option(help: "Who ask at once.") var clients = 32
    @Option(help: "Sites that sync a night from one server; 0: none.") var sites = 150
    @Option(help: "Studies in their shard.") var siteStudies = 20_000

    func run() async throws {
        OpenFiles.raiseLimit()
        let directory = FileManager.default.temporaryDirectory.appending(path: "concord-bench-\(UUID())").path
        defer { try? FileManager.default.removeItem(atPath: directory) }
        let bench = try EdgeWorkload(directory: directory, studies: studies, changes: changes)
        try await measureNight(bench)
        try measureDecompression(bench)
        try await measureLookups(bench)
        if sites > 0 {
            let night = try SiteNight(
                directory: directory + "/sites", studies: siteStudies, changes: changes, sites: sites)
            try await show(night.run(), sites)
        }
    }

    // MARK: One site

    private func measureNight(_ bench: EdgeWorkload) async throws {
        let build = try bench.timed { try bench.publish(whole: true) { write in try bench.eachStudy(write) } }
        let first = try await bench.sync()
        let snapshot = build.value.manifest.snapshot
        let night = try bench.timed { try bench.publish(whole: false) { write in try bench.eachChange(write) } }
        let second = try await bench.sync()
        let rows = max(1, night.value.inserted + night.value.updated + night.value.deleted)
        let delta = night.value.deltaBytes ?? 0
        let shipped = try Shipping(from: bench.shardFile(1), to: bench.shardFile(2))
        // 256 kbit/s.
        _ = try bench.publish(whole: false) { write in try bench.eachChange(seed: 1, write) }
        let slow = try await bench.sync(bytesPerSecond: 32_000)
        func ratio(_ bytes: Int) -> String { String(format: "%.0f ×", Double(bytes) / Double(max(1, delta))) }
        Terminal.write(
            TextTable(
                header: ["a night of \(rows) changed rows, shipped as", "bytes", "for each row", "to ours"],
                rows: [
                    ["delta, sealed", "\(delta)", Self.perRow(delta, rows), "1 ×"],
                    [
                        "changed pages, LZ4 each", "\(shipped.pages)", Self.perRow(shipped.pages, rows),
                        ratio(shipped.pages),
                    ],
                    [
                        "rsync -z of the file", "\(shipped.rsync)", Self.perRow(shipped.rsync, rows),
                        ratio(shipped.rsync),
                    ],
                    [
                        "the snapshot", "\(snapshot.object.length)", Self.perRow(snapshot.object.length, rows),
                        ratio(snapshot.object.length),
                    ],
                ]
            ).rendered())
        let sizes = try bench.sizes()
        let rate = Double(studies) / (build.spent / .seconds(1))
        Terminal.write(
            TextTable(
                header: ["\(studies) studies", ""],
                rows: [
                    ["file MB", Self.megabytes(snapshot.object.contentLength)],
                    ["of it for names by any letters MB", Self.megabytes(sizes.trigrams)],
                    ["snapshot, sealed MB", Self.megabytes(snapshot.object.length)],
                    ["its rows by bucket, for repairs MB", Self.megabytes(snapshot.rows?.length ?? 0)],
                    ["built and published s", Self.seconds(build.spent)], ["studies/s", String(format: "%.0f", rate)],
                    ["new site s", Self.seconds(first)], ["night published s", Self.seconds(night.spent)],
                    ["night synced s", Self.seconds(second)], ["night synced at 256 kbit/s s", Self.seconds(slow)],
                ]
            ).rendered())
    }

    private func measureDecompression(_ bench: EdgeWorkload) throws {
        let (own, command) = try bench.decompression()
        Terminal.write(
            TextTable(
                header: ["decompression, file to file", "MB/s"],
                rows: [
                    ["own", String(format: "%.0f", own)], ["lz4 -d", String(format: "%.0f", command)],
                    ["own to lz4", String(format: "%.2f", own / command)],
                ]
            ).rendered())
    }

    // MARK: Lookups

    private func measureLookups(_ bench: EdgeWorkload) async throws {
        try OneCore.stay()
        let catalog = ReplicaCatalog(root: bench.replica, trust: bench.trust, threads: 1)
        var rows: [[String]] = []
        // What it opens and reads first.
        _ = try await times(of: bench.questions[0], catalog, count: clients)
        for question in bench.questions {
            let start = ContinuousClock.now
            let times = try await times(of: question, catalog, count: lookups)
            let rate = Double(times.count) / ((ContinuousClock.now - start) / .seconds(1))
            guard !times.isEmpty else { continue }
            rows.append([
                question.name, String(format: "%.0f", rate), Self.milliseconds(times[times.count / 2]),
                Self.milliseconds(times[times.count * 99 / 100]),
            ])
        }
        try OneCore.leave()
        await catalog.stop()
        Terminal.write(
            TextTable(header: ["lookup, \(clients) clients, one core", "1/s", "p50 ms", "p99 ms"], rows: rows)
                .rendered())
    }

    /// In order.
    private func times(
        of question: EdgeWorkload.Question, _ catalog: ReplicaCatalog, count: Int
    ) async throws -> [Duration] {
        guard let attribute = AttributeDictionary.attribute(keyword: question.keyword) else { return [] }
        let end = ContinuousClock.now + .seconds(10)
        return try await withThrowingTaskGroup(of: [Duration].self) { group in
            for client in 0..<clients {
                group.addTask {
                    var times: [Duration] = []
                    for number in stride(from: client, to: count, by: clients) {
                        var query = StudyQuery()
                        query.limit = 100
                        query.keys = [try QueryKey(attribute, parsing: question.value(number))]
                        let start = ContinuousClock.now
                        guard start < end else { break }
                        _ = try await catalog.search(query, within: .unrestricted)
                        times.append(ContinuousClock.now - start)
                    }
                    return times
                }
            }
            return try await group.reduce(into: []) { $0 += $1 }.sorted()
        }
    }

    // MARK: Many sites

    private func show(_ night: SiteNight.Result, _ sites: Int) {
        Terminal.write(
            TextTable(
                header: ["\(sites) sites, one static server", ""],
                rows: [
                    ["consistent", "\(night.consistent)"], ["bytes sent MB", Self.megabytes(night.bytesSent)],
                    ["bytes for each site", "\(night.bytesSent / max(1, sites))"],
                    ["longest sync s", Self.seconds(night.longest)], ["all of them s", Self.seconds(night.whole)],
                ]
            ).rendered())
    }

    // MARK: Numbers

    private static func perRow(_ bytes: Int, _ rows: Int) -> String {
        String(format: "%.1f", Double(bytes) / Double(rows))
    }
    private static func megabytes(_ bytes: Int) -> String { String(format: "%.1f", Double(bytes) / 1_000_000) }
    private static func seconds(_ duration: Duration) -> String { String(format: "%.1f", duration / .seconds(1)) }
    private static func milliseconds(_ duration: Duration) -> String {
        String(format: "%.2f", duration / .milliseconds(1))
    }
}
