/// One way in which an issuer's patient is named: patient ID, name, birth date and sex as one observation has them together.
package struct PatientIdentity: Sendable, Hashable {
    /// The effective issuer of the patient ID.
    package var issuer: String
    /// As sent; "": not known, or not known without loss.
    package var patientID: String
    package var name: String
    package var birthDate: String
    package var sex: String

    package init(issuer: String, patientID: String, name: String, birthDate: String, sex: String) {
        self.issuer = issuer
        self.patientID = patientID
        self.name = name
        self.birthDate = birthDate
        self.sex = sex
    }
}
