import DICOM

/// The presentation contexts that we propose as a user, each in both Little Endian syntaxes (F91).
enum UserContexts {
    static let verificationID: UInt8 = 1
    private static let models: [FindModel] = [.studyRoot, .patientRoot, .patientStudyOnly, .repository]

    static func id(of model: FindModel) -> UInt8 {
        switch model {
        case .studyRoot: 3
        case .patientRoot: 5
        case .patientStudyOnly: 7
        case .repository: 9
        }
    }

    static let proposed: [ProposedContext] = {
        let syntaxes = [TransferSyntax.implicitVRLittleEndian, .explicitVRLittleEndian].map(\.rawValue)
        return [
            ProposedContext(
                id: verificationID, abstractSyntax: Verification.sopClassUID, transferSyntaxes: syntaxes)
        ]
            + models.map {
                ProposedContext(id: id(of: $0), abstractSyntax: $0.rawValue, transferSyntaxes: syntaxes)
            }
    }()

    static func negotiations(asking options: QueryOptions) -> [ExtendedNegotiation] {
        options.isEmpty
            ? [] : models.map { ExtendedNegotiation(sopClassUID: $0.rawValue, options: options.bytes()) }
    }

    /// What of `asked` the peer grants, by the models that it accepted. What it grants unasked does not count.
    static func granted(_ asked: QueryOptions, by accept: AssociateAccept) -> [FindModel: QueryOptions] {
        let pairs = models(accepted: accept).map { model in
            let item = accept.user.extendedNegotiations.first { $0.sopClassUID == model.rawValue }
            return (model, item.map { QueryOptions(negotiated: $0.options).intersection(asked) } ?? [])
        }
        return Dictionary(uniqueKeysWithValues: pairs)
    }

    /// The contexts that the peer accepted, with the transfer syntax that it chose (F92).
    static func accepted(_ accept: AssociateAccept) -> [UInt8: TransferSyntax] {
        var accepted: [UInt8: TransferSyntax] = [:]
        for context in accept.contexts where context.result == 0 && proposed.contains(where: { $0.id == context.id }) {
            accepted[context.id] = TransferSyntax(rawValue: context.transferSyntax)
        }
        return accepted
    }

    static func models(accepted: AssociateAccept) -> Set<FindModel> {
        let contexts = Self.accepted(accepted)
        return Set(models.filter { contexts[id(of: $0)] != nil })
    }
}
