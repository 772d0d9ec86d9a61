import DICOM

extension PersonMatcher {
    /// Of patients as DICOM knows them.
    package init(_ identities: [PatientIdentity], thresholds: Thresholds = Thresholds()) {
        var reader = NameReader()
        self.init(identities.map { $0.record(&reader) }, model: .dicom, thresholds: thresholds)
    }
}

extension PatientIdentity {
    /// In the order of `PersonModel.dicom`'s fields. What stands for "unknown" is not known (F175).
    fileprivate func record(_ reader: inout NameReader) -> PersonRecord {
        let isUnidentified = Placeholder.isName(PersonName(name))
        let name = isUnidentified ? NameReader.Name() : reader.read(name)
        let date = DICOMDate(birthDate).flatMap { Placeholder.isBirthDate($0) ? nil : $0.da }
        let sex = sex.trimmingSpaces().uppercased()
        let id = TextComparison.key(patientID)
        return PersonRecord(
            issuer: TextComparison.key(issuer),
            values: [
                name.latin.family, name.latin.given, name.ideographic.family, name.ideographic.given,
                name.phonetic.family, name.phonetic.given, name.middle, name.suffix, date ?? "",
                sex == "M" || sex == "F" ? sex : "",
                Placeholder.isPatientID(patientID) ? "" : String(id.drop { $0 == "0" }),
            ], isUnidentified: isUnidentified)
    }
}

extension PersonModel {
    /// What C-FIND returns of a patient (F171).
    package static let dicom: PersonModel = {
        let (family, given, middle, suffix, birthDate, sex, id) = (0, 1, 6, 7, 8, 9, 10)
        let (ideographs, phonetic) = (Reading(2, 3), Reading(4, 5))
        var model = PersonModel(
            fields: [
                Field("family name", .name), Field("given name", .name), Field("ideographic family name", .ideographs),
                Field("ideographic given name", .ideographs), Field("phonetic family name", .name),
                Field("phonetic given name", .name), Field("middle name", .name), Field("suffix", .code),
                Field("birth date", .date), Field("sex", .code), Field("patient ID", .identifier),
            ],
            comparisons: [
                .pair("order of names", readings: [Reading(family, given), ideographs, phonetic]), .single(middle),
                .single(suffix), .single(birthDate), .single(sex), .single(id),
            ],
            passes: [
                Pass(.value(id), .value(birthDate)),
                Pass(.value(birthDate), .initials(family, given), .sound(family), .sound(given)),
                Pass(.both(family, given), .year(birthDate), .monthAndDay(birthDate)),
                Pass(.both(ideographs.first, ideographs.second), .year(birthDate), .monthAndDay(birthDate)),
                Pass(.sound(family), .year(birthDate), .sound(given)),
                Pass(.sound(given), .year(birthDate), .sound(family)),
                Pass(.sound(family), .monthAndDay(birthDate), .sound(given)),
                Pass(.sound(given), .monthAndDay(birthDate), .sound(family)),
            ])
        let (alike, known): ([Agreement], [Agreement]) = ([.exact, .typo, .close, .part], [.exact, .typo])
        model.grounds = [
            Condition("names and birth date", ("given name", alike), ("birth date", known)),
            Condition("patient ID", ("patient ID", [.exact])),
        ]
        model.contradictions = [
            Condition(
                "twins", ("family name", [.exact, .typo, .close]), ("given name", [.different]),
                ("birth date", [.exact]),
                ("patient ID", [.typo, .close, .part, .different, .missing])),
            Condition("generations", ("suffix", [.typo, .close, .part, .different])),
        ]
        return model
    }()
}
