import LuaBridge
import Tensors

/// The values that lines of a session gave, by number: `_1`, `_2`, ….
///
/// The newest are kept. A tensor that is large is kept as `_` alone: what nobody asks for any more must go.
struct EarlierValues {
    /// How many are kept.
    static let kept = 20
    /// Bytes beyond which a tensor is not kept.
    static let largest = 16 << 20

    /// The number of the last one.
    private(set) var last = 0
    private var numbers: [Int] = []

    /// Numbers that stand for something, oldest first.
    var held: [Int] { numbers }

    static func name(_ number: Int) -> String { "_\(number)" }

    /// Whether a name is one of an earlier value's.
    static func isName(_ name: String) -> Bool {
        name.count > 1 && name.hasPrefix("_") && name.dropFirst().allSatisfy { ("0"..."9").contains($0) }
    }

    /// Takes in what a line gave, as the next number; nil stands for nothing.
    mutating func add(_ value: LuaReference?, _ host: LuaHost) throws {
        last += 1
        guard let value, !EarlierValues.isLarge(value) else { return }
        try host.setGlobal(EarlierValues.name(last), .reference(value))
        numbers.append(last)
        while numbers.count > EarlierValues.kept { try host.setGlobal(EarlierValues.name(numbers.removeFirst()), .nil) }
    }

    /// Forgets all of them; the numbers go on.
    mutating func forget(_ host: LuaHost) throws {
        for number in numbers { try host.setGlobal(EarlierValues.name(number), .nil) }
        numbers = []
    }

    private static func isLarge(_ value: LuaReference) -> Bool {
        guard case .object(let type)? = value.look()?.kind, type == "lorawb.Tensor",
            let tensor = (try? value.value())?.asObject(Tensor.self)
        else { return false }
        return tensor.count > largest / 4
    }
}
