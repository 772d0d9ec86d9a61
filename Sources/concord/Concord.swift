import ArgumentParser

@main
struct Concord: AsyncParsableCommand {
    static let configuration = CommandConfiguration(abstract: "One index over all of an enterprise's PACS.")
}
