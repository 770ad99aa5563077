// swift-tools-version: 6.2
import PackageDescription

// Why each dependency stands here: docs/decisions/0002-dependencies.md.
// An optimised build on Linux takes `stat` of the C library for CoreFoundation's, which no file can
// import, so the executable goes without the rule that members need their module's import.
let executable: [SwiftSetting] = [
  .enableUpcomingFeature("ExistentialAny"),
  .enableUpcomingFeature("InternalImportsByDefault"),
]
let strict = executable + [.enableUpcomingFeature("MemberImportVisibility")]

let log = Target.Dependency.product(name: "Logging", package: "swift-log")
let crypto = Target.Dependency.product(name: "Crypto", package: "swift-crypto")
let cryptoExtras = Target.Dependency.product(name: "CryptoExtras", package: "swift-crypto")
let subprocess = Target.Dependency.product(name: "Subprocess", package: "swift-subprocess")
let metrics = Target.Dependency.product(name: "Metrics", package: "swift-metrics")
let lifecycle = Target.Dependency.product(
  name: "ServiceLifecycle", package: "swift-service-lifecycle")
let jwt = Target.Dependency.product(name: "JWTKit", package: "jwt-kit")
let hummingbird = Target.Dependency.product(name: "Hummingbird", package: "hummingbird")
let nioCore = Target.Dependency.product(name: "NIOCore", package: "swift-nio")
let nioPosix = Target.Dependency.product(name: "NIOPosix", package: "swift-nio")
let nioHTTP1 = Target.Dependency.product(name: "NIOHTTP1", package: "swift-nio")

