/// On whose behalf an association is asked for, for archives that want to know (PS3.7 §D.3.3.7, F97): a user name, perhaps
/// with a passcode. A passcode is sent as it is: only TLS hides it on the way.
package struct UserIdentity: Sendable, Hashable, CustomStringConvertible, CustomDebugStringConvertible {
    let name: String
    let passcode: String?

    /// Each of 1 to 1,024 bytes.
    package init(name: String, passcode: String? = nil) throws(DIMSEError) {
        guard (1...1_024).contains(name.utf8.count), (1...1_024).contains(passcode?.utf8.count ?? 1) else {
            throw DIMSEError(.limitExceeded, "a user name and a passcode have 1 to 1,024 bytes each")
        }
        self.name = name
        self.passcode = passcode
    }

    /// Neither in a log, nor in an error.
    package var description: String { "a user identity" }
    package var debugDescription: String { description }
}
