import ArgumentParser
import EdgeShard
import Foundation
import Synchronization

/// Many sites that sync a night at once from one static server: nginx, as it is installed.
struct SiteNight {
    struct Result: Sendable {
        /// Sites whose every row is as published.
        var consistent = 0
        /// Heads and bodies, as the server has logged them.
        var bytesSent = 0
        var longest = Duration.zero
        var whole = Duration.zero
    }

    private let directory: String
    private let workload: EdgeWorkload
    private let sites: Int

    init(directory: String, studies: Int, changes: Int, sites: Int) throws {
        self.directory = directory
        self.sites = sites
        workload = try EdgeWorkload(directory: directory, studies: studies, changes: changes, sites: sites)
    }

    func run() async throws -> Result {
        _ = try workload.publish(whole: true) { write in try workload.eachStudy(write) }
        for site in 0..<sites { _ = try await workload.sync(site: site) }
        _ = try workload.publish(whole: false) { write in try workload.eachChange(write) }
        let server = try StaticServer(root: workload.output, directory: directory)
        defer { server.stop() }
        let start = ContinuousClock.now
        var result = Result()
        try await withThrowingTaskGroup(of: Duration.self) { group in
            for site in 0..<sites {
                group.addTask {
                    let origin = try HTTPOrigin(url: server.url)
                    let spent = try await workload.sync(site: site, from: origin)
                    await origin.close()
                    return spent
                }
            }
            for try await spent in group { result.longest = max(result.longest, spent) }
        }
        result.whole = ContinuousClock.now - start
        result.bytesSent = try server.bytesSent()
        for site in 0..<sites {
            let found = try ReplicaVerification.of(workload.replica(of: site), trusting: workload.trust)
            if found.allSatisfy({ $0.error == nil && $0.generation == 2 }) { result.consistent += 1 }
        }
        return result
    }
}

/// nginx before a directory, on a port of its own.
private final class StaticServer: Sendable {
    let url: String
    private let directory: String
    private let process: Process

    init(root: String, directory: String) throws {
        self.directory = directory
        let port = try Self.freePort()
        url = "http://127.0.0.1:\(port)"
        let configuration = """
            daemon off; pid \(directory)/nginx.pid; error_log \(directory)/nginx.error; worker_processes 1;
            \(geteuid() == 0 ? "user root;" : "")
            events { worker_connections 1024; }
            http {
                log_format bytes '$bytes_sent'; access_log \(directory)/nginx.log bytes; sendfile on;
                client_body_temp_path \(directory)/t1; proxy_temp_path \(directory)/t2; fastcgi_temp_path \(directory)/t3;
                uwsgi_temp_path \(directory)/t4; scgi_temp_path \(directory)/t5;
                server { listen 127.0.0.1:\(port) backlog=1024; root \(root); default_type application/octet-stream; }
            }
            """
        try configuration.write(toFile: directory + "/nginx.conf", atomically: true, encoding: .utf8)
        process = Process()
        process.executableURL = URL(fileURLWithPath: "/usr/sbin/nginx")
        process.arguments = ["-p", directory, "-c", directory + "/nginx.conf", "-e", directory + "/nginx.error"]
        try process.run()
        for _ in 0..<100 where !FileManager.default.fileExists(atPath: directory + "/nginx.pid") { usleep(50_000) }
    }

    func bytesSent() throws -> Int {
        try String(contentsOfFile: directory + "/nginx.log", encoding: .utf8).split(separator: "\n")
            .reduce(0) { $0 + (Int($1) ?? 0) }
    }

    func stop() {
        process.terminate()
        process.waitUntilExit()
    }

    private static func freePort() throws -> UInt16 {
        let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        defer { close(descriptor) }
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = inet_addr("127.0.0.1")
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        let isBound = withUnsafeMutablePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(descriptor, $0, length) == 0 && getsockname(descriptor, $0, &length) == 0
            }
        }
        guard isBound else { throw ValidationError("no free port") }
        return UInt16(bigEndian: address.sin_port)
    }
}
