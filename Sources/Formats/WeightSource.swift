/// Named arrays that a model's weights are read from, whatever the format of the files that hold them.
///
/// Names and shapes are those of a Hugging Face checkpoint, in whatever way the files have them. Any number of threads may read at once.
public protocol WeightSource: AnyObject, Sendable {
    /// Path to show in messages.
    var path: String { get }
    /// Names of the weights, in the order of the files.
    var names: [String] { get }
    /// What is known of a weight without reading it; nil where there is none of that name.
    func entry(_ name: String) -> WeightEntry?
    /// Writes these rows of a weight to `target` as float32, row after row; a vector is one row.
    ///
    /// Throws for a name that is not there, rows that there are not, numbers that are not floats and a target that is too small.
    func readFloats(of name: String, rows: Range<Int>, into target: UnsafeMutableBufferPointer<Float>) throws
    /// Where the numbers lie as they are needed, in float32 or bfloat16; nil where they must be read.
    func mappedNumbers(of name: String) -> MappedNumbers?
}

/// What is known of a weight without reading it.
public struct WeightEntry: Sendable, Equatable {
    /// Element type as the file says it: "F32", "BF16", "Q4_1".
    public let dtype: String
    /// Sizes of the dimensions.
    public let shape: [Int]
    /// The file and the weight's name in it, for messages: `model.safetensors: tensor 'h.0.weight'`.
    public let place: String

    /// A weight.
    public init(dtype: String, shape: [Int], place: String) {
        (self.dtype, self.shape, self.place) = (dtype, shape, place)
    }
}

/// Numbers that lie in a mapped file, one after the other.
public struct MappedNumbers {
    /// The first number; valid while `file` lives.
    public let start: UnsafeRawPointer
    /// Whether they are bfloat16; float32 where not.
    public let isBfloat16: Bool
    /// The file, and where in it the first number lies.
    public let file: MappedFile
    /// Bytes from the file's beginning to the first number.
    public let offset: Int

    /// Numbers at `range` of `file`; nil where they are none, or not aligned.
    public init?(_ file: MappedFile, _ range: Range<Int>, isBfloat16: Bool) {
        guard !range.isEmpty, range.upperBound <= file.count, let base = file.bytes.baseAddress else { return nil }
        let start = base + range.lowerBound
        guard UInt(bitPattern: start) % (isBfloat16 ? 2 : 4) == 0 else { return nil }
        (self.start, self.isBfloat16, self.file, offset) = (start, isBfloat16, file, range.lowerBound)
    }
}
