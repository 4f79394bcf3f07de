import Foundation
import LuaBridge

/// Interrupts a host's run again and again from another thread, until it is finished.
final class Stopper {
    private let finished: DispatchSemaphore
    private let done = DispatchSemaphore(value: 0)

    init(_ host: LuaHost, after seconds: Double, reason: LuaInterrupt.Reason = .interrupt) {
        let interrupter = host.interrupter
        let (finished, done) = (DispatchSemaphore(value: 0), done)
        self.finished = finished
        Thread.detachNewThread {
            while finished.wait(timeout: .now() + seconds) == .timedOut { interrupter.interrupt(reason) }
            done.signal()
        }
    }

    func finish() {
        finished.signal()
        done.wait()
    }
}

/// Runs something on a thread of its own, and waits.
func onAnotherThread(_ body: @escaping @Sendable () -> Void) {
    let done = DispatchSemaphore(value: 0)
    Thread.detachNewThread {
        body()
        done.signal()
    }
    done.wait()
}
