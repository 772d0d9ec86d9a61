import ArgumentParser
import QueryServer

struct ServeCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "serve", abstract: "Serve the index over QIDO-RS until stopped.")

    @OptionGroup var global: GlobalOptions

    func run() async throws {
        let configuration = try global.configuration()
        try await OpenIndex.with(configuration, connections: 8) { open in
            let server = QueryServer(
                host: configuration.http.host, port: configuration.http.port, index: open.index,
                logger: global.logger("concord.serve"))
            try await server.run { port in
                Terminal.complain("serving http://\(configuration.http.host):\(port)/dicom-web/studies")
            }
        }
    }
}
