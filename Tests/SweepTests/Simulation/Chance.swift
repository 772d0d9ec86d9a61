import PACSSimulator

/// All that is left to chance in a simulation: the same seed, the same world.
struct Chance {
    private var generator: SplitMix64

    init(seed: UInt64) { generator = SplitMix64(seed: seed) }

    mutating func below(_ bound: Int) -> Int { bound <= 1 ? 0 : Int(generator.next() % UInt64(bound)) }
    mutating func part() -> Double { Double(generator.next() >> 11) / Double(1 << 53) }
    mutating func chance(_ probability: Double) -> Bool { probability > 0 && part() < probability }
    mutating func bits() -> UInt64 { generator.next() }
}

/// Things that are to happen, by time; of those at the same time the first that was planned.
struct Agenda<Item> {
    private struct Entry {
        var time: Moment
        var number: Int
    }
    private var heap: [Entry] = []
    private var items: [Int: Item] = [:]
    private var planned = 0

    mutating func plan(_ item: Item, at time: Moment) {
        planned += 1
        items[planned] = item
        heap.append(Entry(time: time, number: planned))
        var child = heap.count - 1
        while child > 0, precedes(child, (child - 1) / 2) {
            heap.swapAt(child, (child - 1) / 2)
            child = (child - 1) / 2
        }
    }

    mutating func next() -> (time: Moment, item: Item)? {
        guard let first = heap.first, let item = items.removeValue(forKey: first.number) else { return nil }
        let last = heap.removeLast()
        if !heap.isEmpty {
            heap[0] = last
            var parent = 0
            while true {
                var least = parent
                let child = 2 * parent + 1
                if child < heap.count, precedes(child, least) { least = child }
                if child + 1 < heap.count, precedes(child + 1, least) { least = child + 1 }
                if least == parent { break }
                heap.swapAt(parent, least)
                parent = least
            }
        }
        return (first.time, item)
    }

    private func precedes(_ left: Int, _ right: Int) -> Bool {
        heap[left].time != heap[right].time
            ? heap[left].time < heap[right].time : heap[left].number < heap[right].number
    }
}
