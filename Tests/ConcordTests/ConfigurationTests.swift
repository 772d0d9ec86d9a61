import DICOM
import DIMSE
import Foundation
import QueryServer
import StudyIndex
import Sweep
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
        #expect(configuration.server.http.port == 8001)
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

    @Test func facilitiesAreRulesInTheirOrder() throws {
        let rules = """

                facilities:
                  - { name: Main Campus, match: { accession_prefix: MC, issuer: HOSP-A } }
                  - { name: Annex, match: { patient_id_prefix: "9" } }
                  - { name: Clinic, match: { institution: St. Anne's } }
            server:
              dimse: { allow: [ { ae_title: WS1, facilities: [Annex] }, { ae_title: WS2 } ] }
              http: { tls: { certificate: server.pem, key: /keys/server.key } }
            """
        let configuration = try Configuration.parse(minimal + rules, file: "/etc/concord/concord.yaml")
        #expect(
            configuration.sources[0].definition.facilities == [
                FacilityRule(facility: "Main Campus", issuer: "HOSP-A", accessionPrefix: "MC"),
                FacilityRule(facility: "Annex", patientIDPrefix: "9"),
                FacilityRule(facility: "Clinic", institution: "St. Anne's"),
            ])
        #expect(configuration.sources[0].sweepSource(id: 1).asksForInstitutions)
        #expect(configuration.server.dimse?.peers.map(\.visibility) == [.facilities(["Annex"]), .unrestricted])
        #expect(
            configuration.server.tls
                == ServerTLS(certificate: "/etc/concord/server.pem", key: "/keys/server.key"))
    }

    @Test(arguments: [
        ("{ name: A, match: {} }", "facilities[0].match: expected issuer"),
        ("{ name: A }", "facilities[0].match: expected issuer"),
        ("{ name: A, match: { institution: 'N\\S' } }", "facilities[0].match: an institution's name has no backslash"),
        ("{ name: 'A, B', match: { issuer: X } }", "facilities[0].name: expected a name"),
        ("{ match: { issuer: X } }", "facilities[0].name: is mandatory"),
        ("{ name: A, match: { issuer: X, ward: 3 } }", "facilities[0].match.ward: unknown key"),
    ])
    func aRuleThatSaysNothingIsRefused(rule: String, message: String) {
        let said = complaint(minimal + "\n    facilities: [ \(rule) ]\n")
        #expect(said?.contains(message) == true, "\(said ?? "")")
    }

    @Test func aPeerSeesFacilitiesThatThereAre() {
        let yaml = minimal + "\nserver: { dimse: { allow: [ { ae_title: WS1, facilities: [Nowhere] } ] } }\n"
        #expect(complaint(yaml)?.contains("WS1 is to see Nowhere, which is no source's facility") == true)
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

    private func limits(_ text: String) throws -> SourceLimits {
        try #require(
            Configuration.parse(minimal + "\n    limits: \(text)\n", file: "concord.yaml").sources.first?.limits)
    }

    @Test func aWindowPastMidnightEndsOnTheNextDay() throws {
        let windows = try limits(
            "{ time_zone: Europe/Berlin, windows: [ { days: \"fri-sun\", from: \"22:00\", to: \"06:30\", utilisation: 50 } ] }"
        ).windows
        #expect(windows.map(\.weekdays) == [[5, 6, 7], [6, 7, 1]])
        #expect(windows.map(\.minutes) == [1_320..<1_440, 0..<390])
        #expect(windows.allSatisfy { $0.utilisation == 50 && $0.associations == nil })
    }

    @Test func whatIsReservedForLiveQuestionsIsTakenFromSweeps() throws {
        let limits = try limits(
            "{ queries_per_second: 5, associations: 3, live: { queries_per_second: 2, associations: 1 } }")
        #expect(limits.bulkQueriesPerSecond == 3)
        #expect(limits.bulkAssociations == 2)
    }

    @Test(arguments: [
        ("{ windows: [ { from: \"7:00\" } ] }", "limits.windows[0].from: expected a time such as 07:00"),
        ("{ windows: [ { days: someday } ] }", "limits.windows[0].days: expected days such as mon-fri or sat,sun"),
        ("{ windows: [ {}, { days: mon } ] }", "limits.windows: two of them overlap"),
        ("{ time_zone: Mars/Olympus }", "limits.time_zone: expected a time zone such as Europe/Berlin"),
        ("{ associations: 2, live: { associations: 2 } }", "limits.live.associations: leaves none of 2 for sweeps"),
        (
            "{ queries_per_second: 2, live: { queries_per_second: 2 } }",
            "limits.live.queries_per_second: leaves nothing of 2.0 for sweeps"
        ),
    ])
    func aWrongLimitIsNamed(_ limits: String, _ message: String) {
        #expect(complaint(minimal + "\n    limits: \(limits)\n") == "concord.yaml:7: sources[0].\(message)")
    }

    // MARK: TLS and users

    private static let fingerprint = "SHA256:" + Array(repeating: "AB", count: 32).joined(separator: ":")

    @Test func aSourceMayHaveTLSAndAUser() throws {
        let passcode = FileManager.default.temporaryDirectory.appending(path: "concord-\(UUID().uuidString)")
        try "open sesame\n".write(to: passcode, atomically: true, encoding: .utf8)
        defer { try? FileManager.default.removeItem(at: passcode) }
        let peer = try #require(
            Configuration.parse(
                minimal + """

                        tls: { ca: ca.pem, certificate: me.pem, key: /k/me.key, pin_sha256: \(Self.fingerprint), minimum_version: 1.3 }
                        user: { name: concord, passcode_file: \(passcode.path) }
                    """, file: "/etc/concord/concord.yaml"
            ).sources.first?.peer)
        #expect(peer.tls?.ca == "/etc/concord/ca.pem")
        #expect(peer.tls?.key == "/k/me.key")
        #expect(peer.tls?.pin == CertificateFingerprint(Self.fingerprint))
        #expect(peer.tls?.minimum == .v13)
        #expect(peer.user == (try UserIdentity(name: "concord", passcode: "open sesame")))
    }

    @Test(arguments: [
        ("tls: { certificate: me.pem }", "tls.certificate: certificate and key are given together or not at all"),
        (
            "tls: { pin_sha256: 12:34 }",
            "tls.pin_sha256: expected what openssl x509 -noout -fingerprint -sha256 prints: 32 bytes in hexadecimal"
        ),
        ("tls: { minimum_version: 1.1 }", "tls.minimum_version: expected 1.2 or 1.3"),
        ("user: { passcode_env: X }", "user.name: is mandatory"),
        (
            "user: { name: x, passcode_env: NO_SUCH_VARIABLE }",
            "user.passcode_env: NO_SUCH_VARIABLE is not set in the environment"
        ),
        ("user: { name: x, passcode_file: /nowhere }", "user.passcode_file: /nowhere cannot be read, or is empty"),
        ("user: { name: x, passcode: y }", "user.passcode: unknown key; known here: name, passcode_env, passcode_file"),
    ])
    func wrongTLSAndWrongUsersAreNamed(_ text: String, _ message: String) {
        #expect(complaint(minimal + "\n    \(text)\n") == "concord.yaml:7: sources[0].\(message)")
    }

    @Test(arguments: [
        ("tls: { certificate: a, key: b }, allow: [ { ae_title: WS1 } ]", "tls.ca: is mandatory"),
        (
            "tls: { certificate: a, key: b, ca: c }, allow: [ { ae_title: WS1 } ]",
            "allow: WS1 needs its certificate: SHA256:…, as openssl x509 -noout -fingerprint -sha256 prints it"
        ),
        (
            "allow: [ { ae_title: WS1, certificate: \(Self.fingerprint) } ]",
            "allow: the certificate of WS1 is never seen without tls"
        ),
    ])
    func callersOverTLSAreKnownByTheirCertificates(_ text: String, _ message: String) {
        #expect(complaint(minimal + "\nserver: { dimse: { \(text) } }\n") == "concord.yaml:7: server.dimse.\(message)")
    }

    @Test func theProviderMayHaveTLS() throws {
        let settings = try #require(
            Configuration.parse(
                minimal + """

                    server:
                      dimse:
                        tls: { certificate: me.pem, key: me.key, ca: ca.pem }
                        allow: [ { ae_title: WS1, address: 10.0.0.0/8, certificate: "\(Self.fingerprint)" } ]
                    """, file: "/etc/concord/concord.yaml"
            ).server.dimse)
        #expect(settings.tls?.ca == "/etc/concord/ca.pem")
        #expect(settings.tls?.minimum == .v12)
        #expect(settings.peers.first?.certificate == CertificateFingerprint(Self.fingerprint))
    }

    @Test func brokenYAMLIsNamedWithItsLine() {
        #expect(complaint("sources:\n  - name: [a\n")?.hasPrefix("concord.yaml:") == true)
    }

    @Test func twoSourcesOfOneNameAreRefused() {
        let twice = minimal + "\n" + minimal.split(separator: "\n").dropFirst().joined(separator: "\n")
        #expect(complaint(twice)?.contains("two sources are called pacs-a") == true)
    }
}

