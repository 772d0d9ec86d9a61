/// The values of a study before anything goes wrong with them.
extension EnterpriseBuilder {
    /// What all copies say alike.
    mutating func commonValues(number: Int, patient: Patient, home: Int, day: Day) -> AttributeValues {
        let examination = Examination.all[random.weighted(Examination.all.map(\.weight))]
        let series = random.within(examination.series)
        let instances = (0..<series).reduce(0) { sum, _ in sum + random.within(examination.imagesPerSeries) }
        let referring = Patient(index: 0, script: patient.script, lastDay: firstDay, random: &random)
        var values = AttributeValues()
        values[.patientName] = patient.name.text
        values[.patientBirthDate] = patient.birthDay.da
        values[.patientSex] = patient.sex
        values[.studyDate] = day.da
        values[.studyTime] = studyTime()
        values[.accessionNumber] = accession(number: number, home: home, day: day)
        values[.studyID] = String(1 + number % 9973)
        values[.studyDescription] = random.pick(examination.descriptions(in: patient.script))
        values[.referringPhysicianName] = random.chance(0.7) ? referring.name.text : ""
        values[.modalitiesInStudy] = examination.modalities.joined(separator: "\\")
        values[.numberOfStudyRelatedSeries] = String(series)
        values[.numberOfStudyRelatedInstances] = String(instances)
        values[.timezoneOffsetFromUTC] = "+0100"
        return values
    }

    /// What differs by source without being wrong.
    mutating func localise(_ values: inout AttributeValues, patient: Patient, at source: Int) {
        let profile = sources[source]
        values[.patientID] = patient.identifier(at: profile.issuer)
        values[.issuerOfPatientID] = profile.issuer
        values[.retrieveAETitle] = profile.aeTitle
        values[.instanceAvailability] = ["ONLINE", "NEARLINE", "OFFLINE"][random.weighted([90, 8, 2])]
    }

    private func accession(number: Int, home: Int, day: Day) -> String {
        "\(["MC", "NB", "CH", "DA", "EV", "FK", "GL", "HM"][home % 8])\(day.da.dropFirst(2).prefix(2))\(digits(number, 7))"
    }

    /// Mostly in working hours; with a fraction in one of five, to the minute in one of fifty.
    private mutating func studyTime() -> String {
        let second =
            random.chance(0.85) ? random.within(25_200...68_400) : random.within(0...86_399)
        let minutes = digits(second / 3600, 2) + digits(second / 60 % 60, 2)
        if random.chance(0.02) { return minutes }
        let seconds = minutes + digits(second % 60, 2)
        guard random.chance(0.2) else { return seconds }
        return seconds + "." + (random.chance(0.5) ? digits(random.below(1000), 3) : digits(random.below(1_000_000), 6))
    }

    /// What sources lose on the way: values that were never entered, and numbers and lists in a form of their own (F40,
    /// F43). None of it is a disagreement.
    mutating func loseValues() {
        for study in drafts.indices {
            let isDivided = drafts[study].copies.contains { isDense($0.source, drafts[study].day) }
            for copy in drafts[study].copies.indices {
                var values = drafts[study].copies[copy].values
                let losses: [(Attribute, Double)] = [
                    (.studyTime, isDivided ? 0 : 0.02), (.patientBirthDate, 0.02), (.patientSex, 0.015),
                    (.accessionNumber, 0.03), (.studyDescription, 0.05), (.studyID, 0.05), (.retrieveAETitle, 0.02),
                ]
                for (attribute, probability) in losses where random.chance(probability) {
                    values[attribute] = ""
                }
                // Compared as strings, 0000 lies before 000000: a day that is divided by time could lose it.
                if isDivided, let time = values[.studyTime], time.count == 4 { values[.studyTime] = time + "00" }
                if random.chance(0.01), let instances = values[.numberOfStudyRelatedInstances] {
                    values[.numberOfStudyRelatedInstances] = random.chance(0.5) ? "+\(instances)" : "00\(instances)"
                }
                if random.chance(0.02), let modalities = values[.modalitiesInStudy] {
                    values[.modalitiesInStudy] = modalities.replacing("\\", with: "/")
                }
                drafts[study].copies[copy].values = values
            }
        }
    }
}
