/// What is wrong with bytes or values. Descriptions name tags, lengths and limits, never values: those are patient data.
package struct DICOMError: Error, Sendable, Equatable, CustomStringConvertible {
    package enum Code: Sendable, Equatable {
        /// A length that points past the end of what was received.
        case truncated
        /// More elements, depth or bytes than are accepted.
        case limitExceeded
        /// Bytes that are no data set in either Little Endian syntax.
        case malformed
        /// Text that the character set cannot write.
        case notEncodable
        /// A query key whose value has no meaning.
        case invalidKey
    }
    package let code: Code
    package let tag: Tag?
    package let detail: String

    package init(_ code: Code, tag: Tag? = nil, _ detail: String) {
        self.code = code
        self.tag = tag
        self.detail = detail
    }

    package static func == (left: DICOMError, right: DICOMError) -> Bool { left.code == right.code }

    package var description: String { "\(code)\(tag.map { " at \($0)" } ?? ""): \(detail)" }
}
