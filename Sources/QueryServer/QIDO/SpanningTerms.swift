import DICOM
import HTTPTypes
import Spanning

extension SpanningCatalog.Terms {
    /// HTTP's own words for how an answer may be come by: `Cache-Control: no-cache` asks all sources, `only-if-cached` none,
    /// `max-age=N` says how old a proof may be (RFC 9111 §5.2.1). `spanning` in the query is stronger.
    init(_ headers: HTTPFields, spanning: SpanningPolicy?, visibility: Visibility, deadline: Duration) {
        self.init(visibility: visibility, deadline: deadline)
        let directives = headers[values: .cacheControl].joined(separator: ",").lowercased().split(separator: ",")
            .map { $0.drop { $0 == " " } }
        for directive in directives {
            switch directive {
            case "no-cache": policy = .always
            case "only-if-cached": policy = .never
            default:
                guard directive.hasPrefix("max-age="), let seconds = Int(directive.dropFirst(8)), seconds >= 0 else {
                    continue
                }
                freshness = Freshness(maximumAge: .seconds(min(seconds, 10 * 365 * 86_400)))
            }
        }
        policy = spanning ?? policy
    }
}
