import Foundation
import TestSupport
import Workbench

/// A bench in a temporary folder of its own, which goes with it.
final class TemporaryBench {
    let folder: String
    let bench: RecipeBench

    init(seed: Int? = nil) throws {
        folder = FileManager.default.temporaryDirectory.appendingPathComponent("lorawb-bench-\(UUID().uuidString)").path
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        bench = try RecipeBench(folder: folder, seed: seed)
        try bench.run(TemporaryBench.prelude)
    }

    /// Runs a text; the line numbers of its errors are those of `bench.lua`.
    func run(_ text: String) throws { try bench.run(text) }

    /// What the run of a text was stopped by; nil where it went through.
    func failure(_ text: String) -> String? { bench.failure(text) }

    /// Allows reading the goldens, and says where they lie.
    func allowGoldens() -> String {
        bench.allowReading(Golden.root)
        return Golden.root
    }

    deinit { try? FileManager.default.removeItem(atPath: folder) }

    /// What every recipe of these tests finds: the modules, and comparisons that say what differs.
    private static let prelude = """
        lorawb = require "lorawb"
        nn, optim, metrics = lorawb.nn, lorawb.optim, lorawb.metrics
        local function flat(value, out)
          out = out or {}
          if type(value) == "userdata" then value = value:tolist() end
          if type(value) == "number" then out[#out + 1] = value; return out end
          for _, inner in ipairs(value) do flat(inner, out) end
          return out
        end
        function close(got, expected, tolerance)
          local a, b = flat(got), flat(expected)
          if #a ~= #b then error(("%d numbers, expected %d"):format(#a, #b), 2) end
          for i = 1, #a do
            local limit = (tolerance or 2e-6) * math.max(1, math.abs(b[i]))
            if not (math.abs(a[i] - b[i]) <= limit) then error(("number %d is %.9g, expected %.9g"):format(i, a[i], b[i]), 2) end
          end
        end
        function same(got, expected)
          if got ~= expected then error(("got %s, expected %s"):format(got, expected), 2) end
        end
        X = { { -0.15, 0.79, 0.95 }, { -1.11, 1.69, -0.89 } }
        function input() return lorawb.tensor(X, { requires_grad = true }) end
        -- Sum of the outputs times 0.1, 0.2, ..., so that every output has a gradient of its own.
        function weigh(y)
          local w = {}
          for i = 1, y:numel() do w[i] = i / 10 end
          return (y * lorawb.tensor(w):reshape(y.shape)):sum()
        end
        """
}
