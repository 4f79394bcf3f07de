// swift-tools-version: 6.2
import Foundation
import PackageDescription

/// Whether oneDNN is built in: LORAWB_ONEDNN says so (SwiftPM caches the manifest, so scripts set it), else its header.
let hasOneDNN =
    Context.environment["LORAWB_ONEDNN"].map { $0 == "1" }
    ?? ["/usr/include", "/usr/local/include"].contains { FileManager.default.fileExists(atPath: "\($0)/dnnl.h") }
/// What every Swift target of ours is built with.
let strict: [SwiftSetting] = [.treatAllWarnings(as: .error)]
/// For targets that hold loops over floats only: a root sets no errno, else each is a branch and no loop with one is vectorised.
let loops: [SwiftSetting] = strict + [.unsafeFlags(["-Xcc", "-fno-math-errno"])]
/// Instructions of a newer processor, for these targets.
func level(_ name: String, _ definitions: [String]) -> [SwiftSetting] {
    #if arch(x86_64)
        [.unsafeFlags(["-Xcc", "-march=\(name)", "-Xcc", "-mprefer-vector-width=512"])]
            + definitions.map { .define($0) }
    #else
        []
    #endif
}
/// For the targets in which pointers are not the point: the compiler then shows each unsafe use.
let safe: [SwiftSetting] = strict + [.strictMemorySafety()]

let oneDNN: [Target] =
    hasOneDNN
    ? [
        .target(
            name: "COneDNN",
            cSettings: [
                .define("_GNU_SOURCE"), .enableWarning("all"), .enableWarning("extra"), .treatAllWarnings(as: .error),
            ],
            linkerSettings: [.linkedLibrary("dl", .when(platforms: [.linux]))])
    ] : []

