import ArgumentParser
import DICOM
import DIMSE

/// Asks a PACS for one study by its UID, again and again on one association. `scripts/bench answer` starts DCMTK and Orthanc
/// as they ship for it.
struct BenchAnswer: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "answer", abstract: "How long a PACS on this machine takes to answer for one study.")

    @Option(help: "Its port.") var port: Int
    @Option(help: "Its AE title.") var called: String
    @Option(help: "A Study Instance UID that it has.") var study: String
    @Option(help: "Questions.") var count = 200

    func run() async throws {
        let peer = Peer(host: "127.0.0.1", port: port, called: try AETitle(called), calling: try AETitle("CONCORD"))
        let association = try await Association.open(to: peer)
        var question = DataSet()
        question.set(.queryRetrieveLevel, QueryLevel.study.rawValue)
        for attribute in AttributeDictionary.observation { question.setEmpty(attribute.tag) }
        question.set(.studyInstanceUID, study)
        var waits: [Duration] = []
        for _ in 0..<max(1, count) {
            let start = ContinuousClock.now
            var matches = 0
            for try await response in association.find(question, priority: .medium) {
                matches += try response.record().studyInstanceUID == study ? 1 : 0
            }
            waits.append(ContinuousClock.now - start)
            guard matches == 1 else { throw ValidationError("\(matches) matches for one study") }
        }
        await association.release()
        waits.sort()
        let row = [called] + [0.5, 0.99].map { waits[Int(Double(waits.count - 1) * $0)].milliseconds }
        Terminal.write(TextTable(header: ["one study", "p50 ms", "p99 ms"], rows: [row]).rendered())
    }
}

extension Duration {
    /// With two decimals.
    fileprivate var milliseconds: String {
        let hundredths = Int(self / .microseconds(10))
        return "\(hundredths / 100).\(hundredths % 100 < 10 ? "0" : "")\(hundredths % 100)"
    }
}
