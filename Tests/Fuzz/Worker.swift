import Formats
import Foundation
import Tensors
import Workbench

/// What a worker tells the supervisor through a file that both have mapped, so that it survives any end.
struct Status {
    /// Number of the input that is being tried.
    var number: Int64 = -1
    /// Inputs tried to the end.
    var tried: Int64 = 0
    /// Those of them that gave no error.
    var succeeded: Int64 = 0
}

/// The memory of a `Status` in a file.
final class SharedStatus {
    private let memory: UnsafeMutablePointer<Status>

    init(path: String) throws {
        let file = open(path, O_RDWR | O_CREAT, 0o600)
        defer { close(file) }
        guard file >= 0, ftruncate(file, 4096) == 0,
            let address = mmap(nil, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0), address != MAP_FAILED
        else { throw FormatError("\(path): cannot map the status") }
        memory = address.bindMemory(to: Status.self, capacity: 1)
    }

    deinit { munmap(memory, 4096) }

    var value: Status {
        get { memory.pointee }
        set { memory.pointee = newValue }
    }
}

/// Tries inputs of one kind, one after another.
struct Worker {
    let kind: any Kind
    let seed: UInt64

    /// The input of a number.
    func input(_ number: Int) throws -> Input {
        var dice = Dice(seed: seed, kind: type(of: kind).name, number: number)
        return try kind.input(&dice)
    }

    /// Tries the inputs of `numbers` until the moment `end`.
    func run(_ numbers: Range<Int>, status: SharedStatus, until end: Date) throws {
        let folder = try Scratch.folder("input")
        defer { Scratch.clear() }
        var present: [String: [UInt8]] = [:]
        status.value = Status()
        for number in numbers {
            guard Date() < end else { break }
            let input = try input(number)
            status.value.number = Int64(number)
            try input.write(beside: present, to: folder)
            present = input.files
            if Worker.succeeds(kind, input.choice, in: folder) { status.value.succeeded += 1 }
            status.value.tried += 1
        }
        status.value.number = -1
    }

    /// Whether the input in a folder gave no error.
    static func succeeds(_ kind: any Kind, _ choice: UInt64, in folder: Folder, isLoud: Bool = false) -> Bool {
        var dice = Dice(seed: choice, kind: "use", number: 0)
        do {
            try kind.use(folder, &dice)
            return true
        } catch {
            if isLoud { print("error: \(error)") }
            return false
        }
    }
}
