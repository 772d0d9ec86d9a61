/// libFuzzer on one of the round trips: `fuzz pdu|command|dataset [libFuzzer's arguments]`. Run by `scripts/fuzz`.
@main
enum Fuzz {
    static func main() {
        guard CommandLine.argc >= 2, let name = CommandLine.unsafeArgv[1].map({ String(cString: $0) }),
            let kind = RoundTrip(rawValue: name)
        else {
            print("usage: fuzz pdu|command|dataset [libFuzzer's arguments]")
            return
        }
        chosen = kind
        // The target's name stands where libFuzzer expects the program's.
        var count = CommandLine.argc - 1
        var arguments: UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>? = CommandLine.unsafeArgv + 1
        _ = runDriver(&count, &arguments, check)
    }
}

/// Set once, before the first input.
nonisolated(unsafe) private var chosen = RoundTrip.pdu

/// Under the name that libFuzzer's own `main` links against, though ours runs.
@_cdecl("LLVMFuzzerTestOneInput")
func check(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
    let bytes = Array(UnsafeBufferPointer(start: start, count: count))
    do { try chosen.check(bytes) } catch { fatalError("\(error)") }
    return 0
}

@_silgen_name("LLVMFuzzerRunDriver")
private func runDriver(
    _ count: UnsafeMutablePointer<CInt>,
    _ arguments: UnsafeMutablePointer<UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>?>,
    _ check: @convention(c) (UnsafePointer<UInt8>?, Int) -> CInt
) -> CInt
