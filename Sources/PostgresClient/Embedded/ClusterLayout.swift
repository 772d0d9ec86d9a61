import Foundation

/// Where a cluster's files lie, as whom its server runs, and the commands that make, start and stop it.
struct ClusterLayout: Sendable {
    static let port = 5432

    /// `initdb`, `pg_ctl` and `postgres`.
    let binaries: String
    /// PostgreSQL does not run as root: then, the user that it runs as.
    let serverUser: String?
    let cluster: String
    /// Short, because a Unix socket's path has 107 bytes at most; 0700.
    let socketDirectory: String
    private let log: String
    private static let startAttempts = 6

    /// - Parameter publicDirectory: holds the files where the server's user cannot enter `dataDirectory`.
    init(dataDirectory: String, publicDirectory: String = "/var/lib/concord") throws {
        binaries = try Self.findBinaries()
        let data = URL(fileURLWithPath: dataDirectory).resolvingSymlinksInPath().path
        serverUser = geteuid() == 0 ? try Self.unprivilegedUser() : nil
        let hash = Self.hash(data)
        socketDirectory = "/tmp/concord-\(geteuid())-\(hash)"
        let local = data + "/postgres"
        let home = Self.canUse(local, as: serverUser) ? local : "\(publicDirectory)/\(hash)"
        cluster = home + "/cluster"
        log = home + "/server.log"
        if home != local { try Self.makeDirectory(publicDirectory, mode: 0o711) }
        try makeDirectory(home)
    }

    /// The newest server of Debian's layout, or one in PATH.
    private static func findBinaries() throws -> String {
        let root = "/usr/lib/postgresql"
        let versions = ((try? FileManager.default.contentsOfDirectory(atPath: root)) ?? [])
            .compactMap(Int.init).sorted(by: >).map { "\(root)/\($0)/bin" }
        let path = (ProcessInfo.processInfo.environment["PATH"] ?? "").split(separator: ":").map(String.init)
        guard
            let found = (versions + path).first(where: { directory in
                ["initdb", "pg_ctl", "postgres"].allSatisfy {
                    FileManager.default.isExecutableFile(atPath: "\(directory)/\($0)")
                }
            })
        else {
            throw EmbeddedClusterError(
                description:
                    "`database: embedded` needs a PostgreSQL server: apt-get install postgresql, or give a postgresql:// URL"
            )
        }
        return found
    }

    private static func unprivilegedUser() throws -> String {
        for name in ["postgres", "nobody"] where getpwnam(name) != nil { return name }
        throw EmbeddedClusterError(
            description: "started as root, and there is no user postgres or nobody to run PostgreSQL as")
    }

    /// FNV-1a: names a directory, guards nothing.
    private static func hash(_ text: String) -> String {
        let value = text.utf8.reduce(14_695_981_039_346_656_037 as UInt64) { ($0 ^ UInt64($1)) &* 1_099_511_628_211 }
        return String(value, radix: 36)
    }

    /// Whether the server's user can enter the directory that holds `path`.
    private static func canUse(_ path: String, as user: String?) -> Bool {
        guard let user else { return true }
        let parent = URL(fileURLWithPath: path).deletingLastPathComponent().path
        return (try? run(asUser: user, "/usr/bin/test", ["-x", parent], output: "/dev/null")) == 0
    }

    /// Of the server's user alone.
    private func makeDirectory(_ path: String) throws {
        try Self.makeDirectory(path, mode: 0o700, of: serverUser)
    }

    private static func makeDirectory(_ path: String, mode: Int, of owner: String? = nil) throws {
        var attributes: [FileAttributeKey: Any] = [.posixPermissions: mode]
        try FileManager.default.createDirectory(
            atPath: path, withIntermediateDirectories: true, attributes: attributes)
        if let owner { attributes[.ownerAccountName] = owner }
        try FileManager.default.setAttributes(attributes, ofItemAtPath: path)
    }

    // MARK: Commands

