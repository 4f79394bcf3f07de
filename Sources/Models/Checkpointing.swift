import Memory
import Synchronization
import Tensors

/// Which layers keep nothing but what enters them and are run again in backward (activation checkpointing).
///
/// Losses and gradients have the same bits either way: what dropout draws is a function of the pass.
public final class Checkpointing: Sendable {
    /// Which layers that is asked for.
    public enum Mode: String, Sendable, CaseIterable {
        case off, on
        /// As few as make what the others keep fit into the memory that is free.
        case auto
    }

    /// Why layers of a pass were run again that were to be only where memory is short.
    public struct Reason: Sendable, Equatable {
        /// How many, of how many that a gradient reaches.
        public let layers, allLayers: Int
        /// Bytes that a layer would have kept.
        public let layerBytes: Int
        /// Bytes that were free for all of them.
        public let free: Int
    }

    /// Which layers that is asked for.
    public let mode: Mode
    private let reserved: Int
    private let available: @Sendable () -> Int
    private let first = Mutex<Reason?>(nil)

    /// - Parameters:
    ///   - reserved: bytes that a step needs beside what layers keep, and has not taken yet: gradients.
    ///   - available: bytes that may be taken; what the machine and the limit leave, and what tensors hold for reuse.
    public init(
        _ mode: Mode, reserved: Int = 0,
        available: @escaping @Sendable () -> Int = { MemoryBudget.available + StoragePool.shared.pooledBytes }
    ) {
        (self.mode, self.reserved, self.available) = (mode, reserved, available)
    }

    /// Why layers were run again in the first pass in which memory was short; nil where it never was.
    public var reason: Reason? { first.withLock { $0 } }

    /// The decisions of one pass, from its lowest layer on.
    func plan() -> Plan? { mode == .off ? nil : Plan(self) }

    /// Decides layer by layer.
    ///
    /// What a layer keeps is measured, and those above it are taken to keep as much.
    struct Plan {
        private let asked: Checkpointing
        private var layerBytes = 0
        /// How many of the uppermost layers keep what backward needs.
        private var keeping = Int.max

        fileprivate init(_ asked: Checkpointing) { self.asked = asked }

        /// Whether a layer that gave `states` and has taken `bytes` is run again; `layersLeft` counts it and those above.
        mutating func isRunAgain(_ states: Tensor, bytes: Int, layersLeft: Int) -> Bool {
            guard states.isTracked else { return false }
            guard asked.mode == .auto else { return true }
            if bytes > layerBytes {
                layerBytes = bytes
                // The layer has its bytes already. Every layer has its input, one is being run again, gradients on their way take
                // no more than another, and an eighth is left for what lies between blocks of memory.
                let (free, input) = (max(0, asked.available() - asked.reserved) + bytes, states.count * 4)
                keeping = max(0, (free - free / 8 - 2 * bytes - layersLeft * input) / max(1, bytes - input))
                asked.note(layersLeft, keeping: keeping, bytes, free)
            }
            return layersLeft > keeping
        }
    }

    private func note(_ layers: Int, keeping: Int, _ layerBytes: Int, _ free: Int) {
        guard layers > keeping else { return }
        first.withLock { reason in
            reason = reason ?? Reason(layers: layers - keeping, allLayers: layers, layerBytes: layerBytes, free: free)
        }
    }
}
