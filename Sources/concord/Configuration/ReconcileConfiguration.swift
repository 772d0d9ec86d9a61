import Reconcile
import StudyIndex

/// `reconcile:`: what the rules take into account.
struct ReconcileConfiguration: Sendable {
    /// How long numbers of series and images must have stood still before a difference counts (F170).
    var quarantine = Duration.seconds(86_400)
    /// Modalities of objects that sources make for themselves (F167).
    var localModalities: Set<String> = ["KO", "PR", "SR"]
}

extension ReconcileConfiguration {
    init(_ section: inout YAMLSection) throws(ConfigurationError) {
        quarantine = try section.duration("quarantine") ?? quarantine
        if let modalities = try section.strings("local_modalities") {
            localModalities = Set(modalities.map { $0.uppercased() })
        }
    }
}

extension PatientIDRewrite {
    init(_ section: inout YAMLSection) throws(ConfigurationError) {
        self.init(prefix: try section.string("prefix") ?? "", suffix: try section.string("suffix") ?? "")
        if prefix.isEmpty, suffix.isEmpty { throw section.error("prefix", "a prefix or a suffix is needed") }
    }
}
