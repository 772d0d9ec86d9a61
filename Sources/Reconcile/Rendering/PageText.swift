import Mustache

/// Escapes what goes into a page, byte by byte. Mustache's own goes by `Character`, and so lets a quote through that a
/// combining mark follows.
struct PageText: MustacheContentType {
    static let name = "CONCORD-PAGE"

    func escapeText(_ text: String) -> String {
        var escaped: [UInt8] = []
        escaped.reserveCapacity(text.utf8.count)
        for byte in text.utf8 {
            switch byte {
            case UInt8(ascii: "&"): escaped += "&amp;".utf8
            case UInt8(ascii: "<"): escaped += "&lt;".utf8
            case UInt8(ascii: ">"): escaped += "&gt;".utf8
            case UInt8(ascii: "\""): escaped += "&quot;".utf8
            case UInt8(ascii: "'"): escaped += "&#39;".utf8
            case UInt8(ascii: "`"): escaped += "&#96;".utf8
            // Controls are no text of a page; shown as their pictures, ␀ to ␟ and ␡.
            case 0x00...0x08, 0x0B...0x1F: escaped += [0xE2, 0x90, 0x80 + byte]
            case 0x7F: escaped += [0xE2, 0x90, 0xA1]
            default: escaped.append(byte)
            }
        }
        return String(decoding: escaped, as: UTF8.self)
    }
}
