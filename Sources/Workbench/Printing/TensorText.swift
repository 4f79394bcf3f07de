import Tensors

extension Tensor: Printed {
    var headline: String {
        isFreed
            ? "Tensor (freed)"
            : "Tensor \(dtype.rawValue)\(shape)" + (count == 1 ? " " + (((try? element(0)).map(Self.shown)) ?? "") : "")
    }

    func printed(_ style: PrintStyle) -> (text: String, isCut: Bool) {
        let (rows, columns) = style.isFull ? (10_000, 10_000) : (8, 8)
        let isCut =
            !isFreed && count > 0 && !shape.isEmpty && ((shape.last ?? 0) > columns || count / (shape.last ?? 1) > rows)
        return (described(rows: rows, columns: columns), isCut)
    }
}
