import StudyIndex

/// A probe's findings as a PACS administrator reads them: what was asked, what was found, and what follows for sweeps.
package struct ProbeTable {
    package struct Row: Sendable, Hashable {
        package let question: String
        package let finding: String
        package let meaning: String
        package let evidence: String
    }

    package static func rows(_ findings: [StudyIndex.Capability]) -> [Row] {
        let hasSeries = findings.contains {
            $0.name == Capabilities.Name.series && $0.value == Capabilities.Key.works.rawValue
        }
        return findings.compactMap { finding in
            guard let words = words(finding.name, finding.value) else { return nil }
            let isPointless = finding.name == Capabilities.Name.relationalSeries && !hasSeries
            return Row(
                question: words.question, finding: finding.value, meaning: isPointless ? "" : words.meaning,
                evidence: finding.evidence)
        }
    }

    /// nil: nothing that an administrator would ask for.
    private static func words(_ name: String, _ value: String) -> (question: String, meaning: String)? {
        typealias Name = Capabilities.Name
        let works = value == Capabilities.Key.works.rawValue
        switch name {
        case Name.models:
            return (
                "Information models",
                value.contains("Study Root")
                    ? "all studies can be asked for"
                    : "studies without a patient ID cannot be reached"
            )
        case Name.probed: return ("A day with studies", value == "found" ? "" : "probe again when it has studies")
        case Name.dateRanges:
            return (
                "Ranges of dates",
                works ? "swept by date" : "cannot be swept by date: sweep it by patient (--by-patient)"
            )
        case Name.openDates:
            return ("Dates with an open end", works ? "absurd dates are reached" : "absurd dates are not reached")
        case Name.timeRanges:
            return (
                "Ranges of times",
                works ? "overfull days are asked by time" : "overfull days are asked by modality or patient ID"
            )
        case Name.uidQuery:
            return (
                "One study by its UID",
                works ? "missing copies can be confirmed" : "missing copies cannot be confirmed, and are not reported"
            )
        case Name.longestUIDList:
            return ("Lists of UIDs", value == "1" ? "live questions by list may miss" : "")
        case Name.patientPrefixes:
            return (
                "Beginnings of patient IDs",
                works ? "can be swept by patient" : "patients are asked one by one (known ones, or a list)"
            )
        case Name.nameCase:
            return (
                "Case of names",
                value == "insensitive"
                    ? "live questions find both" : "live questions by name may miss; the index does not"
            )
        case Name.modalities:
            return ("ModalitiesInStudy", works ? "overfull days can be divided by it" : "is not relied on")
        case Name.missingKeys:
            return ("Attributes never returned", value == "none" ? "" : "unknown for its studies, never a mismatch")
        case Name.recordKeys:
            return (
                "Record keys",
                works ? "answers are gone on with where they end; no range is cut finer" : "are not relied on"
            )
        case Name.series: return ("Series of a study", works ? "can be swept by series" : "series cannot be swept")
        case Name.relationalSeries:
            return (
                "Series of a day",
                works ? "series are swept by date, with few questions" : "series are asked study by study"
            )
        case Name.characterSet:
            return (
                "Character set",
                value == "declared" ? "" : "set character_set in concord.yaml, or names may be read wrongly"
            )
        case Name.latency: return ("One small question", "when it takes twice as long, sweeps slow down")
        case Name.queriesPerAssociation:
            return ("Questions per association", value == "1" ? "an association is opened for each" : "")
        case CapabilityName.silentCap: return ("Silent limit of answers", "ranges are kept below it")
        case CapabilityName.announcedCap: return ("Limit of answers", "ranges are kept below it")
        case CapabilityName.mostRowsAccepted: return ("Most rows accepted", "no more are asked for at once")
        default: return nil
        }
    }
}
