import Foundation

/// Whether what lies below a directory is encrypted when the machine is off.
package enum AtRest: Sendable, Hashable {
    case encrypted
    /// By the configuration: encrypted in a way that cannot be seen from here, or known to those who answer for it.
    case accepted
    case unknown(directory: String)

    /// By the volume that the directory lies on: dm-crypt shows itself in sysfs.
    package init(of directory: String, isAccepted: Bool) {
        var status = stat()
        if stat(directory, &status) == 0, Self.isEncrypted(Self.name(of: UInt64(status.st_dev))) {
            self = .encrypted
        } else {
            self = isAccepted ? .accepted : .unknown(directory: directory)
        }
    }

    /// nil: nothing to say.
    package var warning: String? {
        guard case .unknown(let directory) = self else { return nil }
        return
            "\(directory) does not seem to lie on an encrypted volume; where it does, say `replica.at_rest: accepted`"
    }

    /// As sysfs writes it; Linux keeps the minor number's upper bits above the major's.
    static func name(of device: UInt64) -> String {
        let major = (device >> 8) & 0xFFF | (device >> 32) & ~0xFFF
        let minor = device & 0xFF | (device >> 12) & ~0xFF
        return "\(major):\(minor)"
    }

    /// A volume is, where it or any volume that it is made of is.
    private static func isEncrypted(_ device: String, depth: Int = 0) -> Bool {
        let path = "/sys/dev/block/\(device)"
        let uuid = attribute(path + "/dm/uuid")
        if uuid.hasPrefix("CRYPT-") { return true }
        return depth < 8
            && Files.names(in: path + "/slaves").contains { slave in
                let name = attribute("\(path)/slaves/\(slave)/dev")
                return !name.isEmpty && isEncrypted(name, depth: depth + 1)
            }
    }

    /// sysfs does not know how long its files are.
    private static func attribute(_ path: String) -> String {
        let bytes = FileManager.default.contents(atPath: path) ?? Data()
        return String(decoding: bytes, as: UTF8.self).trimmingCharacters(in: .whitespacesAndNewlines)
    }
}
