import DICOM

/// Who asks for an association: identity is all of these together.
package struct Caller: Sendable, Hashable {
    package var calling: AETitle
    package var called: AETitle
    /// The peer's IP address.
    package var address: String
    /// Of the certificate that it has shown, whose chain was verified; nil: no TLS.
    package var certificate: CertificateFingerprint?
}

/// A C-FIND request as a provider sees it.
package struct FindRequest: Sendable {
    package let caller: Caller
    /// Of this process: requests of one association have the same.
    package let association: Int
    package let model: FindModel
    /// What the association was granted for this model.
    package let options: QueryOptions
    package let priority: Priority
    package let identifier: DataSet
    /// The identifier as received.
    package let rawIdentifier: [UInt8]
}

/// How a provider ends a C-FIND (PS3.4 §C.4.1.1.4).
package struct FindStatus: Sendable, Hashable {
    package var status: UInt16
    /// No more than 64 characters are sent, and no patient data belongs in it.
    package var errorComment: String?
    package var offendingElements: [Tag]

    package init(_ status: UInt16, errorComment: String? = nil, offendingElements: [Tag] = []) {
        self.status = status
        self.errorComment = errorComment
        self.offendingElements = offendingElements
    }

    package static let success = FindStatus(0x0000)
    package static let cancelled = FindStatus(0xFE00)
    package static let outOfResources = FindStatus(0xA700)
    package static let identifierDoesNotMatch = FindStatus(0xA900)
    package static func unableToProcess(_ comment: String) -> FindStatus { FindStatus(0xC000, errorComment: comment) }
    /// What an inner error becomes: never Success.
    static let innerError = FindStatus(0xC001, errorComment: "Unable to process")
}

/// How responses are cut into P-DATA-TF PDUs.
package enum PDUPacking: Sendable {
    /// Each presentation data value in a PDU of its own.
    case one
    /// A response's command and data set together in one PDU.
    case several
    /// As many as fit, those of several responses too (F88). Legal, and DCMTK 3.6.7's `findscu` crashes on it.
    case mixed
}
