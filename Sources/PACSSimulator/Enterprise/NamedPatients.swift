import DICOM

extension Enterprise {
    /// The ways in which its copies name patients, each once, and the number of the person that each means.
    package var namedPatients: (identities: [PatientIdentity], people: [Int]) {
        var identities: [PatientIdentity] = []
        var people: [Int] = []
        var known: Set<PatientIdentity> = []
        for study in studies {
            for copy in study.copies {
                let issuer = copy.values[.issuerOfPatientID] ?? ""
                let identity = PatientIdentity(
                    issuer: issuer.isEmpty ? sources[copy.source].issuer : issuer,
                    patientID: copy.values[.patientID] ?? "", name: copy.values[.patientName] ?? "",
                    birthDate: copy.values[.patientBirthDate] ?? "", sex: copy.values[.patientSex] ?? "")
                guard known.insert(identity).inserted else { continue }
                identities.append(identity)
                people.append(copy.person)
            }
        }
        return (identities, people)
    }
}
