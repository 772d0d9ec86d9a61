/// How a report speaks of a class.
extension DiscrepancyClass {
    package var title: String {
        switch self {
        case .differentPatients: "Different patients"
        case .patientName: "Patient name"
        case .birthDate: "Birth date"
        case .sex: "Sex"
        case .patientID: "Patient ID"
        case .rewrittenPatientID: "Rewritten Patient ID"
        case .stalePatient: "Outdated patient"
        case .issuer: "Issuer of Patient ID"
        case .accession: "Accession number"
        case .reusedAccession: "Accession number used twice"
        case .studyDate: "Study date"
        case .studyTime: "Study time"
        case .description: "Study description"
        case .referringPhysician: "Referring physician"
        case .seriesCount: "Number of series"
        case .instanceCount: "Number of images"
        case .subsetCopy: "Partial copy"
        case .zeroImages: "No images"
        case .noStudyDate: "No study date"
        case .implausibleStudyDate: "Implausible study date"
        case .unparsableValue: "Unreadable value"
        case .impossibleValue: "Impossible value"
        case .characterSet: "Damaged text"
        case .probableCopy: "Probable copy"
        case .missingCopy: "Missing copy"
        }
    }

    /// What the rows of this class have in common.
    package var meaning: String {
        switch self {
        case .differentPatients:
            "One Study Instance UID stands for different people: the names really differ, and so does the birth date, or "
                + "the Patient ID of one issuer. Look at these first."
        case .patientName:
            "The copies name the patient differently. Often one source has the state before a correction or a marriage."
        case .birthDate: "The copies give different birth dates."
        case .sex: "The copies give different sexes; minor where one of them is O (other)."
        case .patientID: "Sources of one issuer file the study under different Patient IDs."
        case .rewrittenPatientID:
            "One ID that a source has rewritten, so that it is no other patient; but a search for the original misses it."
        case .stalePatient:
            "One source has the patient's name or ID from before a marriage, a merge or a correction: the same person, found "
                + "under the old values only."
        case .issuer: "The same Patient ID is sent under different issuers: one of them is wrong."
        case .accession: "The copies belong to different orders."
        case .reusedAccession:
            "One accession number of one issuer stands for studies of different patients: an order was given out twice, or a "
                + "study is filed under another's order."
        case .studyDate: "The copies were made on different days; cosmetic where only the notation differs."
        case .studyTime: "The copies were made at different times; cosmetic where only the notation differs."
        case .description: "The sources describe the study differently."
        case .referringPhysician: "The sources name different referring physicians."
        case .seriesCount: "The sources hold different numbers of series: one copy may be incomplete."
        case .instanceCount: "The sources hold different numbers of images: one copy may be incomplete."
        case .subsetCopy:
            "A copy holds a part of another: prefetched series, or without the reports and presentation states that the other "
                + "source made itself."
        case .zeroImages: "A source lists the study and says that it holds no image of it."
        case .unparsableValue: "A date, a time or a number that cannot be read as one, and so cannot be searched by."
        case .noStudyDate: "A source holds the study without a date: searches by date do not find it there."
        case .implausibleStudyDate: "A study date that is a placeholder such as 1900-01-01, or that lies in the future."
        case .impossibleValue:
            "A value that can be read and cannot be true: born after the examination or more than 130 years before it, more "
                + "series than images."
        case .characterSet:
            "A source's character set has dropped, replaced or misread letters. No mismatch; but who searches there for the "
                + "right text finds nothing."
        case .probableCopy:
            "Two Study Instance UIDs with the same patient, accession number, date and modality: probably one examination, "
                + "stored twice. A suggestion; nothing is merged."
        case .missingCopy: "A source lacks a study that it is configured to hold; the absence was confirmed by its UID."
        }
    }

    /// What to do about a row of this class.
    package var advice: String {
        switch self {
        case .differentPatients:
            "Compare the images and the order with both patients before anything else; have the wrong copy quarantined."
        case .patientName, .birthDate, .sex:
            "Compare with the master patient index; correct the source that is behind, and resend its demographics (ADT A08)."
        case .patientID:
            "Look for a merge (ADT A40) that one source has missed; otherwise the study may belong to another patient."
        case .rewrittenPatientID:
            "Nothing for the patient; tell viewers and Concord (`patient_id_rewrite`) how the source writes its IDs."
        case .stalePatient: "Resend the update or the merge (ADT A08, A40) to the source that has the old values."
        case .issuer: "Correct the issuer that the source sends, or its `issuer` in concord.yaml."
        case .accession: "Compare with the order; correct the copy that is filed under another one."
        case .reusedAccession:
            "Find out which study the order belongs to, and give the other an accession number of its own."
        case .studyDate, .studyTime:
            "Check the clock and the time zone of the modality and of what converts on the way; then correct the copy."
        case .description, .referringPhysician: "Take the value from the order, where it matters to searches."
        case .seriesCount, .instanceCount:
            "Compare the series; look for rejected images (KO) on one side; then send again what is missing."
        case .subsetCopy: "Nothing, where the source is meant to hold a part; otherwise retrieve the rest."
        case .zeroImages: "Retrieve the images again, or have the empty entry removed."
        case .noStudyDate: "Enter the date: what has none is missed by every sweep and migration that goes by date."
        case .implausibleStudyDate: "Enter the true date, and look at the modality's clock where it lies in the future."
        case .unparsableValue, .impossibleValue: "Correct the value at the source; searches cannot use it as it is."
        case .characterSet: "Check the source's Specific Character Set, and its `character_set` in concord.yaml."
        case .probableCopy: "Compare the images; if they are the same, keep one and tell the sources about the other."
        case .missingCopy: "Send the study from a source that holds it, then sweep the day again."
        }
    }
}
