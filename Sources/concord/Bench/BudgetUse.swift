import Foundation

/// How well a budget was used and kept, as counted at the source's door.
struct BudgetUse {
    var requests = 0
    /// From the first to the last.
    var seconds = 0.0
    /// Requests beyond the rate in the worst of all windows, a burst of one allowed; 0: the budget was kept.
    var excess = 0.0

    func used(of rate: Double) -> Double { seconds > 0 ? Double(requests - 1) / (seconds * rate) : 0 }

    /// By source, of the requests that one AE title made, from the simulator's `requests.csv`.
    static func all(_ file: String, calling: String, rate: Double) throws -> [String: BudgetUse] {
        let lines = try String(contentsOfFile: file, encoding: .utf8).split(separator: "\n").dropFirst()
        var times: [String: [Double]] = [:]
        for line in lines {
            let fields = line.split(separator: ",", omittingEmptySubsequences: false)
            guard fields.count == 5, fields[2].hasPrefix("c-"), fields[3] == calling, let time = Double(fields[1])
            else {
                continue
            }
            times[String(fields[0]), default: []].append(time)
        }
        return times.mapValues { BudgetUse(times: $0.sorted(), rate: rate) }
    }

    /// - Parameter times: in seconds, in their order.
    init(times: [Double], rate: Double) {
        requests = times.count
        seconds = (times.last ?? 0) - (times.first ?? 0)
        // Of every window: requests - 1 - rate × its length. The worst one that ends here began where this was lowest.
        var lowest = Double.infinity
        for (number, time) in times.enumerated() {
            let position = Double(number) - rate * time
            lowest = min(lowest, position)
            excess = max(excess, position - lowest)
        }
    }
}
