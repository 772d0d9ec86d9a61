import DICOM
import DIMSE

/// Answers every C-FIND with the same responses, encoded beforehand, at the speed of the wire: what clients are measured
/// against.
package final class ReplaySCP: Sendable {
    private let server: SCPServer

    package var port: Int { server.port }

    private init(_ server: SCPServer) { self.server = server }

    /// - Parameter distinct: how many different responses are sent over and over.
    package static func start(responses: Int, distinct: Int = 5_000) async throws -> ReplaySCP {
        let studies = Enterprise(seed: 1, studies: distinct).studies
        let copies = studies.prefix(distinct).compactMap(\.copies.first)
        let answers = Answers(copies, profile: .complete)
        let requested = Set(Attribute.allCases.map(\.tag))
        let encoded = [false, true].map { isExplicit in
            answers.encoded(
                Array(copies.indices)[...], Answers.Shape(requested: requested, level: "STUDY", isExplicit: isExplicit))
        }
        let server = try await SCPServer.start(SCPConfiguration()) { _, responder in
            let identifiers = encoded[responder.transferSyntax == .explicitVRLittleEndian ? 1 : 0]
            for number in 0..<responses {
                try await responder.send(encoded: identifiers[number % identifiers.count])
            }
            return .success
        }
        return ReplaySCP(server)
    }

    package func stop() async { await server.stop() }
}
