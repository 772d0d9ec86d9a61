import StudyIndex
import Sweep

/// What a sweep would ask, before it asks anything.
struct SweepPlan {
    private let open: OpenSources
    private let steps: [JobConfiguration.Step]

    init(_ open: OpenSources, _ steps: [JobConfiguration.Step]) {
        self.open = open
        self.steps = steps
    }

    func show() async throws {}
}
