/// What one source says of one series: the text of each attribute as it came.
package struct SeriesRecord: Sendable, Hashable {
    /// By position in `AttributeDictionary.seriesObservation`. nil: not returned; "": returned empty.
    package private(set) var texts: [String?]
    /// Attributes whose decoding lost characters.
    package private(set) var lossy: [Tag]

    private static let attributes = AttributeDictionary.seriesObservation

    package init(texts: [String?], lossy: [Tag] = []) {
        self.texts = Self.attributes.indices.map { $0 < texts.count ? texts[$0] : nil }
        self.lossy = lossy
    }

    package init(_ dataSet: DataSet) {
        self.init(texts: [])
        for (position, attribute) in Self.attributes.enumerated() {
            guard let element = dataSet[attribute.tag], case .bytes(let bytes) = element.content else { continue }
            let decoded = dataSet.characterSet.decode(bytes, vr: attribute.vr)
            texts[position] = decoded.text.trimmingLeadingSpaces()
            if decoded.lossy { lossy.append(attribute.tag) }
        }
    }

    package subscript(tag: Tag) -> String? {
        get { Self.attributes.firstIndex { $0.tag == tag }.flatMap { texts[$0] } }
        set {
            guard let position = Self.attributes.firstIndex(where: { $0.tag == tag }) else { return }
            texts[position] = newValue
        }
    }

    package var seriesInstanceUID: String { texts[0] ?? "" }
    package var studyInstanceUID: String { texts[1] ?? "" }
    package var numberOfInstances: Int? { self[.numberOfSeriesRelatedInstances].flatMap { Int(lenient: $0) } }
}
