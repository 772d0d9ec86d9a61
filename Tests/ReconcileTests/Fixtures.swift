import DICOM

import struct DICOM.Tag

@testable import Reconcile

extension Copy {
    /// A copy of study 1.2.3 with the given attributes.
    static func of(
        _ source: String, issuer: String = "HOSP-A", uid: String = "1.2.3", lossy: [Tag] = [],
        _ attributes: [Tag: String] = [:]
    ) -> Copy {
        var record = StudyRecord()
        record[.studyInstanceUID] = uid
        for (tag, text) in attributes { record[tag] = text }
        return Copy(source: source, issuer: issuer, record: StudyRecord(texts: record.texts, lossy: lossy))
    }
}

/// Copies at sources a, b, c… of one issuer that differ in one attribute only.
func rows(_ tag: Tag, _ texts: String?...) -> [Discrepancy] {
    Reconciler().discrepancies(
        of: zip(["a", "b", "c", "d"], texts).map { source, text in
            Copy.of(source, text.map { [tag: $0] } ?? [:])
        })
}

/// Class, severity and sources in one line.
func summary(_ rows: [Discrepancy]) -> [String] {
    rows.map { "\($0.discrepancyClass.rawValue) \($0.severity.rawValue) \($0.sources.joined(separator: ","))" }
}
