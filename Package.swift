// swift-tools-version: 6.1
import PackageDescription

/// One line per target: what it may see of ours, and which libraries it stands on. `scripts/test` builds with the
/// compiler's import check, so an arrow that is not declared here does not compile.
let strict: [SwiftSetting] = [
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("MemberImportVisibility"),
]

let nio: [Target.Dependency] = [
    .product(name: "NIOCore", package: "swift-nio"),
    .product(name: "NIOPosix", package: "swift-nio"),
    .product(name: "NIOConcurrencyHelpers", package: "swift-nio"),
]
let logging: Target.Dependency = .product(name: "Logging", package: "swift-log")

let package = Package(
    name: "concord",
    platforms: [.macOS(.v15)],
    products: [.executable(name: "concord", targets: ["concord"])],
    dependencies: [
        .package(url: "https://github.com/hummingbird-project/hummingbird", from: "2.28.1", traits: []),
        .package(url: "https://github.com/apple/swift-http-types", from: "1.8.0"),
        .package(url: "https://github.com/apple/swift-collections", from: "1.6.0"),
        .package(url: "https://github.com/apple/swift-nio", from: "2.101.2"),
        .package(url: "https://github.com/apple/swift-nio-extras", from: "1.34.1"),
        .package(url: "https://github.com/apple/swift-nio-ssl", from: "2.37.6"),
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
        .package(url: "https://github.com/apple/swift-log", from: "1.16.2"),
        .package(url: "https://github.com/hummingbird-project/swift-mustache", from: "2.1.1"),
        .package(url: "https://github.com/jpsim/Yams", from: "6.2.2"),
    ],
    targets: [
        .systemLibrary(name: "CPostgres", pkgConfig: "libpq", providers: [.apt(["libpq-dev"])]),
        .systemLibrary(name: "COpenSSL", pkgConfig: "libcrypto", providers: [.apt(["libssl-dev"])]),
        .systemLibrary(name: "CSQLite", pkgConfig: "sqlite3", providers: [.apt(["libsqlite3-dev"])]),
        .systemLibrary(name: "CLZ4", pkgConfig: "liblz4", providers: [.apt(["liblz4-dev"])]),
        .systemLibrary(name: "CMalloc"),
        .systemLibrary(name: "CFiles"),

        .target(name: "DICOM", swiftSettings: strict),
        .target(
            name: "DIMSE",
            dependencies: ["DICOM", "COpenSSL", logging, .product(name: "NIOSSL", package: "swift-nio-ssl")] + nio,
            swiftSettings: strict),
        .target(
            name: "PostgresClient",
            dependencies: ["CPostgres", .product(name: "DequeModule", package: "swift-collections")],
            swiftSettings: strict),
        .target(
            name: "StudyIndex", dependencies: ["DICOM", "PostgresClient", "COpenSSL"],
            resources: [.embedInCode("Migrations"), .embedInCode("Queries")], swiftSettings: strict),
        .target(
            name: "EdgeShard",
            dependencies: [
                "DICOM", "CFiles", "CSQLite", "CLZ4", "COpenSSL", .product(name: "NIOHTTP1", package: "swift-nio"),
                .product(name: "NIOSSL", package: "swift-nio-ssl"),
            ] + nio,
            exclude: ["FORMAT.md"], resources: [.embedInCode("Queries")], swiftSettings: strict),
        .target(
            name: "Reconcile", dependencies: ["DICOM", .product(name: "Mustache", package: "swift-mustache")],
            resources: [.embedInCode("Templates")], swiftSettings: strict),
        .target(
            name: "Sweep", dependencies: ["DICOM", "DIMSE", "StudyIndex", logging],
            swiftSettings: strict),
        .target(
            name: "Spanning", dependencies: ["DICOM", "DIMSE", "StudyIndex", "Sweep", logging], swiftSettings: strict),
        .target(
            name: "QueryServer",
            dependencies: [
                "DICOM", "DIMSE", "PostgresClient", "StudyIndex", "Sweep", "Spanning", "EdgeShard", logging,
                .product(name: "Hummingbird", package: "hummingbird"),
                .product(name: "HummingbirdCore", package: "hummingbird"),
                .product(name: "HummingbirdTLS", package: "hummingbird"),
                .product(name: "HTTPTypes", package: "swift-http-types"), .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "Mustache", package: "swift-mustache"),
                .product(name: "NIOHTTPTypes", package: "swift-nio-extras"),
                .product(name: "NIOSSL", package: "swift-nio-ssl"),
            ],
            resources: [.embedInCode("Documents")], swiftSettings: strict),
        .target(name: "PACSSimulator", dependencies: ["DICOM", "DIMSE", logging] + nio, swiftSettings: strict),
        .executableTarget(
            name: "concord",
            dependencies: [
                "DICOM", "DIMSE", "PostgresClient", "StudyIndex", "Reconcile", "Sweep", "Spanning", "QueryServer",
                "EdgeShard", "PACSSimulator", "CLZ4", "CMalloc", "COpenSSL",
                logging, "Yams", .product(name: "ArgumentParser", package: "swift-argument-parser"),
            ],
            swiftSettings: strict),

        // The suite that every StudyCatalog is held to.
        .target(name: "SearchSuite", dependencies: ["DICOM"], path: "Tests/SearchSuite", swiftSettings: strict),
        .target(
            name: "TestCluster", dependencies: ["PostgresClient"], path: "Tests/TestCluster", swiftSettings: strict),
        .testTarget(name: "DICOMTests", dependencies: ["DICOM"], swiftSettings: strict),
        .testTarget(
            name: "DIMSETests",
            dependencies: ["DIMSE", "DICOM", .product(name: "NIOSSL", package: "swift-nio-ssl")] + nio, swiftSettings: strict),
        .testTarget(name: "PostgresClientTests", dependencies: ["PostgresClient"], swiftSettings: strict),
        .testTarget(
            name: "StudyIndexTests", dependencies: ["StudyIndex", "PostgresClient", "SearchSuite", "TestCluster", "DICOM"],
            swiftSettings: strict),
        .testTarget(
            name: "EdgeShardTests",
            dependencies: ["EdgeShard", "SearchSuite", "DICOM", .product(name: "NIOHTTP1", package: "swift-nio")] + nio,
            exclude: ["Golden"],
            swiftSettings: strict),
        .testTarget(name: "ReconcileTests", dependencies: ["Reconcile", "PACSSimulator", "DICOM"], swiftSettings: strict),
        .testTarget(
            name: "SweepTests",
            dependencies: ["Sweep", "StudyIndex", "PostgresClient", "PACSSimulator", "DIMSE", "DICOM", logging] + nio,
            swiftSettings: strict),
        .testTarget(name: "PACSSimulatorTests", dependencies: ["PACSSimulator", "DIMSE", "DICOM"], swiftSettings: strict),
        .testTarget(name: "SpanningTests", dependencies: ["Spanning", "StudyIndex", "DICOM"], swiftSettings: strict),
        .testTarget(
            name: "QueryServerTests",
            dependencies: [
                "QueryServer", "Spanning", "EdgeShard", "Sweep", "StudyIndex", "PostgresClient", "TestCluster", "PACSSimulator",
                "DIMSE",
                "DICOM",
                logging, .product(name: "HTTPTypes", package: "swift-http-types"),
                .product(name: "NIOSSL", package: "swift-nio-ssl"),
            ] + nio,
            swiftSettings: strict),
        .testTarget(
            name: "ConcordTests",
            dependencies: [
                "concord", "DIMSE", "QueryServer", "EdgeShard", "StudyIndex", "PostgresClient", "SearchSuite", "TestCluster",
                "DICOM", "Reconcile", "PACSSimulator", "Sweep",
            ],
            swiftSettings: strict),
    ],
    swiftLanguageModes: [.v6]
)

/// scripts/fuzz: what reads peers' bytes, instrumented, and libFuzzer in the place of the tests.
if Context.environment["CONCORD_FUZZ"] != nil {
    let instrumented: SwiftSetting = .unsafeFlags(["-O", "-sanitize=fuzzer,address", "-parse-as-library"])
    package.targets.removeAll { $0.type == .test }
    for target in package.targets where ["DICOM", "DIMSE"].contains(target.name) {
        target.swiftSettings = strict + [instrumented]
    }
    package.targets.append(
        .executableTarget(
            name: "fuzz", dependencies: ["DIMSE", "DICOM", .product(name: "NIOEmbedded", package: "swift-nio")] + nio, path: "Tests",
            sources: ["Fuzzing/Fuzz.swift", "DIMSETests/Fuzzing/RoundTrips.swift"], swiftSettings: strict + [instrumented],
            linkerSettings: [.unsafeFlags(["-sanitize=fuzzer,address"])]))
    package.products.append(.executable(name: "fuzz", targets: ["fuzz"]))
}
