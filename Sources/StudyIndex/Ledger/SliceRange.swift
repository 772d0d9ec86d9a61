import DICOM

/// What one slice of a sweep asks for: all of its constraints together. Only dates partition a source's studies, and only
/// the dated ones; every other constraint enumerates (F38).
package struct SliceRange: Sendable, Hashable {
    /// The narrowest constraint, by which a slice is split from its parent.
    package enum Axis: String, Sendable {
        case dates, times, modalities, prefixes, patient, uids
    }

    package var dates: DateRange?
    /// Times within one day, which `dates` then names (F15).
    package var times: TimeRange?
    /// Of ModalitiesInStudy.
    package var modality: String?
    /// What patient IDs begin with; "": anything.
    package var patientPrefix: String?
    package var patientID: String?
    /// Study Instance UIDs. At STUDY level one, whose presence is asked for; at SERIES level those whose series are.
    package var uids: [String]?

    package init(
        dates: DateRange? = nil, times: TimeRange? = nil, modality: String? = nil, patientPrefix: String? = nil,
        patientID: String? = nil, uids: [String]? = nil
    ) {
        self.dates = dates
        self.times = times
        self.modality = modality
        self.patientPrefix = patientPrefix
        self.patientID = patientID
        self.uids = uids
    }

    package var axis: Axis {
        if uids != nil { return .uids }
        if patientID != nil { return .patient }
        if patientPrefix != nil { return .prefixes }
        if modality != nil { return .modalities }
        return times != nil ? .times : .dates
    }

    /// The day, where the range lies within one.
    package var day: DICOMDate? {
        guard let lower = dates?.lower, lower == dates?.upper else { return nil }
        return lower
    }
}

extension SliceRange: CustomStringConvertible {
    /// For operators. Patient IDs and their beginnings are patient data and are left out.
    package var description: String {
        var parts = [dates?.da.isEmpty == true ? "any date" : dates?.da, times?.tm, modality].compactMap { $0 }
        if let patientPrefix, !patientPrefix.isEmpty {
            parts.append("patient IDs of one beginning of \(patientPrefix.count) characters")
        }
        if patientPrefix == "" { parts.append("all patient IDs") }
        if patientID != nil { parts.append("one patient") }
        if let uids { parts.append(uids.count == 1 ? "one study by its UID" : "\(uids.count) studies by their UIDs") }
        return parts.joined(separator: " ")
    }
}
