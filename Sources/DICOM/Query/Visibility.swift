/// What a caller may see: settled once, when it is authenticated, and handed to every search.
///
/// What it may not see looks to it like what does not exist (promise 5): it is not counted, it decides no match, and no
/// consolidated value comes from it.
package enum Visibility: Sendable, Hashable {
    /// Every copy, those that belong to no facility among them.
    case unrestricted
    /// Copies that belong to one of these facilities, and no others.
    case facilities(Set<String>)

    /// As keys and peers are configured: no facility named is no restriction.
    package init(facilities: some Sequence<String>) {
        let names = Set(facilities)
        self = names.isEmpty ? .unrestricted : .facilities(names)
    }

    /// Whether anything of a source can be seen whose copies belong to these facilities, or to none.
    package func reaches(_ facilities: Set<String>) -> Bool {
        switch self {
        case .unrestricted: true
        case .facilities(let names): !names.isDisjoint(with: facilities)
        }
    }
}
