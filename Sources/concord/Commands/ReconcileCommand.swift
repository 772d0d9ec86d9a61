import ArgumentParser
import Reconcile
import StudyIndex

struct ReconcileCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "reconcile",
        abstract: "Find discrepancies between the copies of studies, or patients that are possibly one human.",
        discussion: """
            Looks at what has changed since the last time, and at everything where rules, sources or expectations are \
            others; the result is the same. Persons are looked for among all patients, whatever has changed.
            """)

    @OptionGroup var global: GlobalOptions
    @Flag(help: "Look at every study anew.") var all = false
    @Flag(help: "Instead, find the patients that are possibly one human, whichever issuers name them.")
    var persons = false
    @Option(
        parsing: .upToNextOption, help: "Numbers of discrepancies (see a report) that are known and left as they are.")
    var acknowledge: [Int] = []
    @Option(help: "What there is to say about them.") var note = ""

    func validate() throws {
        if persons, all || !acknowledge.isEmpty { throw ValidationError("--persons goes alone") }
        if !note.isEmpty, acknowledge.isEmpty { throw ValidationError("--note goes with --acknowledge") }
    }

    func run() async throws {
        let configuration = try global.configuration()
        try await OpenIndex.with(configuration) { open in
            guard acknowledge.isEmpty else { return try await acknowledge(open.index) }
            guard !persons else { return Terminal.write(try await PersonMatching(index: open.index).run() + "\n") }
            let ids = try await open.index.register(configuration.sources.map(\.definition))
            let outcome = try await Reconciliation(index: open.index, configuration: configuration, ids: ids)
                .run(everything: all)
            Terminal.complain(
                "\(outcome.studies) \(outcome.isWhole ? "studies" : "changed studies") looked at")
            let rows = outcome.found.sorted { $0.key.rawValue < $1.key.rawValue }.map {
                [$0.key.rawValue, "\($0.value)"]
            }
            Terminal.write(TextTable(header: ["class", "found"], rows: rows).rendered())
        }
    }

    private func acknowledge(_ index: StudyIndex) async throws {
        let known = try await index.acknowledge(acknowledge, by: Terminal.user, note: note)
        let unknown = Set(acknowledge).subtracting(known).sorted()
        Terminal.complain("\(known.count) acknowledged")
        guard unknown.isEmpty else {
            throw ValidationError(
                "not open: \(unknown.map { "\($0)" }.joined(separator: ", ")); a report names the numbers of those that are"
            )
        }
    }
}
