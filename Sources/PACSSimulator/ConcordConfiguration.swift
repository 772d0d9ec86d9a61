/// The `concord.yaml` that fits an enterprise: every source with its issuer, address and budget. Caps are left for the
/// sweep to learn, but for the one that its administrator knows.
package struct ConcordConfiguration: Sendable {
    package let enterprise: Enterprise
    package let host: String
    /// In the order of `enterprise.sources`.
    package let ports: [Int]
    /// Where Concord keeps its data; an absolute path, or one relative to the configuration.
    package let dataDirectory: String

    package let limits: Limits

    /// What each source allows.
    package struct Limits: Sendable {
        package var queriesPerSecond: Int
        package var associations: Int

        package init(queriesPerSecond: Int = 40, associations: Int = 2) {
            self.queriesPerSecond = queriesPerSecond
            self.associations = associations
        }
    }

    package init(
        enterprise: Enterprise, host: String = "127.0.0.1", ports: [Int], limits: Limits = Limits(),
        dataDirectory: String
    ) {
        self.host = host
        self.limits = limits
        self.enterprise = enterprise
        self.ports = ports
        self.dataDirectory = dataDirectory
    }

    package var yaml: String {
        var text = """
            # Written by concord simulate: eight simulated PACS, seed \(enterprise.seed), \
            \(enterprise.studies.count) studies.
            data_dir: \(quoted(dataDirectory))
            database: embedded
            ae_title: CONCORD
            sources:

            """
        for (source, port) in zip(enterprise.sources, ports) {
            text += """
                  - name: \(source.name)
                    ae_title: \(source.aeTitle)
                    host: \(host)
                    port: \(port)
                    issuer: \(source.issuer)
                    priority: \(source.priority)

                """
            if case .undeclared(let encoding) = source.temper.text, let name = encoding.dicomValue {
                text += "    character_set: \(name)\n"
            }
            text += """
                    limits:
                      queries_per_second: \(limits.queriesPerSecond)
                      burst: 1
                      associations: \(limits.associations)

                """
            if let cap = source.knownCap { text += "      max_results: \(cap)\n" }
        }
        text += "expects:\n"
        for expected in enterprise.expectations {
            text += "  - { from: \(expected.from), to: \(expected.to), since: \(quoted(expected.since)) }\n"
        }
        return text
    }

    private func quoted(_ text: String) -> String {
        "\"" + text.replacing("\\", with: "\\\\").replacing("\"", with: "\\\"") + "\""
    }
}
