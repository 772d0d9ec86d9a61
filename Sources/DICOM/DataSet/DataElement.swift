/// One attribute of a data set: its value as bytes, or the items of a sequence.
package struct DataElement: Sendable {
    package enum Content: Sendable {
        /// As on the wire, padding included. Slices share the data set's storage.
        case bytes(ArraySlice<UInt8>)
        case items([DataSet])
    }
    package let tag: Tag
    package var vr: VR
    package var content: Content

    package init(tag: Tag, vr: VR, content: Content) {
        self.tag = tag
        self.vr = vr
        self.content = content
    }
}
