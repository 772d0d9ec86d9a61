import StudyIndex

/// Whether the trail is what was written: every chain in the database, and what is still on disk.
package enum AuditVerification {
    package struct Report: Sendable {
        package var chains = 0
        package var records = 0
        /// Chains on disk that end in something unsealed.
        package var tornTails: [String] = []
        /// What is wrong, and where.
        package var faults: [String] = []
    }

    package static func run(directory: String, index: StudyIndex) async throws -> Report {
        var report = Report()
        var seals: [String: String] = [:]
        var links: [(chain: String, follows: String, seal: String)] = []
        func end(_ name: String, _ chain: AuditChain) {
            report.chains += 1
            report.records += chain.records
            seals[name] = chain.seal
            if let link = chain.follows { links.append((name, link.chain, link.hash)) }
        }
        let files = AuditFile.all(in: directory)
        let forwarded = try await index.auditChains()
        for name in forwarded {
            var chain = AuditChain()
            var fault: String?
            try await index.eachAuditBatch(of: name) { batch, sealed in
                if fault == nil { fault = chain.take(batch, sealed: sealed) }
            }
            if let fault { report.faults.append("the database's chain \(name): \(fault)") }
            if !files.contains(where: { $0.chain == name }) { end(name, chain) }
        }
        for file in files {
            var chain = AuditChain()
            var offset = 0
            var portion = 4 << 20
            while true {
                let (batches, rest) = try file.batches(from: offset, upTo: portion)
                guard let last = batches.last?.end else {
                    guard rest == portion else {
                        if rest > 0 { report.tornTails.append(file.chain) }
                        break
                    }
                    portion *= 2
                    continue
                }
                let fault = batches.lazy.compactMap { chain.take($0.0, sealed: $0.sealed) }.first
                if let fault {
                    report.faults.append("\(file.path): \(fault)")
                    break
                }
                offset = last
            }
            end(file.chain, chain)
        }
        // A chain that was there and is not, or ends before what followed on it.
        for link in links where seals[link.follows] != link.seal {
            report.faults.append("\(link.chain) follows on \(link.follows), which does not end as it did")
        }
        return report
    }
}
