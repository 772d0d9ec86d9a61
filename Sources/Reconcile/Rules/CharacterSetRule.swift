import DICOM

/// Text that a source's character set has damaged (N3): no mismatch, but whoever searches for it there finds nothing.
extension Study {
    private static let texts: [Tag] = [.patientName, .studyDescription, .referringPhysicianName]

    func characterSetRows() -> [Discrepancy] {
        var damaged: Set<String> = []
        var tags: [Tag] = []
        var whole: [Suggestion?] = []
        for tag in Self.texts {
            let told = copies.compactMap { copy in copy.record[tag].map { (copy: copy, text: $0) } }
            guard let first = told.first, told.contains(where: { $0.text != first.text }) else { continue }
            let victims = told.filter { victim in
                told.contains { $0.text != victim.text && Loss.isDamaged(victim.text, $0.text, tag) }
            }.map(\.copy.source)
            guard !victims.isEmpty else { continue }
            damaged.formUnion(victims)
            tags.append(tag)
            let intact = told.filter { !victims.contains($0.copy.source) }.map(\.copy)
            whole.append(
                Suggestion.mostBelieved(tag, among: intact).map {
                    Suggestion(values: $0.values, reason: "the text without the damage")
                })
        }
        guard !tags.isEmpty else { return [] }
        return [
            row(
                .characterSet, .cosmetic, copies.filter { damaged.contains($0.source) }, tags,
                "The source's character set has lost or misread characters that another source still shows.",
                .joined(whole))
        ]
    }
}

extension Loss {
    /// Whether `text` is `original` after a damage that leaves traces.
    static func isDamaged(_ text: String, _ original: String, _ tag: Tag) -> Bool {
        guard original.utf8.contains(where: { $0 >= 0x80 }), !original.unicodeScalars.contains(where: isReplacement)
        else { return false }
        if isMisread(text, of: original) { return true }
        // The right text is what is left of the misread one, to the letter.
        if isMisread(original, of: text) { return false }
        guard AttributeDictionary.attribute(tag)?.vr == .PN else { return isRemnant(text, of: original) }
        let (name, whole) = (PersonName(text), PersonName(original))
        return NameComparison.difference(name, whole) != .real
            && zip(name.groups, whole.groups).contains { isRemnant($0, of: $1) }
    }

    /// Something was lost: letters, not only case, accents or padding. A group that was left out is no damage; one of which
    /// only the delimiters are left is.
    private static func isRemnant(_ text: String, of original: String) -> Bool {
        guard text != original, !text.isEmpty, TextComparison.key(text) != TextComparison.key(original) else {
            return false
        }
        return isLossyForm(text, of: original)
    }

    /// UTF-8 that was read as Latin-1: `MÃ¼ller`.
    static func isMisread(_ text: String, of original: String) -> Bool {
        guard text.utf8.count > original.utf8.count else { return false }
        var bytes: [UInt8] = []
        for scalar in text.unicodeScalars {
            guard let byte = UInt8(exactly: scalar.value) else { return false }
            bytes.append(byte)
        }
        return bytes.elementsEqual(original.utf8)
    }
}
