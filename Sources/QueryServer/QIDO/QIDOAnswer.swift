import DICOM
import HTTPTypes
import Hummingbird
import Spanning
import StudyIndex

/// One page of matches of any level, with what must be said with them.
struct QIDOAnswer: Sendable {
    private enum Matches: Sendable {
        case studies([CatalogStudy])
        case series([(series: CatalogSeries, study: CatalogStudy)])
        case instances([CatalogInstance])
    }
    private let matches: Matches
    private let requested: Set<Tag>
    private(set) var warnings: Warnings
    /// Of the oldest proof that it rests on.
    let age: Duration?

    var count: Int {
        switch matches {
        case .studies(let studies): studies.count
        case .series(let series): series.count
        case .instances(let instances): instances.count
        }
    }

    init(_ answer: StudyAnswer, _ gaps: SpanningCatalog.Gaps, to wanted: SearchRequest) {
        self.init(.studies(answer.studies), gaps, to: wanted)
        warnings.remaining(answer.total - wanted.query.offset - answer.studies.count)
        warnings.undecided(answer.undecidedSources)
        warnings.ambiguity(wanted.query, answer.studies)
    }

    /// Of all series that match, the page that is wanted.
    init(
        _ series: [(series: CatalogSeries, study: CatalogStudy)], _ gaps: SpanningCatalog.Gaps,
        to wanted: SearchRequest
    ) {
        let page = Array(series.dropFirst(wanted.query.offset).prefix(wanted.query.limit))
        self.init(.series(page), gaps, to: wanted)
        warnings.remaining(series.count - wanted.query.offset - page.count)
    }

    /// Of all instances that match, the page that is wanted; nil: nobody could be asked.
    init(_ found: (matches: [CatalogInstance], gaps: SpanningCatalog.Gaps)?, to wanted: SearchRequest) {
        let instances = found?.matches ?? []
        let page = Array(instances.dropFirst(wanted.query.offset).prefix(wanted.query.limit))
        self.init(.instances(page), found?.gaps ?? SpanningCatalog.Gaps(), to: wanted)
        warnings.remaining(instances.count - wanted.query.offset - page.count)
        guard found == nil else { return }
        warnings.add(
            "Instances are not indexed, and no study is known to ask for: name a StudyInstanceUID, or the "
                + "SeriesInstanceUID of an indexed series. This is not an empty answer.")
    }

    private init(_ matches: Matches, _ gaps: SpanningCatalog.Gaps, to wanted: SearchRequest) {
        self.matches = matches
        requested = Set(wanted.query.includeFields)
        warnings = Warnings(wanted, gaps)
        age = gaps.age
    }

    // MARK: Forms

    func response(as form: AnswerForm) -> Response {
        switch form {
        case .dicomJSON: Response.matches(json(), "application/dicom+json", warnings.texts, age: seconds)
        case .dicomXML:
            Response.matches(
                xml(), "multipart/related; type=\"application/dicom+xml\"; boundary=\(Self.boundary)", warnings.texts,
                age: seconds)
        }
    }

    /// Rounded down, as caches do.
    var seconds: Int? { age.map { Int($0.components.seconds) } }

    func json() -> [UInt8] {
        var writer = DICOMJSONWriter()
        writer.beginArray()
        each { writer.append($0) }
        writer.endArray()
        return writer.drain()
    }

    /// No document has this in it: what they hold is escaped, line ends included.
    private static let boundary = "concord-part"

    private func xml() -> [UInt8] {
        var bytes: [UInt8] = []
        each { match in
            bytes += "--\(Self.boundary)\r\nContent-Type: application/dicom+xml\r\n\r\n".utf8
            bytes += NativeModelWriter.document(match)
            bytes += "\r\n".utf8
        }
        return bytes + "--\(Self.boundary)--\r\n".utf8
    }

    private func each(_ body: (MatchAttributes) -> Void) {
        switch matches {
        case .studies(let studies):
            for study in studies { body(.study(study, empty: requested)) }
        case .series(let series):
            for (series, study) in series { body(.series(series, of: study, empty: requested)) }
        case .instances(let instances):
            for instance in instances {
                body(
                    .instance(
                        instance.dataSet, study: instance.study, series: instance.series, holders: instance.holders,
                        empty: requested))
            }
        }
    }
}

extension Response {
    /// - Parameter age: seconds.
    static func matches(_ bytes: [UInt8], _ contentType: String, _ warnings: [String], age: Int?) -> Response {
        var headers: HTTPFields = [.contentType: contentType, .cacheControl: "no-store"]
        if let age { headers[.age] = "\(age)" }
        for warning in warnings { headers.append(HTTPField(name: .warning, value: "299 concord: \(warning)")) }
        return Response(status: .ok, headers: headers, body: ResponseBody(byteBuffer: ByteBuffer(bytes: bytes)))
    }
}

/// What an answer must not be read without (F116, F131, F132).
struct Warnings: Sendable {
    private(set) var texts: [String]

    init(_ wanted: SearchRequest, _ gaps: SpanningCatalog.Gaps) {
        texts = wanted.warnings
        if !gaps.absences.isEmpty {
            let sources = gaps.absences.map { "\($0.source) (\($0.reason))" }.joined(separator: ", ")
            add("The results are incomplete: these sources did not answer: \(sources)")
        }
        if !gaps.unproven.isEmpty {
            add(
                "The results may be incomplete: what these sources hold was not proven lately, and they were not asked: "
                    + gaps.unproven.joined(separator: ", "))
        }
        if gaps.studiesWithUnknownSeries > 0 {
            add(
                "The results are incomplete: the series of \(gaps.studiesWithUnknownSeries) studies are not indexed; ask "
                    + "for each of them by StudyInstanceUID")
        }
    }

    /// A header's value is one line of printable ASCII.
    mutating func add(_ text: String) {
        texts.append(String(text.unicodeScalars.map { (0x20..<0x7F).contains($0.value) ? Character($0) : " " }))
    }

    mutating func remaining(_ count: Int) {
        if count > 0 { add("There are \(count) additional results that can be requested") }
    }

    mutating func undecided(_ sources: [String]) {
        guard !sources.isEmpty else { return }
        add(
            "Sources that do not return every attribute asked for may have studies here that do not match: "
                + sources.joined(separator: ", "))
    }

    /// Promise 9: a patient ID means nothing without its issuer.
    mutating func ambiguity(_ query: StudyQuery, _ studies: [CatalogStudy]) {
        let issuers = query.ambiguousIssuers(in: studies)
        guard !issuers.isEmpty else { return }
        add(
            "Several issuers have given out this PatientID, probably to several patients: add IssuerOfPatientID, one of "
                + issuers.joined(separator: ", "))
    }
}

extension HTTPField.Name {
    static var warning: HTTPField.Name { HTTPField.Name("Warning") ?? .cacheControl }
}
