import Testing

@testable import DICOM

private func sample() -> DataSet {
    var item = DataSet()
    item.set(.patientID, "7")
    var dataSet = DataSet()
    dataSet.set(.specificCharacterSet, "ISO_IR 192")
    dataSet.set(.patientName, "Müller^Anna")
    dataSet.set(.studyInstanceUID, "1.2.3")
    dataSet.set(Tag(0x0008, 0x1032), items: [item, DataSet()])
    dataSet.setEmpty(.studyDate)
    return dataSet
}

@Suite struct DataSetTests {
    @Test(arguments: TransferSyntax.allCases)
    func whatIsWrittenIsReadAgain(_ syntax: TransferSyntax) throws {
        let bytes = try sample().encoded(as: syntax)
        #expect(bytes.count % 2 == 0)
        let read = try DataSet(decoding: bytes, as: syntax)
        #expect(read.elements.map(\.tag) == read.elements.map(\.tag).sorted())
        #expect(read.text(.patientName) == "Müller^Anna")
        #expect(read.text(.studyInstanceUID) == "1.2.3")
        #expect(read.text(.studyDate) == "")
        #expect(read.text(.accessionNumber) == nil)
        #expect(try read.encoded(as: syntax) == bytes)
        #expect(read.leniencies == Leniencies())
    }

    @Test(arguments: TransferSyntax.allCases)
    func theOtherLittleEndianSyntaxIsTriedOnce(_ syntax: TransferSyntax) throws {
        let other: TransferSyntax =
            syntax == .implicitVRLittleEndian ? .explicitVRLittleEndian : .implicitVRLittleEndian
        let read = try DataSet(decoding: try sample().encoded(as: other), as: syntax)
        #expect(read.text(.studyInstanceUID) == "1.2.3")
        #expect(read.leniencies.otherSyntax)
    }

    @Test func itemsOfDefinedAndUndefinedLengthAreTheSame() throws {
        // (0008,1032) of undefined length, one item of undefined length with Patient ID "7 ".
        let undefined: [UInt8] = [
            0x08, 0x00, 0x32, 0x10, 0x53, 0x51, 0, 0, 0xFF, 0xFF, 0xFF, 0xFF,
            0xFE, 0xFF, 0x00, 0xE0, 0xFF, 0xFF, 0xFF, 0xFF,
            0x10, 0x00, 0x20, 0x00, 0x4C, 0x4F, 2, 0, 0x37, 0x20,
            0xFE, 0xFF, 0x0D, 0xE0, 0, 0, 0, 0,
            0xFE, 0xFF, 0xDD, 0xE0, 0, 0, 0, 0,
            0x20, 0x00, 0x10, 0x00, 0x53, 0x48, 2, 0, 0x31, 0x20,
        ]
        let read = try DataSet(decoding: undefined, as: .explicitVRLittleEndian)
        #expect(read.items(Tag(0x0008, 0x1032))?.first?.text(.patientID) == "7")
        #expect(read.text(.studyID) == "1")
    }

    @Test func groupLengthsAndOddLengthsAreForgivenAndCounted() throws {
        let bytes: [UInt8] = [
            0x08, 0x00, 0x00, 0x00, 4, 0, 0, 0, 9, 0, 0, 0,
            0x08, 0x00, 0x50, 0x00, 3, 0, 0, 0, 0x41, 0x42, 0x43,
        ]
        let read = try DataSet(decoding: bytes, as: .implicitVRLittleEndian)
        #expect(read.text(.accessionNumber) == "ABC")
        #expect(read.leniencies.groupLengths == 1 && read.leniencies.oddLengths == 1)
    }

    @Test func elementsOutOfOrderAreFoundAndWrittenInOrder() throws {
        var first = DataSet()
        first.set(.studyID, "1")
        var second = DataSet()
        second.set(.accessionNumber, "A")
        let bytes = try first.encoded(as: .implicitVRLittleEndian) + second.encoded(as: .implicitVRLittleEndian)
        let read = try DataSet(decoding: bytes, as: .implicitVRLittleEndian)
        #expect(read.leniencies.disorder == 1)
        #expect(read.elements.map(\.tag) == [.accessionNumber, .studyID])
    }

    @Test func aLengthPastTheEndIsAnError() {
        let bytes: [UInt8] = [0x08, 0x00, 0x50, 0x00, 0xF0, 0, 0, 0, 0x41, 0x42]
        #expect(throws: DICOMError(.truncated, "")) { try DataSet(decoding: bytes, as: .implicitVRLittleEndian) }
    }

    @Test func bytesAreLimited() throws {
        let bytes = try sample().encoded(as: .implicitVRLittleEndian)
        _ = try DataSet(decoding: bytes, as: .implicitVRLittleEndian, limits: DataSetLimits(bytes: bytes.count))
        #expect(throws: DICOMError(.limitExceeded, "")) {
            try DataSet(decoding: bytes, as: .implicitVRLittleEndian, limits: DataSetLimits(bytes: bytes.count - 1))
        }
    }

    @Test(arguments: [(7, true), (8, true), (9, false)])
    func depthIsLimited(_ depth: Int, _ isAccepted: Bool) throws {
        var dataSet = DataSet()
        for _ in 1..<depth {
            var outer = DataSet()
            outer.set(Tag(0x0008, 0x1032), items: [dataSet])
            dataSet = outer
        }
        let bytes = try dataSet.encoded(as: .explicitVRLittleEndian)
        for limits in [DataSetLimits.scu, .scp] {
            let read = try? DataSet(decoding: bytes, as: .explicitVRLittleEndian, limits: limits)
            #expect((read != nil) == isAccepted)
        }
    }

    @Test(arguments: [(2_047, true), (2_048, true), (2_049, false)])
    func elementsAreLimited(_ count: Int, _ isAccepted: Bool) throws {
        var dataSet = DataSet()
        for element in 1...count { dataSet.setBytes(Tag(0x0009, UInt16(element)), vr: .LO, [0x41, 0x20]) }
        let bytes = try dataSet.encoded(as: .implicitVRLittleEndian)
        for limits in [DataSetLimits.scu, .scp] {
            let read = try? DataSet(decoding: bytes, as: .implicitVRLittleEndian, limits: limits)
            #expect((read != nil) == isAccepted)
        }
        #expect(((try? StudyRecord(decoding: bytes, as: .implicitVRLittleEndian)) != nil) == isAccepted)
    }

    @Test func mutatedBytesAreReadOrRefusedButNeverTrap() throws {
        var random = SeededGenerator(state: 7)
        let originals = try TransferSyntax.allCases.map { try sample().encoded(as: $0) }
        for round in 0..<20_000 {
            var bytes = originals[round % 2]
            for _ in 0...Int.random(in: 0...3, using: &random) {
                let position = Int.random(in: 0..<bytes.count, using: &random)
                bytes[position] = UInt8.random(in: 0...255, using: &random)
            }
            bytes = Array(bytes.prefix(Int.random(in: 0...bytes.count, using: &random)))
            for syntax in TransferSyntax.allCases {
                if let read = try? DataSet(decoding: bytes, as: syntax) {
                    let written = try? read.encoded(as: syntax)
                    #expect(written.map { $0.count % 2 == 0 } ?? true)
                }
                _ = try? StudyRecord(decoding: bytes, as: syntax)
            }
        }
    }
}

struct SeededGenerator: RandomNumberGenerator {
    var state: UInt64
    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return mixed ^ (mixed >> 31)
    }
}