@Suite struct JobConfigurationTests {
    private func complaint(_ yaml: String) -> String? {
        do {
            _ = try JobConfiguration.parse(yaml, file: "job.yaml")
            return nil
        } catch { return error.description }
    }

    @Test func aJobIsItsStepsInTheirOrder() throws {
        let job = try JobConfiguration.parse(
            """
            name: nightly
            schedule: "0 20 * * *"
            time_zone: Europe/Berlin
            time: 9h
            steps:
              - { step: recent, days: 3 }
              - { step: history }
              - { step: reconcile }
            """, file: "job.yaml")
        #expect(job.steps == [.recent(days: 3), .history, .reconcile])
        #expect(job.time == .seconds(9 * 3_600))
        #expect(job.timeZone.identifier == "Europe/Berlin")
        #expect(job.schedule != nil)
    }

    @Test(arguments: [
        ("name: x", "job.yaml:1: steps: at least one step is needed"),
        (
            "name: x\nschedule: \"61 * * * *\"\nsteps: [ { step: history } ]",
            "job.yaml:2: schedule: '61 * * * *': minute takes 0 to 59, not '61'"
        ),
        (
            "name: x\nsteps: [ { step: dance } ]",
            "job.yaml:2: steps[0].step: expected dates, recent, history, patients, series, probe, reconcile, persons, report, publish or sync"
        ),
        (
            "name: x\nsteps: [ { step: history, days: 3 } ]",
            "job.yaml:2: steps[0].days: unknown key; known here: step"
        ),
    ])
    func aWrongJobIsNamedWithFileLineAndKey(_ yaml: String, _ message: String) {
        #expect(complaint(yaml) == message)
    }
}

