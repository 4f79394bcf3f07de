import ArgumentParser
import Formats
import Foundation
import Kernels

/// Tries changed inputs of every kind, each in a process that is watched from another.
@main
struct Fuzz: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "scripts/fuzz",
        abstract:
            "Changes valid files and recipes at random and uses them, in search of what ends, stops or swells the process.",
        discussion: """
            An input is a function of kind, seed and number. What ends a worker by a signal, takes longer than 5 seconds of the processor, or makes memory \
            grow, is written to the folder fuzz-found with the commands that repeat it; the exit code is 1 then.
            """)

    @Option(help: "Minutes that all kinds take together.")
    var minutes = 5.0
    @Option(help: "Inputs of each kind (default: as many as the minutes allow).")
    var count: Int?
    @Option(help: "Seed of the inputs.")
    var seed: UInt64 = 1
    @Option(help: "Number of the first input.")
    var first = 0
    @Option(help: "Only this kind: \(Kinds.all.map { $0.name }.joined(separator: ", ")) (repeatable).")
    var only: [String] = []
    @Option(help: "Use the input in this folder, and show what comes of it.")
    var replay: String?
    @Option(help: "Folder that finds are written to.")
    var found = "fuzz-found"
    @Option(help: "Folder that every input is written to.")
    var keep: String?
    @Option(help: "Finds of a kind after which it is left.")
    var mostFinds = 20
    @Flag(help: "Use the build with address sanitizer (scripts/fuzz makes it).")
    var asan = false
    @Option(help: .hidden) var worker: String?
    @Option(help: .hidden) var status: String?

    func validate() throws {
        for name in only where !Kinds.all.contains(where: { $0.name == name }) {
            throw ValidationError("--only: there is no kind '\(name)'")
        }
        guard minutes > 0, count.map({ $0 > 0 }) ?? true, first >= 0 else {
            throw ValidationError("--minutes and --count expect numbers above 0")
        }
        if replay != nil, only.count != 1 { throw ValidationError("--replay needs the kind of the input, by --only") }
    }

    func run() throws {
        let root = try Folder(
            path: #filePath.split(separator: "/").dropLast(3).map { "/" + $0 }.joined(), access: .read)
        Workers.setCount(1)
        let kinds = try Kinds.all.filter { only.isEmpty || only.contains($0.name) }.map { try $0.init(root: root) }
        defer { Scratch.clear() }
        if let replay {
            for kind in kinds { try self.replay(kind, replay) }
        } else if let worker, let status {
            try work(kinds[0], worker, status)
        } else {
            try supervise(kinds)
        }
    }

    private func replay(_ kind: any Kind, _ path: String) throws {
        let input = try Input(Folder(path: path))
        let folder = try Scratch.folder("input")
        try input.write(beside: [:], to: folder)
        if Worker.succeeds(kind, input.choice, in: folder, isLoud: true) { print("no error") }
    }

    private func work(_ kind: any Kind, _ words: String, _ status: String) throws {
        let numbers = words.split(separator: ",").compactMap { Int($0) }
        guard numbers.count == 3 else { throw ValidationError("--worker expects three numbers") }
        Limits.set()
        try Worker(kind: kind, seed: seed).run(
            numbers[0]..<numbers[1], status: SharedStatus(path: status),
            until: Date(timeIntervalSince1970: Double(numbers[2])))
    }

    private func supervise(_ kinds: [any Kind]) throws {
        let end = Date(timeIntervalSinceNow: minutes * 60)
        var finds = 0
        for (index, kind) in kinds.enumerated() {
            let left = end.timeIntervalSinceNow / Double(kinds.count - index)
            let began = Date()
            if let keep {
                for number in first..<first + (count ?? 1) {
                    try Supervisor.write(
                        Worker(kind: kind, seed: seed).input(number),
                        to: "\(keep)/\(type(of: kind).name)-\(seed)-\(number)")
                }
            }
            let supervisor = Supervisor(kind: kind, seed: seed, foundFolder: found)
            try supervisor.run(
                first..<first + (count ?? 1 << 40), until: Date(timeIntervalSinceNow: left), mostFinds: mostFinds)
            let seconds = max(Date().timeIntervalSince(began), 0.001)
            finds += supervisor.found.count
            print(
                "\(supervisor.name): \(supervisor.tried) inputs, \(supervisor.succeeded) without error, \(Int(Double(supervisor.tried) / seconds)) a second, "
                    + "\(supervisor.memory.first >> 20) to \(supervisor.memory.last >> 20) MiB, \(supervisor.found.count) found"
            )
        }
        if finds > 0 { throw ExitCode(1) }
    }
}

/// What a worker may take of the system, so that an input that asks for much fails here as it would on a small machine.
enum Limits {
    /// Bytes of addresses.
    static let addresses = 6 << 30

    static func set() {
        #if !hasFeature(AddressSanitizer)
            if getenv("LORAWB_FUZZ_ASAN") == nil {
                var limit = rlimit(rlim_cur: rlim_t(addresses), rlim_max: rlim_t(addresses))
                setrlimit(__rlimit_resource_t(RLIMIT_AS.rawValue), &limit)
            }
        #endif
        var core = rlimit(rlim_cur: 0, rlim_max: 0)
        setrlimit(__rlimit_resource_t(RLIMIT_CORE.rawValue), &core)
    }
}
