import DICOM
import DIMSE

/// One simulated PACS on a port of its own: a source's studies, answered the way its temper has it.
package final class SimulatedPACS: Sendable {
    package let profile: SourceProfile
    package let log: DoorLog
    private let server: SCPServer

    package var port: Int { server.port }

    /// Responses between two waits of a slow source.
    private static let batch = 100

    private init(profile: SourceProfile, log: DoorLog, server: SCPServer) {
        self.profile = profile
        self.log = log
        self.server = server
    }

    /// `port` 0: any free one.
    package static func start(
        _ profile: SourceProfile, copies: [StudyCopy], host: String = "127.0.0.1", port: Int = 0
    ) async throws -> SimulatedPACS {
        let log = DoorLog()
        let archive = Archive(profile: profile, copies: copies)
        var configuration = SCPConfiguration()
        configuration.host = host
        configuration.port = port
        configuration.aeTitles = [try AETitle(profile.aeTitle)]
        configuration.pduPacking = profile.temper.packsSeveralPDVs ? .several : .one
        configuration.queriesPerAssociation = profile.temper.queriesPerAssociation
        if profile.temper.recordsPerPage != nil { configuration.models.insert(.repository) }
        configuration.grants = profile.temper.takesRelationalQuestions ? .relational : []
        configuration.onAssociation = { event in
            switch event {
            case .opened(let calling): log.record(.associationOpened, calling: calling.value)
            case .closed(let calling): log.record(.associationClosed, calling: calling.value)
            case .rejected, .failed: break
            }
        }
        let server = try await SCPServer.start(
            configuration, onEcho: { calling in log.record(.echo, calling: calling.value) },
            onFind: { request, responder in
                log.record(.find, calling: request.caller.calling.value)
                return try await archive.answer(request, responder)
            })
        return SimulatedPACS(profile: profile, log: log, server: server)
    }

    package func stop() async { await server.stop() }

    /// What lies behind the network: the studies, and how they are answered.
    private struct Archive: Sendable {
        let profile: SourceProfile
        let table: StudyTable
        let answers: Answers

        init(profile: SourceProfile, copies: [StudyCopy]) {
            self.profile = profile
            table = StudyTable(copies, temper: profile.temper)
            answers = Answers(copies, profile: profile)
        }

        func answer(_ request: FindRequest, _ responder: FindResponder) async throws -> FindStatus {
            var keys: [Attribute: String] = [:]
            var requested: Set<UInt32> = []
            for attribute in Attribute.allCases {
                guard let text = request.identifier.text(attribute.dicomTag) else { continue }
                keys[attribute] = text
                requested.insert(attribute.tag)
            }
            switch (request.identifier.text(.queryRetrieveLevel), request.model) {
            case ("STUDY", .repository):
                return try await answerRecords(keys, requested, RecordNumber(after: request.identifier), responder)
            case ("STUDY", _):
                return try await answerStudies(keys, requested, responder)
            case ("PATIENT", .patientRoot), ("PATIENT", .patientStudyOnly):
                return try await answerPatients(keys, requested, responder)
            case ("SERIES", .studyRoot), ("SERIES", .patientRoot):
                return try await answerSeries(
                    keys, series: request.identifier.text(.seriesInstanceUID) ?? "", responder)
            default:
                return FindStatus(0xA900, offendingElements: [.queryRetrieveLevel])
            }
        }

        /// The series of one study, or where the source takes relational questions of all studies that match.
        private func answerSeries(
            _ keys: [Attribute: String], series wanted: String, _ responder: FindResponder
        ) async throws -> FindStatus {
            let uid = keys[.studyInstanceUID] ?? ""
            guard !uid.isEmpty && !uid.contains("\\") || profile.temper.takesRelationalQuestions else {
                return FindStatus(0xA900, offendingElements: [.studyInstanceUID])
            }
            let encoder = IdentifierEncoder(isExplicit: responder.transferSyntax == .explicitVRLittleEndian)
            if let latency = profile.temper.latency { try await Task.sleep(for: latency) }
            for position in table.matches(keys) {
                for series in SimulatedSeries.all(of: table.copies[position])
                where wanted.isEmpty || series.uid == wanted {
                    try await responder.send(encoded: encoder.encode(series.elements))
                }
                if responder.isCancelled { return .cancelled }
            }
            return .success
        }

        private func answerStudies(
            _ keys: [Attribute: String], _ requested: Set<UInt32>, _ responder: FindResponder
        ) async throws -> FindStatus {
            let matches = profile.temper.ignoresKeys ? Array(table.copies.indices) : table.matches(keys)
            var ending = FindStatus.success
            var sent = matches.count
            switch profile.temper.cap {
            case .silent(let count): sent = min(sent, count)
            case .cancelled(let count) where matches.count > count:
                sent = count
                ending = .cancelled
            case .refused(let count) where matches.count > count && (keys[.studyInstanceUID] ?? "").isEmpty:
                return .unableToProcess("Request entity too large")
            default: break
            }
            if let end = profile.temper.breaksOff {
                sent = min(sent, end.rows)
                ending = FindStatus(end.status)
            }
            let shape = Answers.Shape(
                requested: requested, level: "STUDY", isExplicit: responder.transferSyntax == .explicitVRLittleEndian)
            return try await send(answers, matches.prefix(sent), shape, responder) ? ending : .cancelled
        }

        /// A page of a Repository Query; a record's key is its place.
        private func answerRecords(
            _ keys: [Attribute: String], _ requested: Set<UInt32>, _ prior: RecordNumber?, _ responder: FindResponder
        ) async throws -> FindStatus {
            let matches = table.matches(keys).sorted().filter { position in prior.map { position > $0.value } ?? true }
            let page = matches.prefix(profile.temper.recordsPerPage ?? matches.count)
            let syntax = responder.transferSyntax
            let shape = Answers.Shape(
                requested: requested, level: "STUDY", isExplicit: syntax == .explicitVRLittleEndian)
            if let latency = profile.temper.latency { try await Task.sleep(for: latency) }
            for (position, encoded) in zip(page, answers.encoded(page, shape)) {
                var record = try DataSet(decoding: encoded, as: syntax)
                RecordNumber(value: position).mark(&record)
                try await responder.send(encoded: record.encoded(as: syntax))
                if responder.isCancelled { return .cancelled }
            }
            if case .silent = profile.temper.cap { return .success }
            return page.count < matches.count ? FindStatus(0xB001) : .success
        }

        private func answerPatients(
            _ keys: [Attribute: String], _ requested: Set<UInt32>, _ responder: FindResponder
        ) async throws -> FindStatus {
            var seen: Set<String> = []
            let firsts = table.matches(keys.filter { $0.key.isOfPatient })
                .filter { seen.insert(table.copies[$0].values[.patientID] ?? "").inserted }
            let ofPatients = Set(Attribute.allCases.filter(\.isOfPatient).map(\.tag))
            let shape = Answers.Shape(
                requested: requested.intersection(ofPatients), level: "PATIENT",
                isExplicit: responder.transferSyntax == .explicitVRLittleEndian)
            return try await send(answers, firsts[...], shape, responder) ? .success : .cancelled
        }

        /// False: the peer cancelled.
        private func send(
            _ answers: Answers, _ positions: ArraySlice<Int>, _ shape: Answers.Shape, _ responder: FindResponder
        ) async throws -> Bool {
            if positions.isEmpty, let latency = profile.temper.latency { try await Task.sleep(for: latency) }
            var rest = positions
            while !rest.isEmpty {
                if let latency = profile.temper.latency { try await Task.sleep(for: latency) }
                for identifier in answers.encoded(rest.prefix(SimulatedPACS.batch), shape) {
                    try await responder.send(encoded: identifier)
                }
                rest = rest.dropFirst(SimulatedPACS.batch)
                if responder.isCancelled { return false }
            }
            return true
        }
    }
}

/// A place among the studies of a source, as the Record Key that only the source itself can read.
private struct RecordNumber {
    let value: Int

    init(value: Int) { self.value = value }

    /// nil: from the beginning.
    init?(after question: DataSet) {
        guard case .bytes(let key)? = question[.priorRecordKey]?.content, !key.isEmpty else { return nil }
        value = key.reduce(0) { $0 << 8 | Int($1) }
    }

    func mark(_ record: inout DataSet) {
        record.setBytes(.recordKey, vr: .OB, stride(from: 24, through: 0, by: -8).map { UInt8(value >> $0 & 0xFF) })
    }
}

extension Attribute {
    var dicomTag: Tag { Tag(UInt16(tag >> 16), UInt16(tag & 0xFFFF)) }
}
