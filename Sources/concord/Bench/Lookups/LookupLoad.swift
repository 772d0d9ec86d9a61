import ArgumentParser
import Foundation

/// Requests of one kind, as `wrk` asks them.
struct LookupLoad: Sendable {
    let name: String
    /// Calls of the functions in `script`; one is asked at random each time.
    var paths: [String]
    /// An answer that says that it may lack something has failed, too. Looking at each slows the load down.
    var looksForWarnings = false

    /// What the clients saw.
    struct Seen: Sendable {
        var perSecond: Double
        /// Milliseconds.
        var median: Double
        var p99: Double
        var slowest: Double
        /// Answers that were none: other than 2xx, cut off, or incomplete.
        var failed: Int
        var answered: Int
    }

    func run(
        clients: Int, seconds: Int, workload: LookupWorkload, server: String, key: String, directory: String
    ) throws -> Seen {
        let script = directory + "/load.lua"
        let warnings = looksForWarnings ? Self.warnings : ""
        try (Self.script(paths, workload, key) + warnings).write(toFile: script, atomically: true, encoding: .utf8)
        let output = directory + "/wrk.txt"
        _ = try ProcessUsage.ofRunning(
            "/usr/bin/wrk",
            ["-t1", "-c\(clients)", "-d\(seconds)s", "--timeout", "30s", "--latency", "-s", script, server],
            output: output)
        return try Seen(wrk: try String(contentsOfFile: output, encoding: .utf8))
    }
}

extension LookupLoad {
    /// Of studies at random: `n` is a study's number and `k` its key, from which all that is asked for is computed.
    private static func script(_ paths: [String], _ workload: LookupWorkload, _ key: String) -> String {
        """
        wrk.headers["Authorization"] = "Api-Key \(key)"
        math.randomseed(os.time())
        local function studies(query) return "/dicom-web/studies?" .. query .. "&limit=100" end
        local function uid(k) return studies("StudyInstanceUID=\(LookupWorkload.uidRoot)" .. k) end
        local function patient(k) return studies("PatientID=P" .. k % \(workload.patients)) end
        local function accession(k) return studies("AccessionNumber=A" .. k) end
        local syllables = {\(list(LookupWorkload.syllables))}
        local function syllable(k, divisor) return syllables[math.floor(k / divisor) % 32 + 1] end
        local function name(k) return syllable(k, 1) .. syllable(k, 32) .. syllable(k, 1024) end
        local function family(k) return studies("PatientName=" .. name(k % \(workload.patients)) .. "%5E*") end
        local function part(k) return studies("PatientName=*" .. string.sub(name(k % \(workload.patients)), 2) .. "*") end
        local glyphs = {\(list(LookupWorkload.characters.map(String.init)))}
        local function characters(k)
            return studies("PatientName=*" .. glyphs[k % #glyphs + 1] .. glyphs[math.floor(k / #glyphs) % #glyphs + 1] .. "*")
        end
        local function nobody() return studies("PatientID=NOBODY" .. math.random(0, 999999999)) end
        local function month(n)
            local last = \(LookupWorkload.secondsOfLastDay) - math.floor(n * \(LookupWorkload.days) / \(workload.studies)) * 86400
            return studies("StudyDate=" .. os.date("!%Y%m%d", last - 30 * 86400) .. "-" .. os.date("!%Y%m%d", last)
                .. "&ModalitiesInStudy=CT")
        end
        local paths = {\(paths.map { "function(n, k) return \($0) end" }.joined(separator: ", "))}
        function request()
            local n = math.random(0, \(workload.studies - 1))
            return wrk.format(nil, paths[math.random(#paths)](n, (n * \(LookupWorkload.multiplier)) % \(LookupWorkload.modulus)))
        end
        """
    }

    /// Each thread of wrk has its own variables.
    private static let warnings = """

        incomplete = 0
        local threads = {}
        function setup(thread) table.insert(threads, thread) end
        function response(status, headers)
            if headers["Warning"] or headers["warning"] then incomplete = incomplete + 1 end
        end
        function done()
            local sum = 0
            for _, thread in ipairs(threads) do sum = sum + thread:get("incomplete") end
            print("Incomplete: " .. sum)
        end
        """

    private static func list(_ texts: [String]) -> String {
        texts.map { text in
            "\"\(text.utf8.map { $0 < 0x80 ? String(UnicodeScalar($0)) : "%" + String($0, radix: 16).uppercased() }.joined())\""
        }.joined(separator: ", ")
    }
}

extension LookupLoad.Seen {
    fileprivate init(wrk text: String) throws {
        func value(after label: String) -> Substring? {
            let part = text.range(of: "Latency Distribution").map { text[$0.upperBound...] } ?? text[...]
            return part.range(of: label).map { part[$0.upperBound...].drop { $0 == " " }.prefix { !$0.isWhitespace } }
        }
        guard let rate = value(after: "Requests/sec:").flatMap({ Double($0) }),
            let median = value(after: "50%").flatMap(Self.milliseconds),
            let p99 = value(after: "99%").flatMap(Self.milliseconds), let slowest = Self.slowest(text)
        else { throw ValidationError("wrk said: \(text)") }
        let answered = text.components(separatedBy: " requests in").first?.split(separator: " ").last.flatMap {
            Int($0)
        }
        let refused = value(after: "Non-2xx or 3xx responses:").flatMap { Int($0) } ?? 0
        let socket =
            text.components(separatedBy: "Socket errors:").dropFirst().first?
            .prefix { $0 != "\n" }.split { !$0.isNumber }.compactMap { Int($0) }.reduce(0, +) ?? 0
        let incomplete = value(after: "Incomplete:").flatMap { Int($0) } ?? 0
        self.init(
            perSecond: rate, median: median, p99: p99, slowest: slowest, failed: refused + socket + incomplete,
            answered: answered ?? 0)
    }

    /// Of the line of average, deviation and maximum.
    private static func slowest(_ text: String) -> Double? {
        let line = text.split(separator: "\n").first { $0.drop { $0 == " " }.hasPrefix("Latency  ") }
        let fields = line?.split(separator: " ") ?? []
        return fields.count > 3 ? milliseconds(fields[3]) : nil
    }

    private static func milliseconds(_ text: Substring) -> Double? {
        for (unit, factor) in [("us", 0.001), ("ms", 1.0), ("s", 1_000.0), ("m", 60_000.0)] where text.hasSuffix(unit) {
            return Double(text.dropLast(unit.count)).map { $0 * factor }
        }
        return nil
    }
}
