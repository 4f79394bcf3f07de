import Formats
import Kernels
import Reports
import Words

/// Facts about this build.
public enum Workbench {
    /// Version of lorawb.
    public static let version = "0.1.0"

    /// Tells the user of a mistake, on standard error.
    public static func complain(_ message: String) { Output().complain("lorawb: \(message)") }

    /// The one of `names` that was probably meant.
    public static func nearest(_ name: String, in names: [String]) -> String? { nearestName(to: name, in: names) }

    /// What computes in float32: kernels and their level of instructions.
    static var kernels: String { products(.float32) }

    /// What frozen matrices of a type are multiplied with.
    private static func products(_ type: FrozenMatrix.DType) -> String {
        Backend.problem ?? Backend.description(of: type)
    }

    /// What `lorawb info` prints.
    public static func information() -> String {
        let levels = ["avx2", "fma", "avx512f", "avx512_bf16", "avx512_vnni", "amx_bf16"].filter {
            Machine.processorFlags.contains(Substring($0))
        }
        let rows = [
            ("lorawb", version),
            ("processor", Machine.processorName),
            ("threads", "\(Workers.count) of \(Machine.processors)"),
            ("instructions", levels.isEmpty ? "baseline" : levels.joined(separator: " ")),
            ("kernels", "\(InstructionLevel.current) (LORAWB_ISA=baseline|v3|v4 forces a level)"),
            ("memory", ByteSize.memory(Machine.memory)),
            ("BLAS", BLAS.description),
            ("float32", products(.float32) + " (LORAWB_BACKEND=native|onednn|openblas forces one)"),
            ("bfloat16", products(.bfloat16)),
            ("Lua", "5.4"),
            ("model cache", ModelCache.path.map { $0 + (Permissions.isFolder($0) ? "" : " (not there)") } ?? "none"),
        ]
        return rows.map { name, value in
            name + String(repeating: " ", count: 14 - name.count) + value + "\n"
        }.joined()
    }
}
