/// The two Little Endian transfer syntaxes in which queries and answers travel (PS3.5 §10, Annex A).
package enum TransferSyntax: String, Sendable, CaseIterable {
    case implicitVRLittleEndian = "1.2.840.10008.1.2"
    case explicitVRLittleEndian = "1.2.840.10008.1.2.1"

    var other: TransferSyntax {
        self == .implicitVRLittleEndian ? .explicitVRLittleEndian : .implicitVRLittleEndian
    }
}

/// How much of a data set is accepted from a peer.
package struct DataSetLimits: Sendable {
    package var bytes: Int
    package var depth = 8
    package var elements = 2_048

    package init(bytes: Int) { self.bytes = bytes }

    /// Answers that we asked for.
    package static let scu = DataSetLimits(bytes: 4 << 20)
    /// Identifiers that others send us.
    package static let scp = DataSetLimits(bytes: 64 << 10)
}

/// What was forgiven while reading (F78).
package struct Leniencies: Sendable, Hashable {
    /// Values of odd length (F74).
    package var oddLengths = 0
    /// Tags that did not ascend.
    package var disorder = 0
    /// Group length elements, which are ignored (F77).
    package var groupLengths = 0
    /// The other Little Endian syntax than the negotiated one (F90).
    package var otherSyntax = false
}
