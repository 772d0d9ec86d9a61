import DICOM
import StudyIndex

/// A lookup by a key that names one thing, in the languages of the three who ask for it.
struct ExactLookup {
    var load: LookupLoad
    var query: StudyQuery
    /// The text of `query`'s key.
    var sample: String
    /// The same in pgbench's language, of the variable `k`, a study's key.
    var key: String

    static func all(_ workload: LookupWorkload) throws -> [ExactLookup] {
        let patients = workload.patients
        return [
            try ExactLookup(
                "Study Instance UID", .studyInstanceUID, sample: workload.uid(1), path: "uid(k)",
                key: "('\(LookupWorkload.uidRoot)' || :k)"),
            try ExactLookup(
                "patient ID", .patientID, sample: workload.patientID(1), path: "patient(k)",
                key: "('P' || :k % \(patients))"),
            try ExactLookup(
                "accession number", .accessionNumber, sample: workload.accession(1), path: "accession(k)",
                key: "('A' || :k)"),
        ]
    }

    private init(_ name: String, _ tag: Tag, sample: String, path: String, key: String) throws {
        load = LookupLoad(name: name, paths: [path])
        query = StudyQuery(level: .study)
        query.keys = try AttributeDictionary.attribute(tag).map { [try QueryKey($0, parsing: sample)] } ?? []
        query.limit = 100
        self.sample = sample
        self.key = key
    }
}

extension LookupLoad {
    /// What people type and lists show.
    static let broad = [
        LookupLoad(name: "family name", paths: ["family(k)"]),
        LookupLoad(name: "31 days and a modality", paths: ["month(n)"]),
        LookupLoad(name: "part of a name", paths: ["part(k)"]),
        LookupLoad(name: "two characters of a name", paths: ["characters(k)"]),
    ]

    /// As viewers and workstations ask: nine of ten by a key.
    static let mix = LookupLoad(
        name: "a mix of all",
        paths: [String](repeating: "uid(k)", count: 16) + [String](repeating: "patient(k)", count: 12)
            + [String](repeating: "accession(k)", count: 8) + broad.flatMap(\.paths))
}