let package = Package(
    name: "lorawb",
    platforms: [.macOS(.v15)],
    products: [.executable(name: "lorawb", targets: ["lorawb"])],
    dependencies: [
        .package(url: "https://github.com/apple/swift-argument-parser", exact: "1.8.2"),
        .package(url: "https://github.com/apple/swift-collections", exact: "1.6.0"),
    ],
    targets: [
        .target(
            name: "COpenBLAS", dependencies: ["CProcessor"],
            cSettings: [
                .define("_GNU_SOURCE"), .enableWarning("all"), .enableWarning("extra"), .treatAllWarnings(as: .error),
            ],
            linkerSettings: [.linkedLibrary("dl", .when(platforms: [.linux]))]),
        .target(
            name: "CMemory",
            cSettings: [
                .define("_GNU_SOURCE"), .enableWarning("all"), .enableWarning("extra"), .treatAllWarnings(as: .error),
            ]),
        .target(name: "Memory", dependencies: ["CMemory", "Words"], swiftSettings: safe),
        .target(
            name: "CProcessor",
            cSettings: [.enableWarning("all"), .enableWarning("extra"), .treatAllWarnings(as: .error)]),
        .target(name: "LoopsBaseline", dependencies: ["CProcessor"], swiftSettings: loops),
        .target(name: "LoopsV3", dependencies: ["CProcessor"], swiftSettings: loops + level("x86-64-v3", ["FUSED"])),
        .target(
            name: "LoopsV4", dependencies: ["CProcessor"], swiftSettings: loops + level("x86-64-v4", ["FUSED", "WIDE"])),
        .target(
            name: "Kernels",
            dependencies: ["Memory", "COpenBLAS", "CProcessor", "LoopsBaseline", "LoopsV3", "LoopsV4"]
                + (hasOneDNN ? ["COneDNN"] : []),
            swiftSettings: strict + (hasOneDNN ? [.define("ONEDNN")] : [])),
        .target(name: "Tensors", dependencies: ["Kernels", "Memory"], swiftSettings: strict),
        .target(name: "Options", dependencies: ["Words"], swiftSettings: safe),
        .target(
            name: "CWords",
            cSettings: [.enableWarning("all"), .enableWarning("extra"), .treatAllWarnings(as: .error)]),
        .target(name: "Words", dependencies: ["CWords"], swiftSettings: strict),
        .target(
            name: "Formats",
            dependencies: [
                "Options", "Words", "Memory", .product(name: "OrderedCollections", package: "swift-collections"),
            ],
            swiftSettings: strict),
        .target(name: "LuaSyntax", dependencies: ["Memory"], swiftSettings: safe),
        .target(name: "Patterns", dependencies: ["Formats", "Memory"], swiftSettings: safe),
        .target(name: "Tokenizers", dependencies: ["Patterns", "Formats", "Memory"], swiftSettings: safe),
        .target(name: "Templates", dependencies: ["Formats", "Words", "Memory"], swiftSettings: safe),
        .target(
            name: "Models", dependencies: ["Options", "Tensors", "Kernels", "Formats", "Memory"], swiftSettings: safe),
        .target(
            name: "Adapters",
            dependencies: ["Options", "Models", "Tensors", "Kernels", "Patterns", "Formats", "Words", "Memory"],
            swiftSettings: safe),
        .target(
            name: "Training",
            dependencies: ["Options", "Adapters", "Models", "Tensors", "Kernels", "Formats", "Words", "Memory"],
            swiftSettings: safe),
        .target(
            name: "Inference",
            dependencies: ["Adapters", "Models", "Tensors", "Kernels", "Tokenizers", "Templates", "Formats", "Memory"],
            swiftSettings: safe),
        .target(
            name: "CLuaShim", dependencies: ["CWords", "CMemory"],
            cSettings: [
                .define("_GNU_SOURCE"), .enableWarning("all"), .enableWarning("extra"),
                .treatAllWarnings(as: .error),
            ],
            linkerSettings: [
                .linkedLibrary("lua5.4", .when(platforms: [.linux])),
                .linkedLibrary("lua", .when(platforms: [.macOS])),
            ]),
        .target(
            name: "CEdit",
            cSettings: [
                .define("_GNU_SOURCE"), .enableWarning("all"), .enableWarning("extra"), .treatAllWarnings(as: .error),
            ],
            linkerSettings: [.linkedLibrary("dl", .when(platforms: [.linux]))]),
        .target(name: "LuaBridge", dependencies: ["CLuaShim", "Options", "Words", "Memory"], swiftSettings: strict),
        .target(
            name: "Stdlib", path: "stdlib",
            sources: ["Stdlib.swift"],
            resources: [.embedInCode("lorawb"), .embedInCode("recipes")], swiftSettings: safe),
        .target(
            name: "Reports", dependencies: ["Training", "Models", "Tensors", "Kernels", "Formats", "Words"],
            swiftSettings: safe),
        .target(
            name: "Workbench",
            dependencies: [
                "Reports", "Options", "Training", "Inference", "Adapters", "Models", "Tensors", "Kernels", "Tokenizers",
                "Formats",
                "LuaBridge", "LuaSyntax", "Stdlib", "CEdit", "Words", "Memory",
            ],
            swiftSettings: safe),
        .executableTarget(
            name: "lorawb",
            dependencies: [
                "Workbench", "Reports", "Words", .product(name: "ArgumentParser", package: "swift-argument-parser"),
            ],
            swiftSettings: safe),
        .target(
            name: "TestSupport", dependencies: ["Kernels", "Tensors", "Formats"], path: "Tests/TestSupport",
            swiftSettings: strict),
        .testTarget(name: "MemoryTests", dependencies: ["Memory"], swiftSettings: strict),
        // Tries changed inputs on everything that reads any: scripts/fuzz.
        .executableTarget(
            name: "fuzz",
            dependencies: [
                "Workbench", "LuaBridge", "Training", "Inference", "Adapters", "Models", "Tensors", "Kernels",
                "Tokenizers", "Templates",
                "Formats", .product(name: "ArgumentParser", package: "swift-argument-parser"),
            ], path: "Tests/Fuzz", exclude: ["Recipes"], swiftSettings: strict),
        .testTarget(
            name: "KernelsTests",
            dependencies: ["TestSupport", "Kernels", "Memory", "LoopsBaseline", "LoopsV3", "LoopsV4"],
            swiftSettings: strict),
        .testTarget(
            name: "TensorsTests", dependencies: ["TestSupport", "Tensors", "Kernels", "Memory", "CMemory"],
            swiftSettings: strict),
        .testTarget(
            name: "FormatsTests", dependencies: ["TestSupport", "Formats", "Words"], swiftSettings: strict),
        .testTarget(
            name: "LuaSyntaxTests", dependencies: ["LuaSyntax", "LuaBridge", "Memory"], swiftSettings: strict),
        .testTarget(name: "PatternsTests", dependencies: ["Patterns", "Formats"], swiftSettings: strict),
        .testTarget(
            name: "TokenizersTests", dependencies: ["TestSupport", "Tokenizers", "Formats", "Memory"],
            swiftSettings: strict),
        .testTarget(name: "TemplatesTests", dependencies: ["Templates", "Formats"], swiftSettings: strict),
        .testTarget(
            name: "ModelsTests", dependencies: ["TestSupport", "Models", "Tensors", "Kernels", "Formats", "Memory"],
            swiftSettings: strict),
        .testTarget(
            name: "AdaptersTests",
            dependencies: ["TestSupport", "Adapters", "Models", "Tensors", "Kernels", "Formats"], swiftSettings: strict),
        .testTarget(
            name: "TrainingTests",
            dependencies: [
                "TestSupport", "Options", "Training", "Adapters", "Models", "Tensors", "Kernels", "Formats", "Memory",
            ],
            swiftSettings: strict),
        .testTarget(
            name: "InferenceTests",
            dependencies: ["TestSupport", "Inference", "Adapters", "Models", "Tensors", "Tokenizers", "Formats"],
            swiftSettings: strict),
        .testTarget(
            name: "LuaBridgeTests", dependencies: ["TestSupport", "LuaBridge", "Options", "Words", "Memory"],
            swiftSettings: strict),
        .testTarget(
            name: "WorkbenchTests",
            dependencies: [
                "TestSupport", "Workbench", "Options", "LuaBridge", "Memory", "Training", "Adapters", "Models",
                "Tensors",
                "Tokenizers",
                "Formats",
            ], swiftSettings: strict),
        .testTarget(
            name: "CommandTests",
            dependencies: ["TestSupport", "lorawb", "fuzz", "Workbench", "LuaBridge", "Options", "Memory", "Formats"],
            swiftSettings: strict),
    ] + oneDNN,
    swiftLanguageModes: [.v6]
)