    func initializeIfNeeded() throws {
        guard !FileManager.default.fileExists(atPath: cluster + "/PG_VERSION") else { return }
        // What an interrupted attempt left behind.
        try? FileManager.default.removeItem(atPath: cluster)
        // Without a UTF-8 LC_CTYPE the trigrams of 山田太郎 are empty.
        try command(
            "initdb",
            [
                "--pgdata", cluster, "--username=concord", "--encoding=UTF8", "--lc-collate=C", "--lc-ctype=C.UTF-8",
                "--auth-local=trust", "--auth-host=reject",
            ])
    }

    func startServer(_ extra: [String: String]) throws {
        try makeDirectory(socketDirectory)
        var settings = [
            "listen_addresses": "", "unix_socket_directories": socketDirectory, "port": "\(Self.port)",
            "shared_buffers": "256MB", "wal_compression": "on", "max_wal_size": "4GB", "work_mem": "32MB",
            "max_connections": "200", "random_page_cost": "1.1", "jit": "off",
        ]
        settings.merge(extra) { $1 }
        let options = settings.sorted { $0.key < $1.key }.map { "-c \($0.key)='\($0.value)'" }.joined(separator: " ")
        // pg_ctl gives the server a session of its own, so that Ctrl-C does not reach it.
        let start = ["start", "--wait", "--timeout=120", "--pgdata", cluster, "--log", log, "--options", options]
        // After a kill -9 the old server's children take a moment to notice and leave its shared memory.
        for _ in 0..<Self.startAttempts - 1 {
            if (try? command("pg_ctl", start)) != nil { return }
            Thread.sleep(forTimeInterval: 0.5)
        }
        try command("pg_ctl", start)
    }

    func stopServer() {
        let stop = ["stop", "--wait", "--timeout=120", "--pgdata", cluster]
        if (try? command("pg_ctl", stop + ["--mode=fast"])) == nil {
            // What was committed is kept: the next start recovers it.
            try? command("pg_ctl", stop + ["--mode=immediate"])
        }
        // Stays where the server does.
        rmdir(socketDirectory)
    }

    private func command(_ name: String, _ arguments: [String]) throws {
        let output = log + ".tool"
        let status = try Self.run(asUser: serverUser, "\(binaries)/\(name)", arguments, output: output)
        guard status == 0 else {
            throw EmbeddedClusterError(description: "PostgreSQL's \(name) failed; see \(log) and \(output)")
        }
    }

    /// Runs a program to its end; returns its exit status. Foundation's Process would wait for the server that pg_ctl
    /// leaves behind, which inherits what it waits on.
    private static func run(
        asUser user: String?, _ executable: String, _ arguments: [String], output: String
    ) throws -> Int32 {
        let prefix =
            user.map { ["/usr/bin/setpriv", "--reuid=\($0)", "--regid=\(group(of: $0))", "--clear-groups"] } ?? []
        // In a directory that every user may enter.
        let words = ["/usr/bin/env", "--chdir=/"] + prefix + [executable] + arguments
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0)
        posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, output, O_WRONLY | O_CREAT | O_TRUNC, 0o600)
        posix_spawn_file_actions_adddup2(&actions, STDOUT_FILENO, STDERR_FILENO)
        var process = pid_t()
        let pointers = words.map { strdup($0) }
        defer { for pointer in pointers { free(pointer) } }
        let failure = posix_spawn(&process, words[0], &actions, nil, pointers + [nil], environ)
        guard failure == 0 else {
            throw EmbeddedClusterError(description: "\(words[0]) cannot be run: \(String(cString: strerror(failure)))")
        }
        var status: Int32 = 0
        while waitpid(process, &status, 0) < 0, errno == EINTR {}
        return status & 0x7F == 0 ? status >> 8 & 0xFF : -1
    }

    private static func group(of user: String) -> String {
        getpwnam(user).map { String($0.pointee.pw_gid) } ?? user
    }
}
