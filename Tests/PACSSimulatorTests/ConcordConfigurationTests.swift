import PACSSimulator
import Testing

@Suite struct ConcordConfigurationTests {
    @Test func namesEverySourceWithItsBudget() {
        let enterprise = Enterprise(seed: 1, studies: 10)
        let yaml = ConcordConfiguration(
            enterprise: enterprise, ports: Array(11_112...11_119), dataDirectory: "/tmp/a \"b\""
        ).yaml
        #expect(yaml.contains("data_dir: \"/tmp/a \\\"b\\\"\"\ndatabase: embedded\nae_title: CONCORD\nsources:\n"))
        #expect(
            yaml.contains(
                """
                  - name: pacs-g
                    ae_title: PACSG
                    host: 127.0.0.1
                    port: 11118
                    issuer: HOSP-G
                    priority: 7
                    character_set: ISO_IR 100
                    limits:
                      queries_per_second: 40
                      burst: 1
                      associations: 2
                  - name: pacs-h
                """))
        #expect(yaml.contains("associations: 2\n      max_results: 200\n  - name: pacs-c\n"))
        #expect(
            yaml.hasSuffix(
                "expects:\n  - { from: pacs-a, to: pacs-d, since: \"20250101\" }\n"
                    + "  - { from: pacs-e, to: pacs-f, since: \"20251001\" }\n"))
    }
}
