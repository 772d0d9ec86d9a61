/// The attributes of a match in the order of their tags, as every form of answer shows them (PS3.18 §10.6.3.3): those that have
/// a text, and of the others some as empty.
package struct MatchAttributes {
    private let attributes: [QueryAttribute]
    /// Shown where there is no text: always, and because they are asked for.
    private let minimum: Set<Tag>
    private let requested: Set<Tag>
    private let text: (QueryAttribute) -> String?

    package func each(_ body: (_ attribute: QueryAttribute, _ text: String) -> Void) {
        for attribute in attributes {
            if attribute.tag == .specificCharacterSet {
                body(attribute, "ISO_IR 192")
            } else if let text = text(attribute) {
                body(attribute, attribute.vr == .DA ? Self.strictDate(text) : text)
            } else if minimum.contains(attribute.tag) || requested.contains(attribute.tag) {
                body(attribute, "")
            }
        }
    }

    /// DA as the standard has it, or nothing: clients do not expect `2020.01.01` (F70).
    private static func strictDate(_ text: String) -> String { DICOMDate(text)?.da ?? "" }

    // MARK: Of each level

    /// - Parameter requested: shown even where no source returned them.
    package static func study(_ study: CatalogStudy, empty requested: Set<Tag>) -> MatchAttributes {
        MatchAttributes(attributes: ofStudies, minimum: minimumOfStudies, requested: requested) { attribute in
            attribute.tag == .retrieveAETitle
                ? study.holders.joined(separator: "\\") : study.record.texts[attribute.ordinal]
        }
    }

    /// A series, with its own attributes and those of its study (PS3.18 §10.6.3.3.2).
    package static func series(
        _ series: CatalogSeries, of study: CatalogStudy, empty requested: Set<Tag>
    ) -> MatchAttributes {
        MatchAttributes(attributes: ofEveryLevel, minimum: minimumOfSeries, requested: requested) { attribute in
            attribute.tag == .retrieveAETitle
                ? series.holders.joined(separator: "\\") : series.record[attribute.tag] ?? study.record[attribute.tag]
        }
    }

    /// An instance as a source sent it, with the UIDs that it is known to belong to.
    package static func instance(
        _ instance: DataSet, study: String, series: String, holders: [String], empty requested: Set<Tag>
    ) -> MatchAttributes {
        MatchAttributes(attributes: ofEveryLevel, minimum: minimumOfInstances, requested: requested) { attribute in
            switch attribute.tag {
            case .retrieveAETitle: holders.joined(separator: "\\")
            case .studyInstanceUID: study
            case .seriesInstanceUID: series
            default: instance.text(attribute.tag)
            }
        }
    }

    private static let ofEveryLevel = AttributeDictionary.all
        .filter { $0.tag != .queryRetrieveLevel && $0.tag != .retrieveURL }.sorted { $0.tag < $1.tag }

    /// All but the character set have their text at their ordinal in a record.
    private static let ofStudies = AttributeDictionary.all
        .filter { $0.column != nil || $0.tag == .specificCharacterSet }
        .sorted { $0.tag < $1.tag }

    /// What a study answer always has (F135).
    private static let minimumOfStudies: Set<Tag> = [
        .studyDate, .studyTime, .accessionNumber, .modalitiesInStudy, .referringPhysicianName, .patientName, .patientID,
        .patientBirthDate, .patientSex, .studyInstanceUID, .studyID, .numberOfStudyRelatedSeries,
        .numberOfStudyRelatedInstances, .studyDescription, .issuerOfPatientID,
    ]
    private static let minimumOfSeries: Set<Tag> = [.studyInstanceUID, .seriesInstanceUID, .modality, .seriesNumber]
    private static let minimumOfInstances: Set<Tag> = [.sopClassUID, .sopInstanceUID, .instanceNumber]
}
