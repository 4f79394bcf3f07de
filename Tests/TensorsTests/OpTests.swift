import Foundation
import Kernels
import Tensors
import Testing

/// One array of ops.txt, made by scripts/goldens/ops.py.
struct Golden: Sendable {
    let shape: [Int]
    let values: [Float]

    static let all: [String: Golden] = {
        let path = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .appending(path: "Goldens/ops.txt")
        guard let text = try? String(contentsOf: path, encoding: .utf8) else { return [:] }
        var result: [String: Golden] = [:]
        for line in text.split(separator: "\n") {
            let fields = line.split(separator: "\t", omittingEmptySubsequences: false)
            guard fields.count == 4 else { continue }
            result["\(fields[0]).\(fields[1])"] = Golden(
                shape: fields[2].split(separator: ",").compactMap { Int($0) },
                values: fields[3].split(separator: " ").compactMap { Float($0) })
        }
        return result
    }()
}

/// Largest distance, relative to the larger of 1 and the largest expected value.
func distance(_ got: [Float], _ expected: [Float]) -> Float {
    guard got.count == expected.count else { return .infinity }
    let scale = max(1, expected.map(abs).max() ?? 0)
    return zip(got, expected).map { $0 == $1 ? 0 : abs($0 - $1) / scale }.max() ?? 0
}

@Suite struct OpTests {
    @Test(arguments: OpSamples.all)
    func agreesWithTorch(_ sample: OpSample) throws {
        guard let golden = Golden.all["\(sample.name).out"] else {
            // Masks are our own; differences and the tests of dropout cover these.
            #expect(sample.name.contains("dropout"))
            return
        }
        let inputs = try sample.makeInputs()
        for input in inputs { try input.setRequiresGrad(true) }
        let out = try sample.run(inputs)
        #expect(out.shape == golden.shape)
        // Both sides are float32: sums of up to 33 terms in another order, elementary functions to a few ulp.
        #expect(distance(try out.floatArray(), golden.values) < 2e-6)
        try out.backward(OpSamples.values(out.shape, 97))
        for (i, input) in inputs.enumerated() {
            let expected = try #require(Golden.all["\(sample.name).grad\(i)"])
            let grad = try #require(input.grad)
            #expect(grad.shape == expected.shape)
            #expect(distance(try grad.floatArray(), expected.values) < 4e-6, "gradient of input \(i)")
        }
    }

    /// The gradient along a direction d against (f(x + εd) − f(x − εd)) / 2ε, extrapolated from ε and ε / 2.
    ///
    /// f is float32: its rounding, some 1e-7 of its terms, over ε = 0.02 gives 1e-5; the cubic term left over is smaller.
    @Test(arguments: OpSamples.all.filter(\.smooth))
    func agreesWithDifferences(_ sample: OpSample) throws {
        let inputs = try sample.makeInputs()
        for which in inputs.indices where inputs[which].count > 0 {
            let direction = try OpSamples.values(inputs[which].shape, 50 + which)
            var weights: Tensor?
            func value(_ step: Float) throws -> (total: Double, size: Double) {
                var moved = inputs
                moved[which] = try inputs[which].add(direction.mul(.float(Double(step))))
                let out = try sample.run(moved)
                let weight = try weights ?? OpSamples.values(out.shape, 97)
                weights = weight
                let terms = zip(try out.floatArray(), try weight.floatArray()).map { Double($0) * Double($1) }
                return (terms.reduce(0, +), terms.map(abs).reduce(0, +))
            }
            func slope(_ step: Float) throws -> Double {
                (try value(step).total - value(-step).total) / (2 * Double(step))
            }
            let numeric = (4 * (try slope(0.01)) - (try slope(0.02))) / 3
            let tracked = try sample.makeInputs()
            try tracked[which].setRequiresGrad(true)
            let out = try sample.run(tracked)
            try out.backward(OpSamples.values(out.shape, 97))
            let gradient = try #require(tracked[which].grad).floatArray()
            let terms = zip(gradient, try direction.floatArray()).map { Double($0) * Double($1) }
            let (analytic, size) = (terms.reduce(0, +), terms.map(abs).reduce(0, +))
            let tolerance = 1e-3 * size + 3e-6 * (try value(0).size) + 1e-5
            #expect(abs(numeric - analytic) < tolerance, "input \(which): \(numeric) against \(analytic)")
        }
    }

