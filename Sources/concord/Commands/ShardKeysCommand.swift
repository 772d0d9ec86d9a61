import ArgumentParser
import EdgeShard
import Foundation

struct PublisherKeys: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "publisher", abstract: "Make the key pair that edge shards are signed with.",
        discussion: """
            publisher.key stays here (`edge.signing_key`), publisher.pub goes to every site (`replica.trust`). To change \
            keys, append the new publisher.pub to each site's file first, then sign with the new key, then take the old one \
            out of the sites' files.
            """)

    @Option(help: "The directory to write publisher.key and publisher.pub to.") var out: String

    func run() throws {
        let key = try SigningKey()
        try KeyFiles.write("publisher", in: out, privatePEM: try key.pem(), publicPEM: try key.publicKey.pem())
    }
}

struct SiteKeys: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "site", abstract: "Make the key pair that an edge site opens its shards with.",
        discussion: """
            NAME.key stays at the site (`replica.key`), NAME.pub goes to the publisher (`edge.sites`). A site that is taken \
            out there opens nothing that is published afterwards.
            """)

    @Argument(help: "The site's name.") var name: String
    @Option(help: "The directory to write NAME.key and NAME.pub to.") var out: String

    func validate() throws {
        if !Layout.isName(name) { throw ValidationError("a site's name is lower-case letters, digits and hyphens") }
    }

    func run() throws {
        let key = try SiteKey()
        try KeyFiles.write(name, in: out, privatePEM: try key.pem(), publicPEM: try key.publicKey.pem())
    }
}

private enum KeyFiles {
    static func write(_ name: String, in directory: String, privatePEM: String, publicPEM: String) throws {
        try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
        let path = URL(fileURLWithPath: directory, isDirectory: true).appending(path: name).path
        try PEMFile.write(privatePEM, to: path + ".key", isPrivate: true)
        try PEMFile.write(publicPEM, to: path + ".pub", isPrivate: false)
        print("\(path).key\n\(path).pub")
    }
}
