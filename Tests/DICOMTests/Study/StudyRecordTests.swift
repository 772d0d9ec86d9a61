import Testing

@testable import DICOM

@Suite struct StudyRecordTests {
    private func answer() -> DataSet {
        var answer = DataSet()
        answer.set(.specificCharacterSet, "ISO_IR 100")
        answer.set(.studyInstanceUID, "1.2.3")
        answer.set(.patientName, "MÜLLER^ANNA")
        answer.set(.patientBirthDate, "1970.01.31")
        answer.set(.studyDate, "20200229")
        answer.set(.studyTime, "101530.5")
        answer.set(.modalitiesInStudy, "sr/CT, CT")
        answer.set(.numberOfStudyRelatedSeries, "+4")
        answer.setEmpty(.accessionNumber)
        answer.set(.institutionName, "SAINT-ÉLOI ")
        answer.setBytes(Tag(0x0009, 0x0001), vr: .UN, [1, 2, 3, 4])
        return answer
    }

    @Test(arguments: TransferSyntax.allCases)
    func itsShortPathReadsWhatADataSetReads(_ syntax: TransferSyntax) throws {
        let bytes = try answer().encoded(as: syntax)
        let direct = try StudyRecord(decoding: bytes, as: syntax)
        #expect(direct == StudyRecord(try DataSet(decoding: bytes, as: syntax)))
        #expect(direct.patientName?.alphabetic == "MÜLLER^ANNA")
        #expect(direct.birthDate == DICOMDate("19700131"))
        #expect(direct.studyDate?.iso == "2020-02-29")
        #expect(direct.studyTime?.microseconds == 36_930_500_000)
        #expect(direct.modalities == ["CT", "SR"])
        #expect(direct.numberOfSeries == 4)
        #expect(direct.accessionNumber == "" && direct[.accessionNumber] == "")
        #expect(direct[.patientID] == nil)
        #expect(direct.institutions == ["SAINT-ÉLOI"])
    }

    @Test func theSourcesCharacterSetReadsWhatDeclaresNone() throws {
        var undeclared = answer()
        undeclared.remove(.specificCharacterSet)
        let bytes = try undeclared.encoded(as: .implicitVRLittleEndian)
        let record = try StudyRecord(decoding: bytes, as: .implicitVRLittleEndian, defaultCharacterSet: .latin1)
        #expect(record.patientName?.alphabetic == "MÜLLER^ANNA")
    }

    @Test func rowsOfOneStudyBecomeOneRecord() {
        func row(_ modality: String, _ instances: String, description: String?) -> StudyRecord {
            var row = StudyRecord()
            row[.studyInstanceUID] = "1.2"
            row[.patientID] = "P"
            row[.modalitiesInStudy] = modality
            row[.numberOfStudyRelatedInstances] = instances
            row[.studyDescription] = description
            return row
        }
        let merged = StudyRecord.merged([row("CT", "3", description: nil), row("SR", "12", description: "HEAD")])
        #expect(merged.count == 1)
        #expect(merged.first?.modalities == ["CT", "SR"])
        #expect(merged.first?.numberOfInstances == 12)
        #expect(merged.first?[.studyDescription] == "HEAD")
    }

    /// Rows of series that were made in several places name all of them.
    @Test func rowsOfOneStudyNameAllInstitutions() {
        func merged(_ institutions: [String?]) -> String? {
            let rows = institutions.map { institution in
                var row = StudyRecord()
                row[.studyInstanceUID] = "1.2"
                row.institutionName = institution
                return row
            }
            return StudyRecord.merged(rows).first?.institutionName
        }
        #expect(merged(["NORTH", "NORTH ", nil]) == "NORTH")
        #expect(merged([nil, "SOUTH", "NORTH", "SOUTH"]) == "NORTH\\SOUTH")
        #expect(merged(["", nil]) == "")
        #expect(merged([nil, nil]) == nil)
    }

    @Test func twoPatientsUnderOneUIDStayApart() {
        let rows = ["A", "B", "A"].map { patient in
            var row = StudyRecord()
            row[.studyInstanceUID] = "1.2"
            row[.patientID] = patient
            return row
        }
        #expect(StudyRecord.merged(rows).map(\.patientID) == ["A", "B"])
    }

    @Test(arguments: [("+4", 4), ("004", 4), (" 12 ", 12), ("1.0", 1), ("-3", -3)])
    func integersAreReadTolerantly(_ text: String, _ value: Int) { #expect(Int(lenient: text) == value) }

    @Test(arguments: ["", "x", "1.5", "1e3", "99999999999999"])
    func whatIsNoIntegerIsNone(_ text: String) { #expect(Int(lenient: text) == nil) }
}
