import Foundation
import StudyIndex

/// Stands for patients in logs: equal texts have equal tokens, so that what belongs together is found, and whoever has not the
/// key learns nothing else (promise 6). HMAC-SHA-256, shortened to 64 bits.
package struct LogTokens: Sendable {
    private let key: [UInt8]
    /// A key is used so long; tokens of different keys have nothing in common.
    private static let lifetime: TimeInterval = 90 * 86_400

    init(key: [UInt8]) { self.key = key }

    /// - Parameter keyFile: made where it is missing, and anew after ninety days.
    package init(keyFile: String) throws {
        let made = (try? FileManager.default.attributesOfItem(atPath: keyFile))?[.modificationDate] as? Date
        if let made, Date().timeIntervalSince(made) < Self.lifetime,
            let kept = FileManager.default.contents(atPath: keyFile),
            kept.count == 32
        {
            key = [UInt8](kept)
            return
        }
        guard let new = randomBytes(32) else { throw AuditError("the system's libcrypto has no random bytes to give") }
        try? FileManager.default.removeItem(atPath: keyFile)
        guard
            FileManager.default.createFile(
                atPath: keyFile, contents: Data(new), attributes: [.posixPermissions: 0o600])
        else { throw AuditError("\(keyFile) cannot be written") }
        key = new
    }

    package func token(_ text: String) -> String { hex(SHA256.authenticate(Array(text.utf8), key: key).prefix(8)) }
}