    /// Dropout, residual and norm in one operation give the bits of the three one after the other.
    @Test(arguments: [Float(0), 0.1, 1], [true, false])
    func layerNormOfADroppedInput(_ p: Float, _ hasResidual: Bool) throws {
        let key = RandomKey(seed: 3)
        let mask = try DropoutMask(p: p, keys: (0..<5).map { key.child($0) })
        func run(_ body: ([Tensor]) throws -> Tensor) throws -> [[Float]] {
            let inputs = try [[5, 40], [40], [40], [5, 40]].enumerated().map { try OpSamples.values($1, $0 + 1) }
            let untracked = try body(inputs).floatArray()
            for input in inputs { try input.setRequiresGrad(true) }
            let out = try body(inputs)
            try out.backward(OpSamples.values(out.shape, 97))
            return [untracked, try out.floatArray()] + (try inputs.compactMap { try $0.grad?.floatArray() })
        }
        let fused = try run {
            try $0[0].layerNorm(
                weight: $0[1], bias: $0[2], epsilon: 1e-5, residual: hasResidual ? $0[3] : nil, mask: mask)
        }
        let plain = try run {
            try $0[0].dropout(mask).layerNorm(
                weight: $0[1], bias: $0[2], epsilon: 1e-5, residual: hasResidual ? $0[3] : nil)
        }
        #expect(fused == plain)
        #expect(fused.count == (hasResidual ? 6 : 5))
    }

    @Test func everyOperationHasASample() throws {
        let folder = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent().appending(path: "Sources/Tensors/Ops")
        let files = try FileManager.default.contentsOfDirectory(atPath: folder.path())
            .filter { $0.hasSuffix(".swift") }.map { String($0.dropLast(6)) }
        let covered = Set(OpSamples.all.map(\.file)).union(["Comparison"])
        #expect(Set(files).subtracting(covered).sorted() == [])
        #expect(covered.subtracting(files).sorted() == [])
    }

    private static let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent()

    /// Swift files beneath a folder, with their path from there and their text.
    private func sources(_ folder: String) throws -> [(path: String, text: String)] {
        let url = OpTests.root.appending(path: folder)
        let files = try #require(FileManager.default.enumerator(atPath: url.path()))
        return try files.compactMap { $0 as? String }.filter { $0.hasSuffix(".swift") }.sorted().map {
            ($0, try String(contentsOf: url.appending(path: $0), encoding: .utf8))
        }
    }

    /// An operation that lies anywhere else would escape the walk over their files.
    @Test func everyOperationLiesAmongThem() throws {
        let conformance = try Regex(#"(class|extension) (\w+)(<.*>)?: (.*, )?(Op|AddingOp|ManyResults)\b"#)
        for (path, text) in try sources("Sources") where !path.hasPrefix("Tensors/Ops/") {
            let found = text.matches(of: conformance).map { String(text[$0.range]) }
            // The part of an operation with several results, which hands its gradient on.
            #expect(
                found.filter { !$0.hasPrefix("class Part<") && !$0.hasPrefix("extension AddingOp") } == [], "\(path)")
        }
    }

    /// What gives tensors and bears no gradient.
    private static let undifferentiable: Set<String> = [
        "full", "zeros", "ones", "arange", "eye", "rand", "randn", "kaimingUniform", "copy", "detach", "to", "map",
        "compare",
        "sideBySide", "eq", "ne", "lt", "gt", "le", "ge", "argmax", "argmin", "apply", "applyMany", "forward",
        "backward", "value",
        // Runs any of them again: CheckpointTests has all samples.
        "checkpoint",
    ]

    /// A method that gives tensors has a sample that calls it, wherever in the room it lies.
    @Test func everyDifferentiableMethodHasASample() throws {
        let declaration = try Regex(
            #"(?s)(public|package) (static )?func (\w+)\(((?!func ).)*?\)( throws)? -> ([^{\n]*)"#)
        let samples = try String(
            contentsOf: OpTests.root.appending(path: "Tests/TensorsTests/OpSamples.swift"), encoding: .utf8)
        var missing: Set<String> = []
        for (_, text) in try sources("Sources/Tensors") {
            for match in text.matches(of: declaration) {
                guard let result = match.output[6].substring, result.contains("Tensor"), !result.contains("Tensor?"),
                    let name = match.output[3].substring
                else { continue }
                if !samples.contains(".\(name)(") { missing.insert(String(name)) }
            }
        }
        // Those that samples reach by other names: every elementwise function, and t.
        let reached: Set<String> = ["activation", "transpose"]
        #expect(missing.subtracting(OpTests.undifferentiable).subtracting(reached).sorted() == [])
    }
}