let package = Package(
  name: "stet",
  platforms: [.macOS(.v15)],
  products: [.executable(name: "stet", targets: ["stet"])],
  dependencies: [
    .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
    .package(url: "https://github.com/apple/swift-log", from: "1.16.2"),
    .package(url: "https://github.com/apple/swift-nio", from: "2.101.2"),
    .package(url: "https://github.com/apple/swift-crypto", from: "4.5.2"),
    .package(url: "https://github.com/apple/swift-system", from: "1.8.1"),
    .package(url: "https://github.com/swift-server/async-http-client", from: "1.37.0"),
    .package(url: "https://github.com/swiftlang/swift-subprocess", from: "1.0.2"),
    .package(url: "https://github.com/groue/GRDB.swift", from: "7.10.0"),
    .package(url: "https://github.com/apple/swift-metrics", from: "2.13.0"),
    .package(url: "https://github.com/swift-server/swift-service-lifecycle", from: "2.13.0"),
    .package(url: "https://github.com/hummingbird-project/hummingbird", from: "2.28.1"),
    .package(url: "https://github.com/hummingbird-project/swift-mustache", from: "2.1.1"),
    .package(url: "https://github.com/vapor/jwt-kit", from: "5.7.1"),
    .package(url: "https://github.com/jpsim/Yams", from: "6.2.2"),
    .package(url: "https://github.com/LebJe/TOMLKit", from: "0.6.0"),
  ],
  targets: [
    .target(name: "Domain", swiftSettings: strict),
    .target(
      name: "WebClient",
      dependencies: [
        log, nioCore, nioHTTP1, nioPosix,
        .product(name: "AsyncHTTPClient", package: "async-http-client"),
      ],
      swiftSettings: strict),
    .target(name: "Jobs", dependencies: [lifecycle, log, metrics], swiftSettings: strict),
    .target(
      name: "Forges", dependencies: ["Domain", "WebClient", log, metrics, crypto, jwt],
      swiftSettings: strict),
    .target(
      name: "LanguageModels",
      dependencies: [
        "Domain", "WebClient", log, crypto, subprocess,
        .product(name: "SystemPackage", package: "swift-system"),
      ],
      // The package of Trainer/, which Python is given to run.
      resources: [.embedInCode("Python")], swiftSettings: strict),
    .target(
      name: "Notifications", dependencies: ["Domain", "WebClient", "CCurl", crypto],
      swiftSettings: strict),
    .target(
      name: "Storage",
      dependencies: [
        "Domain", "Jobs", "CZlib", "CPostgres", log, crypto, cryptoExtras,
        .product(name: "GRDB", package: "GRDB.swift"),
      ],
      swiftSettings: strict),
    .target(
      name: "Sandbox",
      dependencies: [
        "Domain", log, crypto, subprocess,
        .product(name: "SystemPackage", package: "swift-system"),
      ],
      resources: [.embedInCode("Python")], swiftSettings: strict),
    .target(
      name: "UseCases",
      dependencies: ["Domain", "Jobs", log, metrics, crypto, "Yams", "TOMLKit"],
      resources: [.embedInCode("Evaluation/Python")], swiftSettings: strict),
    .target(
      name: "Server",
      dependencies: [
        "Domain", "Jobs", "UseCases", log, metrics, crypto, lifecycle, hummingbird, nioCore,
        .product(name: "Mustache", package: "swift-mustache"),
      ],
      resources: [.embedInCode("Dashboard/Resources")], swiftSettings: strict),
    .systemLibrary(
      name: "CZlib", pkgConfig: "zlib", providers: [.apt(["zlib1g-dev"]), .brew(["zlib"])]),
    .systemLibrary(
      name: "CCurl", pkgConfig: "libcurl",
      providers: [.apt(["libcurl4-openssl-dev"]), .brew(["curl"])]),
    .systemLibrary(
      name: "CPostgres", pkgConfig: "libpq", providers: [.apt(["libpq-dev"]), .brew(["libpq"])]),
    .executableTarget(
      name: "stet",
      dependencies: [
        "Domain", "Jobs", "WebClient", "Forges", "LanguageModels", "Notifications", "Storage",
        "Sandbox", "UseCases", "Server", "Yams", log, metrics, crypto, lifecycle,
        .product(name: "ArgumentParser", package: "swift-argument-parser"),
      ],
      swiftSettings: executable),
    .target(
      name: "TestKit",
      dependencies: [
        "Domain", "Jobs", "WebClient", log, crypto, cryptoExtras, nioCore, nioPosix, nioHTTP1,
      ],
      swiftSettings: strict),
    .executableTarget(
      name: "FakeGitHub", dependencies: ["Domain", "TestKit"], path: "Benchmarks/FakeGitHub",
      swiftSettings: strict),
    .executableTarget(
      name: "DiffNumstat", dependencies: ["Domain"], path: "Benchmarks/DiffNumstat",
      swiftSettings: strict),
    .executableTarget(
      name: "IssueBench", dependencies: ["Domain"], path: "Benchmarks/IssueBench",
      swiftSettings: strict),
    .executableTarget(
      name: "VectorBench", dependencies: ["Storage"], path: "Benchmarks/VectorBench",
      swiftSettings: strict),
    .executableTarget(
      name: "DeliveryWriter", dependencies: ["Jobs", "Storage"],
      path: "Benchmarks/DeliveryWriter", swiftSettings: strict),
    .executableTarget(
      name: "QueueBench", dependencies: ["Domain", "Jobs", "Storage", log, lifecycle],
      path: "Benchmarks/QueueBench", swiftSettings: executable),
    .executableTarget(
      name: "SandboxBench", dependencies: ["Domain", "Sandbox", log],
      path: "Benchmarks/SandboxBench",
      swiftSettings: executable),

    .testTarget(name: "DomainTests", dependencies: ["Domain", "TestKit"], swiftSettings: strict),
    .testTarget(
      name: "WebClientTests", dependencies: ["WebClient", "TestKit", log, nioCore, nioHTTP1],
      swiftSettings: strict),
    .testTarget(
      name: "JobsTests",
      dependencies: ["Jobs", "Storage", "Domain", "TestKit", log, metrics, lifecycle],
      swiftSettings: strict),
    .testTarget(
      name: "ForgesTests",
      dependencies: [
        "Forges", "Domain", "WebClient", "TestKit", log, crypto, jwt,
        cryptoExtras,
      ],
      exclude: ["PyGithub"], swiftSettings: strict),
    .testTarget(
      name: "ServerTests",
      dependencies: [
        "Server", "UseCases", "Jobs", "Storage", "Sandbox", "Domain", "TestKit", log, metrics,
        lifecycle, hummingbird, nioCore, nioPosix, "Yams",
      ],
      exclude: ["Browser"], swiftSettings: strict),
    .testTarget(
      name: "LanguageModelsTests",
      dependencies: ["LanguageModels", "Domain", "WebClient", "TestKit", log],
      swiftSettings: strict),
    .testTarget(
      name: "NotificationsTests",
      dependencies: ["Notifications", "Domain", "WebClient", "TestKit"],
      exclude: ["aiosmtpd"], swiftSettings: strict),
    .testTarget(
      name: "StorageTests",
      dependencies: [
        "Storage", "Jobs", "Domain", "TestKit", "DeliveryWriter", log, lifecycle,
      ],
      swiftSettings: strict),
    .testTarget(
      name: "SandboxTests", dependencies: ["Sandbox", "Domain", "TestKit", "SandboxBench", log],
      swiftSettings: strict),
    .testTarget(
      name: "UseCasesTests",
      dependencies: [
        "UseCases", "Domain", "Jobs", "Forges", "Storage", "LanguageModels", "Notifications",
        "Sandbox", "WebClient", "TestKit", "Yams", log,
      ],
      exclude: ["Formats/Golden"], swiftSettings: strict),
    .testTarget(
      name: "StetTests",
      dependencies: [
        "stet", "Domain", "Jobs", "Forges", "LanguageModels", "Sandbox", "Storage", "UseCases",
        "TestKit", "WebClient", log,
      ],
      exclude: ["OpenAPI"], swiftSettings: strict),
  ],
  swiftLanguageModes: [.v6]
)
