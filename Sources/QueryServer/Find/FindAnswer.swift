import DICOM
import Spanning

/// One match as a C-FIND response shows it: the keys that were asked for and nothing else, those without a value with zero
/// length (PS3.4 §C.4.1.1.3.2, F122).
struct FindAnswer: Sendable {
    private let request: DataSet
    private let level: QueryLevel
    private let characterSet: SpecificCharacterSet

    init(to request: DataSet, level: QueryLevel, characterSet: SpecificCharacterSet) {
        self.request = request
        self.level = level
        self.characterSet = characterSet
    }

    func identifier(_ study: CatalogStudy) -> DataSet {
        identifier(holders: study.holders) { study.record[$0] }
    }

    func identifier(_ series: CatalogSeries, of study: CatalogStudy) -> DataSet {
        identifier(holders: series.holders) { series.record[$0] ?? study.record[$0] }
    }

    func identifier(_ instance: CatalogInstance) -> DataSet {
        identifier(holders: instance.holders) { tag in
            switch tag {
            case .studyInstanceUID: instance.study
            case .seriesInstanceUID: instance.series
            default: instance.dataSet.text(tag)
            }
        }
    }

    private func identifier(holders: [String], _ value: (Tag) -> String?) -> DataSet {
        var identifier = DataSet(characterSet: characterSet)
        var needsCharacterSet = false
        for element in request.elements {
            let tag = element.tag
            switch tag {
            case .specificCharacterSet, .queryRetrieveLevel, .timezoneOffsetFromUTC: continue
            case .retrieveAETitle: identifier.set(tag, holders.joined(separator: "\\"))
            default:
                guard let text = value(tag), !text.isEmpty else {
                    if element.vr == .SQ { identifier.set(tag, items: []) } else { identifier.setEmpty(tag) }
                    continue
                }
                needsCharacterSet = needsCharacterSet || text.utf8.contains { $0 >= 0x80 }
                identifier.set(tag, text)
            }
        }
        if needsCharacterSet { identifier.set(.specificCharacterSet, characterSet.dicomValue) }
        identifier.set(.queryRetrieveLevel, level.rawValue)
        // Where it can be moved from, asked for or not.
        if identifier[.retrieveAETitle] == nil { identifier.set(.retrieveAETitle, holders.joined(separator: "\\")) }
        return identifier
    }
}
