import ArgumentParser
import Foundation
import PACSSimulator
import Reconcile

/// Looks for the humans among the patients of a simulated enterprise, whose truth is known, or of given records.
struct BenchPersons: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "persons",
        abstract: "Which patients are probably one human: against the truth of a simulated enterprise, or of CSV files."
    )

    @Option(help: "Studies in the simulated enterprise.") var studies = 100_000
    @Option(help: "Its seeds.") var seeds: [UInt64] = [1, 2, 3, 4, 5]
    @Option(help: "Instead: FEBRL data sets as CSV. Of several, records of one file are not compared with each other.")
    var records: [String] = []
    @Option(help: "Which of their fields: all, dicom or names.") var fields: PersonBenchModel.Fields = .all

    func run() async throws {
        guard records.isEmpty else { return try link() }
        var rows: [[String]] = []
        for seed in seeds {
            let (identities, people) = Enterprise(seed: seed, studies: studies).namedPatients
            let patients = KnownPatients(people: people)
            let start = ThreadUsage.now()
            let found = PersonMatcher(identities)
            let spent = ThreadUsage.now().decoding - start.decoding
            let probable = patients.judge(found.links.filter { $0.grade == .probable }.map { ($0.left, $0.right) })
            let joined = patients.judge(
                found.persons.flatMap { person in
                    person.indices.flatMap { one in person[(one + 1)...].map { (person[one], $0) } }
                })
            rows.append([
                "\(seed)", "\(identities.count)", "\(found.pairs)", "\(probable.links)",
                Self.share(probable.precision), Self.share(joined.precision), Self.share(joined.recall),
                String(format: "%.2f", spent),
            ])
        }
        Terminal.write(
            TextTable(
                header: [
                    "seed", "identities", "pairs compared", "probable links", "precision", "of persons", "recall",
                    "CPU s",
                ], rows: rows
            ).rendered())
    }

    private static func share(_ value: Double) -> String { String(format: "%.5f", value) }

    /// Every link that weighs at least -12, as JSON: `scripts/lib/persons.py` judges them.
    private func link() throws {
        let model = PersonBenchModel(fields)
        let read = try records.flatMap { try model.records(in: $0) }
        var thresholds = PersonMatcher.Thresholds()
        (thresholds.probable, thresholds.review) = (-12, -12)
        let found = PersonMatcher(
            read.map(\.record), model: model.model(ofSeveral: records.count > 1), thresholds: thresholds)
        let links = found.links.map { link in
            "[\"\(read[link.left].id)\",\"\(read[link.right].id)\",\(link.weight),\(link.grade == .probable)]"
        }
        Terminal.write("{\"pairs\":\(found.pairs),\"links\":[\n" + links.joined(separator: ",\n") + "\n]}\n")
    }
}

/// Patients of whom it is known whom they mean.
private struct KnownPatients {
    let people: [Int]

    func judge(_ pairs: [(Int, Int)]) -> (links: Int, precision: Double, recall: Double) {
        let right = Double(pairs.count { people[$0.0] == people[$0.1] })
        let all = Dictionary(grouping: people) { $0 }.values.reduce(0) { $0 + $1.count * ($1.count - 1) / 2 }
        return (pairs.count, right / Double(max(1, pairs.count)), right / Double(max(1, all)))
    }
}
