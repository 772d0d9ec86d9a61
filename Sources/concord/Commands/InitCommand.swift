import ArgumentParser
import Foundation

struct InitCommand: ParsableCommand {
    static let configuration = CommandConfiguration(commandName: "init", abstract: "Write a commented concord.yaml.")

    @Option(help: "Where to write it.")
    var config = "concord.yaml"

    func run() throws {
        guard !FileManager.default.fileExists(atPath: config) else {
            throw ConfigurationError(
                file: config, line: nil, key: "", message: "exists already; remove it or name another with --config")
        }
        try Data(Self.example.utf8).write(to: URL(fileURLWithPath: config), options: .withoutOverwriting)
        print("Wrote \(config). Fill in your sources, then try `concord echo`.")
    }

    static let example = """
        # Concord's configuration. Its schema: schemas/config.schema.json. Unknown keys are errors.
        data_dir: ./data
        database: embedded              # a private PostgreSQL below data_dir, or postgresql://user@host/db
        ae_title: CONCORD               # how Concord calls itself; each PACS must know it

        sources:
          - name: pacs-a                # as it appears in reports
            ae_title: PACSA             # the PACS's own (called) AE title
            host: 127.0.0.1
            port: 11112
            # calling_ae_title: CONCORD # where this PACS knows Concord by another name
            issuer: HOSP-A              # issuer of its patient IDs where it sends none; mandatory
            priority: 1                 # 1 wins when copies disagree
            # facilities:               # whose keys see its studies: the first match decides; the others are seen without restriction only
            #   - { name: Main Campus, match: { accession_prefix: MC } }   # or issuer, patient_id_prefix, institution
            # wado_root: https://pacs-a.example/dicom-web   # where its studies can be retrieved
            # character_set: ISO_IR 100 # of answers that declare none
            # tls:                      # PEM files; the PACS's chain and name are both verified
            #   ca: ca.pem              # who may have signed its certificate; default: the system's authorities
            #   certificate: me.pem     # ours, where it demands one
            #   key: me.key
            #   server_name: pacs-a.example   # the name in its certificate; default: host
            #   pin_sha256: 4F:1A:…     # in place of chain and name: the one certificate that it may show
            #   minimum_version: 1.3    # default 1.2, with ECDHE and AEAD; 1.3 is taken wherever both have it
            # user: { name: concord, passcode_file: passcode }   # where it wants a user; or passcode_env: VARIABLE
            limits:
              queries_per_second: 5     # never exceeded, over all Concord processes together
              associations: 2           # open at once
              # max_results: 500        # a cap on its answers, if you know one
              # live: { queries_per_second: 2, associations: 1 }   # kept for questions that a person waits for
              # time_zone: Europe/Berlin
              # windows:                # less may be asked while the hospital works
              #   - { days: mon-fri, from: "07:00", to: "19:00", utilisation: 10, associations: 1 }
            timeouts: { connect: 10s, response: 60s, query: 15m }

        # Which source should hold what another holds: missing copies are reported only for these.
        # expects:
        #   - { from: pacs-a, to: archive, since: 20200101 }

        server:
          http: { host: 127.0.0.1, port: 8001 }      # origins: [https://viewer.example] lets its pages ask
            # tls: { certificate: server.pem, key: server.key }   # TLS 1.3
          # metrics: { host: 127.0.0.1, port: 8002 }   # for Prometheus, with a key of scope metrics
          # dimse:                      # C-FIND for workstations: nobody else is let in
          #   host: 0.0.0.0
          #   port: 11112
          #   allow:
          #     - { ae_title: WS1, address: 10.0.0.0/8, issuer: HOSP-A, character_set: ISO_IR 100, facilities: [Main Campus] }
          #   associations: { total: 2000, per_ae_title: 64, per_address: 32 }   # open at once
          #   tls: { certificate: me.pem, key: me.key, ca: ca.pem }   # then each caller shows a certificate that ca signed,
          #                                     # and its entry above names it: certificate: SHA256:4F:1A:…
          # freshness: { recent: 10m, recent_days: 2, history: 90d }   # what is older is asked live
          # deadline: 5s                # how long a person waits for a PACS

        # Parts of the index for sites with poor links: `concord keys publisher`, `concord shards publish`.
        # edge:
        #   signing_key: publisher.key
        #   shards: [ { name: north, sources: [pacs-a], since: 5y } ]
        #   sites: [ { name: north-1, shards: [north], public_key: north-1.pub } ]

        # At such a site: `concord keys site`, `concord edge sync`, `concord serve --edge`.
        # replica: { site: north-1, key: north-1.key, trust: publisher.pub }

        """
}