@Suite struct EdgeConfigurationTests {
    private let edge = """
        edge:
          signing_key: keys/publisher.key
          shards: [ { name: north, sources: [pacs-a], since: 5y } ]
          sites: [ { name: north-1, shards: [north], public_key: north-1.pub } ]
        """

    @Test func edgeShardsAreReadWithFilesBesideTheConfiguration() throws {
        let configuration = try Configuration.parse(minimal + "\n" + edge, file: "/etc/concord/concord.yaml")
        let read = try #require(configuration.edge)
        #expect(read.signingKey == "/etc/concord/keys/publisher.key")
        #expect(read.shards.map(\.since) == [.years(5)])
        #expect(read.sites.map(\.publicKey) == ["/etc/concord/north-1.pub"])
        let leapDay = try #require(DICOMDate("20240229"))
        #expect(EdgeConfiguration.Age("1y")?.before(leapDay).da == "20230228")
    }

    /// Both ends are told the same, and what they may spend adds up to the whole.
    @Test func aSitesShareIsTakenFromWhatTheCentreMayAsk() throws {
        let yaml = minimal + "\n    limits: { queries_per_second: 5, associations: 2, edge: 2 }\n"
        let source = try #require(try Configuration.parse(yaml, file: "concord.yaml").sources.first)
        #expect(source.edgeShare == 2)
        #expect(source.definition.limits.queriesPerSecond == 3 && source.definition.limits.associations == 1)
        #expect(
            complaint(yaml.replacing("edge: 2", with: "edge: 5"))?.hasSuffix(
                "limits.edge: leaves nothing of 5.0 questions a second for the centre") == true)
        #expect(
            complaint(yaml.replacing("associations: 2", with: "associations: 1"))?.hasSuffix(
                "limits.edge: takes one of 1 associations, and leaves none for the centre's sweeps") == true)
    }

    @Test func anEdgeSiteNeedsNoSources() throws {
        let yaml = "replica: { site: north-1, key: north-1.key, trust: publisher.pub, at_rest: accepted }"
        let configuration = try Configuration.parse(yaml, file: "/etc/concord/concord.yaml")
        #expect(configuration.replica?.key == "/etc/concord/north-1.key")
        #expect(configuration.replica?.isAtRestAccepted == true)
    }

    @Test(arguments: [
        ("sources: [pacs-a]", "sources: [pacs-x]", "edge.shards[0].sources: no source is called pacs-x"),
        ("shards: [north]", "shards: [south]", "edge.sites[0].shards: no shard is called south"),
        (
            "name: north,", "name: ../x,",
            "edge.shards[0].name: expected lower-case letters, digits and hyphens, 64 at most"
        ),
        ("since: 5y", "since: 5w", "edge.shards[0].since: expected 5y or 400d"),
    ]) func mistakesInEdgeShardsAreNamed(right: String, wrong: String, expected: String) {
        let said = complaint(minimal + "\n" + edge.replacing(right, with: wrong))
        #expect(said?.hasSuffix(expected) == true, "\(said ?? "none")")
    }
}
