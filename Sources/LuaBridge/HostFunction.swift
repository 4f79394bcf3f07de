import CLuaShim
import Words

/// A function that Lua can call: what the shim's closures point to.
final class HostFunction {
    let name: String
    let isMethod: Bool
    /// What its arguments must be; nil where the body alone knows.
    let parameters: [LuaParameter]?
    /// Throws where a method was called on something else than its type has.
    let checkSelf: ((borrowing LuaCall) throws -> Void)?
    let body: LuaBody
    /// Its path in the documentation, where it has one.
    let path: String?

    init(
        _ name: String, path: String? = nil, isMethod: Bool = false, parameters: [LuaParameter]? = nil,
        checkSelf: ((borrowing LuaCall) throws -> Void)? = nil, _ body: @escaping LuaBody
    ) {
        (self.name, self.path, self.isMethod) = (name, path, isMethod)
        (self.parameters, self.checkSelf, self.body) = (parameters, checkSelf, body)
    }

    var pointer: UnsafeRawPointer { UnsafeRawPointer(Unmanaged.passUnretained(self).toOpaque()) }
}

/// What C calls.
///
/// Each returns normally, always; C raises afterwards.
enum Dispatch {
    static func table(for host: LuaHost) -> lw_host {
        lw_host(
            context: Unmanaged.passUnretained(host).toOpaque(),
            call: { context, function, call in
                guard let context, let function, let call, let thread = call.pointee.thread else {
                    return Int32(LW_FAILED)
                }
                let host = Unmanaged<LuaHost>.fromOpaque(context).takeUnretainedValue()
                let target = Unmanaged<HostFunction>.fromOpaque(function).takeUnretainedValue()
                return host.perform(target, thread: thread, count: call.pointee.count)
            },
            load: { context, name, length in
                guard let context, let name else { return Int32(LW_FAILED) }
                let host = Unmanaged<LuaHost>.fromOpaque(context).takeUnretainedValue()
                return host.load(Dispatch.string(name, length).text)
            },
            print: { context, bytes, length in
                guard let context, let bytes else { return }
                Unmanaged<LuaHost>.fromOpaque(context).takeUnretainedValue().output(Dispatch.string(bytes, length))
            },
            release: { object in
                if let object { Unmanaged<AnyObject>.fromOpaque(object).release() }
            },
            close: { context, object, type in
                guard let context, let object else { return Int32(LW_FAILED) }
                let host = Unmanaged<LuaHost>.fromOpaque(context).takeUnretainedValue()
                return host.close(Unmanaged<AnyObject>.fromOpaque(object).takeUnretainedValue(), type: type)
            })
    }

    private static func string(_ bytes: UnsafePointer<CChar>, _ length: Int) -> LuaString {
        bytes.withMemoryRebound(to: UInt8.self, capacity: length) {
            LuaString(UnsafeBufferPointer(start: $0, count: length))
        }
    }
}

extension LuaHost {
    func perform(_ function: HostFunction, thread: OpaquePointer, count: Int32) -> Int32 {
        let call = LuaCall(host: self, function: function, thread: thread, total: count)
        do {
            if let parameters = function.parameters {
                do { try call.check(parameters) } catch {
                    // A dot in place of a colon shifts the arguments: then self is what is wrong.
                    try function.checkSelf?(call)
                    throw error
                }
            }
            switch try function.body(call) {
            case .nothing: break
            case .value(let value): try encode(value)
            case .values(let values): for value in values { try encode(value) }
            }
            return Int32(LW_DONE)
        } catch {
            return fail(error, function.name)
        }
    }

    func close(_ object: AnyObject, type: Int32) -> Int32 {
        guard let entry = entries[type], let close = entry.close else { return Int32(LW_DONE) }
        do {
            try close(object)
            return Int32(LW_DONE)
        } catch {
            return fail(error, "close")
        }
    }

    func load(_ name: String) -> Int32 {
        do {
            let module = try loader(name)
            try encode(.string(module.source))
            try encode(.string(module.chunkName))
            return Int32(LW_DONE)
        } catch {
            return fail(error, "require")
        }
    }

    /// Puts an error into the outbox, in one line: no name in a message begins a line of its own.
    func fail(_ error: any Error, _ name: String) -> Int32 {
        lw_out_reset(state.raw)
        switch error {
        case is LuaInterrupted: return Int32(LW_INTERRUPTED)
        case let error as LuaError:
            if error.failure.kind == .interrupted || error.failure.kind == .timeLimit { return Int32(LW_INTERRUPTED) }
            write(error.failure.value.map { .reference($0) } ?? .string(error.failure.message))
            return Int32(LW_RAISED)
        case let fault as LuaFault where fault.namesFunction: write(.string(Shown.line(fault.message)))
        default:
            let message = Shown.line("\(error)")
            write(.string(message.hasPrefix("\(name): ") ? message : "\(name): \(message)"))
        }
        return Int32(LW_FAILED)
    }

    private func write(_ value: LuaValue) { try? encode(value) }
}
