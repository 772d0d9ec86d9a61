/// What A-ASSOCIATE-RQ and -AC carry (PS3.8 §9.3.2, §9.3.3, Annex D).
struct AssociateRequest: Sendable, Equatable {
    var offersVersion1 = true
    var called: AETitle
    var calling: AETitle
    var contexts: [ProposedContext]
    var user = UserInformation()
}

struct AssociateAccept: Sendable, Equatable {
    var called: [UInt8]
    var calling: [UInt8]
    var contexts: [ContextResult]
    var user = UserInformation()
}

/// One presentation context as proposed: an abstract syntax and the transfer syntaxes that we read and write.
struct ProposedContext: Sendable, Equatable {
    var id: UInt8
    var abstractSyntax: String
    var transferSyntaxes: [String]
}

struct ContextResult: Sendable, Equatable {
    /// PS3.8 Table 9-18: 0 acceptance, 3 abstract syntax not supported, 4 transfer syntaxes not supported.
    var result: UInt8
    var id: UInt8
    var transferSyntax: String
}

struct UserInformation: Sendable, Equatable {
    /// Bytes of the PDV list that one P-DATA-TF may hold; 0: no limit (PS3.8 §D.1, F87).
    var maximumLength: UInt32 = 65_536
    var implementationClassUID = Implementation.classUID
    var implementationVersionName = Implementation.versionName
    /// Options of SOP classes (PS3.7 §D.3.3.5), by UID.
    var extendedNegotiations: [ExtendedNegotiation] = []
    /// Only written: whoever names a user to us is answered like anybody (F97), and secrets are not kept.
    var identity: UserIdentity?
}

/// What one side asks for, or the other grants, of a SOP class (PS3.7 §D.3.3.5).
struct ExtendedNegotiation: Sendable, Equatable {
    var sopClassUID: String
    var options: [UInt8]
}

enum Implementation {
    static let classUID = "2.25.302041257938205938840137225510442356613"
    static let versionName = "CONCORD_1"
    static let applicationContext = "1.2.840.10008.3.1.1.1"
}
