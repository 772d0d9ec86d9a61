import DIMSE
import Testing

@testable import concord

private let minimal = """
    sources:
      - name: pacs-a
        ae_title: PACSA
        host: 127.0.0.1
        port: 11112
        issuer: HOSP-A
    """

private func complaint(_ yaml: String) -> String? {
    do {
        _ = try Configuration.parse(yaml, file: "concord.yaml")
        return nil
    } catch { return error.description }
}

@Suite struct ConfigurationTests {
    @Test func aMinimalFileHasDefaults() throws {
        let configuration = try Configuration.parse(minimal, file: "/etc/concord/concord.yaml")
        #expect(configuration.databaseURL == nil)
        #expect(configuration.dataDirectory == "/etc/concord/data")
        #expect(configuration.http.port == 8001)
        let source = try #require(configuration.sources.first)
        #expect(source.limits.queriesPerSecond == 1)
        #expect(source.limits.associations == 1)
        #expect(source.peer.calling.value == "CONCORD")
        #expect(source.peer.timeouts.query == .seconds(900))
    }

    @Test func theExampleOfInitIsValid() throws {
        let configuration = try Configuration.parse(InitCommand.example, file: "concord.yaml")
        #expect(configuration.sources.map(\.name) == ["pacs-a"])
        #expect(configuration.sources.first?.limits.queriesPerSecond == 5)
    }

    @Test func anUnknownKeyIsNamedWithItsLineAndThoseThatAreKnown() {
        let yaml = minimal + "\n    issuerr: X\n    limits: { queries_per_second: 5 }\n"
        let message = complaint(yaml)
        #expect(message?.hasPrefix("concord.yaml:7: sources[0].issuerr: unknown key; known here: ") == true)
    }

    @Test func aMissingIssuerIsAnErrorBecauseAPatientIDMeansNothingWithoutIt() {
        let yaml = minimal.replacing("    issuer: HOSP-A", with: "")
        #expect(complaint(yaml) == "concord.yaml:2: sources[0].issuer: is mandatory")
    }

    @Test(arguments: [
        ("port: 11112", "port: 70000", "concord.yaml:5: sources[0].port: expected a whole number from 1 to 65535"),
        (
            "ae_title: PACSA", "ae_title: ABCDEFGHIJKLMNOPQ",
            "concord.yaml:3: sources[0].ae_title: expected an AE title of 1 to 16 characters"
        ),
        (
            "issuer: HOSP-A", "issuer: A\n    timeouts: { query: 15 }",
            "concord.yaml:7: sources[0].timeouts.query: expected a duration such as 250ms, 10s, 15m, 2h or 90d"
        ),
        (
            "issuer: HOSP-A", "issuer: A\n    character_set: KLINGON",
            "concord.yaml:7: sources[0].character_set: expected a defined term such as ISO_IR 100 or ISO_IR 192"
        ),
        (
            "issuer: HOSP-A", "issuer: A\nexpects: [ { from: pacs-a, to: pacs-x, since: 20200101 } ]",
            "concord.yaml:7: expects[0].to: no source is called pacs-x"
        ),
        (
            "issuer: HOSP-A", "issuer: A\ndatabase: mysql://x",
            "concord.yaml:7: database: expected `embedded` or a postgresql:// URL"
        ),
    ])
    func aWrongValueIsNamedWithFileLineAndKey(_ right: String, _ wrong: String, _ message: String) {
        #expect(complaint(minimal.replacing(right, with: wrong)) == message)
    }

    @Test func brokenYAMLIsNamedWithItsLine() {
        #expect(complaint("sources:\n  - name: [a\n")?.hasPrefix("concord.yaml:") == true)
    }

    @Test func twoSourcesOfOneNameAreRefused() {
        let twice = minimal + "\n" + minimal.split(separator: "\n").dropFirst().joined(separator: "\n")
        #expect(complaint(twice)?.contains("two sources are called pacs-a") == true)
    }
}
