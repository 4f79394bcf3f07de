import Formats
import Foundation

/// Starts workers, watches them, and keeps what ended one.
final class Supervisor {
    /// What an input did that it may not.
    struct Found {
        let reason: String
        let number: Int
    }

    /// Seconds of the processor that one input may take.
    static let patience = 5.0
    /// Seconds that pass on a machine with much else to do before a worker that computes nothing is given up.
    static let longPatience = 60.0
    /// Bytes of growth from the first tenth of a worker's inputs to the last that are reported.
    static let growth = 128 << 20

    let name: String
    let seed: UInt64
    let kind: any Kind
    let foundFolder: String
    private(set) var found: [Found] = []
    private(set) var tried = 0
    private(set) var succeeded = 0
    /// Bytes in memory: after the first tenth of the inputs, and the most since.
    private(set) var memory: (first: Int, last: Int) = (0, 0)

    init(kind: any Kind, seed: UInt64, foundFolder: String) {
        (self.kind, self.seed, self.foundFolder) = (kind, seed, foundFolder)
        name = type(of: kind).name
    }

    /// Tries inputs of these numbers until `end`; gives up after so many finds.
    func run(_ numbers: Range<Int>, until end: Date, mostFinds: Int) throws {
        var next = numbers.lowerBound
        while next < numbers.upperBound, Date() < end, found.count < mostFinds {
            guard let stopped = try watch(next..<numbers.upperBound, until: end) else { break }
            next = stopped + 1
        }
    }

    /// Runs one worker; gives the number of the input at which it ended, nil where it went through.
    private func watch(_ numbers: Range<Int>, until end: Date) throws -> Int? {
        let top = try Scratch.folder(".")
        let status = try SharedStatus(path: top.path + "/status")
        status.value = Status()
        let errors = top.path + "/errors"
        let process = Process()
        process.executableURL = URL(fileURLWithPath: CommandLine.arguments[0])
        process.arguments = [
            "--only", name, "--seed", "\(seed)", "--worker",
            "\(numbers.lowerBound),\(numbers.upperBound),\(Int(end.timeIntervalSince1970.rounded(.up)))",
            "--status", top.path + "/status",
        ]
        _ = FileManager.default.createFile(atPath: errors, contents: nil)
        process.standardError = FileHandle(forWritingAtPath: errors)
        process.standardOutput = FileHandle.nullDevice
        try process.run()
        let worker = process.processIdentifier
        var (number, since, began) = (Int64(-2), Date(), Date())
        var spent = 0.0
        var first = 0
        var wasKilled = false
        while process.isRunning {
            usleep(20_000)
            let now = status.value
            if now.number != number {
                (number, since, spent) = (now.number, Date(), Self.seconds(of: worker))
            }
            // Starting up takes longer than an input.
            let isOver = number >= 0 && Self.seconds(of: worker) - spent > Self.patience
            if isOver || Date().timeIntervalSince(since) > Self.longPatience {
                wasKilled = true
                kill(worker, SIGKILL)
                process.waitUntilExit()
            }
            guard now.tried > 0, Date().timeIntervalSince(began) > 0.2 else { continue }
            began = Date()
            let bytes = Self.memory(of: worker)
            let share = Double(now.number - Int64(numbers.lowerBound)) / Double(numbers.count)
            if first == 0, share > 0.1 || now.tried > 2000 { first = bytes }
            if first > 0 { memory = (first, bytes) }
        }
        tried += Int(status.value.tried)
        succeeded += Int(status.value.succeeded)
        Scratch.clear(worker)
        // The address sanitizer keeps what was freed for a while.
        if first > 0, memory.last - first > Self.growth, getenv("LORAWB_FUZZ_ASAN") == nil {
            found.append(
                Found(reason: "growth from \(first >> 20) to \(memory.last >> 20) MiB", number: numbers.lowerBound))
        }
        let isSignal = process.terminationReason == .uncaughtSignal
        guard wasKilled || isSignal || process.terminationStatus != 0 else { return nil }
        let reason =
            wasKilled
            ? "no end within \(Int(Self.patience)) s of the processor"
            : isSignal ? "signal \(process.terminationStatus)" : "exit code \(process.terminationStatus)"
        guard number >= 0 else {
            throw FormatError("\(name): the worker ended before its first input: \(reason): \(Self.tail(errors))")
        }
        tried += 1
        try keep(Int(number), reason, Self.tail(errors))
        return Int(number)
    }

    /// Writes down what ended a worker, and how to repeat it.
    private func keep(_ number: Int, _ reason: String, _ errors: String) throws {
        found.append(Found(reason: reason, number: number))
        let place = "\(foundFolder)/\(name)-\(seed)-\(number)"
        let folder = try Self.write(Worker(kind: kind, seed: seed).input(number), to: place)
        let how = """
            \(reason)
            again from the seed:   scripts/fuzz --only \(name) --seed \(seed) --first \(number) --count 1
            again from the files:  scripts/fuzz --only \(name) --replay \(place)
            \(errors)
            """
        try folder.write("how.txt", text: how)
        print("\(name) input \(number) of seed \(seed): \(how)")
    }

    /// Writes an input to a folder, which is made.
    @discardableResult
    static func write(_ input: Input, to place: String) throws -> Folder {
        try FileManager.default.createDirectory(atPath: place, withIntermediateDirectories: true)
        let folder = try Folder(path: place)
        try input.write(to: folder)
        return folder
    }

    private static func tail(_ path: String) -> String {
        let text = String(decoding: (try? Data(contentsOf: URL(fileURLWithPath: path))) ?? Data(), as: UTF8.self)
        let lines = text.split(separator: "\n").filter {
            $0.contains("rror") || $0.contains("SUMMARY") || $0.contains("#")
        }
        return lines.suffix(12).joined(separator: "\n")
    }

    /// Seconds of the processor that a process has taken; 0 where the system does not say.
    private static func seconds(of process: pid_t) -> Double {
        let text = (try? String(contentsOfFile: "/proc/\(process)/stat", encoding: .utf8)) ?? ""
        // Behind the name, which may hold spaces: state, parent, ... with user and system time in ticks at places 11 and 12.
        let parts = text.split(separator: ")").last?.split(separator: " ") ?? []
        guard parts.count > 12, let user = Double(parts[11]), let system = Double(parts[12]) else { return 0 }
        return (user + system) / Double(max(1, sysconf(Int32(_SC_CLK_TCK))))
    }

    /// Bytes of a process that lie in memory; 0 where the system does not say.
    private static func memory(of process: pid_t) -> Int {
        let text = (try? String(contentsOfFile: "/proc/\(process)/statm", encoding: .utf8)) ?? ""
        let parts = text.split(separator: " ").compactMap { Int($0) }
        return parts.count > 2 ? (parts[1] - parts[2]) * Int(getpagesize()) : 0
    }
}
