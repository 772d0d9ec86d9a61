/// How a report speaks of a class.
extension DiscrepancyClass {
    package var title: String {
        switch self {
        case .differentPatients: "Different patients"
        case .patientName: "Patient name"
        case .birthDate: "Birth date"
        case .sex: "Sex"
        case .patientID: "Patient ID"
        case .issuer: "Issuer of Patient ID"
        case .accession: "Accession number"
        case .studyDate: "Study date"
        case .studyTime: "Study time"
        case .seriesCount: "Number of series"
        case .instanceCount: "Number of images"
        case .zeroImages: "No images"
        case .unparsableValue: "Unreadable value"
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
        case .issuer: "The same Patient ID is sent under different issuers: one of them is wrong."
        case .accession: "The copies belong to different orders."
        case .studyDate: "The copies were made on different days; cosmetic where only the notation differs."
        case .studyTime: "The copies were made at different times; cosmetic where only the notation differs."
        case .seriesCount: "The sources hold different numbers of series: one copy may be incomplete."
        case .instanceCount: "The sources hold different numbers of images: one copy may be incomplete."
        case .zeroImages: "A source lists the study and says that it holds no image of it."
        case .unparsableValue: "A date, a time or a number that cannot be read as one, and so cannot be searched by."
        case .probableCopy:
            "Two Study Instance UIDs with the same patient, accession number, date and modality: probably one examination, "
                + "stored twice. A suggestion; nothing is merged."
        case .missingCopy: "A source lacks a study that it is configured to hold; the absence was confirmed by its UID."
        }
    }
}
