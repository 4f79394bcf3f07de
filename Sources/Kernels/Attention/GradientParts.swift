/// Where the pieces of attention's backward write what more than one of them finds, and how it is added up: in the order of the
/// pieces, whichever threads they ran on.
struct GradientParts {
    /// Where the gradients of keys, of values and of the bias begin that each piece writes apart.
    private let offsets: [(dk: Int, dv: Int, dbias: Int)]
    /// Floats of all.
    let count: Int
    private let span: Int

    /// The first piece of a sequence and group writes to dk and dv themselves, the others to parts of their own where these are wanted;
    /// all have a part of the bias' gradient where `span` is above 0.
    init(_ kernel: AttentionKernel, _ pieces: [AttentionKernel.Piece], keys: Bool, values: Bool, span: Int) {
        var (offsets, count) = ([(dk: Int, dv: Int, dbias: Int)](), 0)
        offsets.reserveCapacity(pieces.count)
        for piece in pieces {
            var size = 0
            switch piece {
            case .short:
                offsets.append((count, count, count))
                continue
            case .tiles(let s, _, _, let part): if part > 0 { size = kernel.keys[s].count * kernel.width }
            case .row: break
            }
            let (dk, dv) = (count, count + (keys ? size : 0))
            let dbias = dv + (values ? size : 0)
            offsets.append((dk, dv, dbias))
            count = dbias + kernel.share * span
        }
        (self.offsets, self.count, self.span) = (offsets, count, span)
    }

    /// Where a piece writes.
    func targets(
        _ kernel: AttentionKernel, _ s: Int, _ group: Int, _ part: Int, _ index: Int, _ a: AttentionKernel.Gradients,
        _ room: UnsafeMutablePointer<Float>
    ) -> AttentionKernel.Targets {
        let dbias = span == 0 ? nil : room + offsets[index].dbias
        if part == 0 {
            let place = kernel.keys[s].start * kernel.ldk + group * kernel.width
            return .init(dk: a.dk.map { $0 + place }, dv: a.dv.map { $0 + place }, ld: kernel.ldk, dbias: dbias)
        }
        return .init(
            dk: a.dk == nil ? nil : room + offsets[index].dk, dv: a.dv == nil ? nil : room + offsets[index].dv,
            ld: kernel.width, dbias: dbias)
    }

    /// Adds the parts to dk and dv, and writes dbias[heads, span].
    func add(
        _ kernel: AttentionKernel, _ pieces: [AttentionKernel.Piece], _ room: UnsafeMutablePointer<Float>,
        dk: UnsafeMutablePointer<Float>?, dv: UnsafeMutablePointer<Float>?, dbias: UnsafeMutablePointer<Float>?
    ) {
        guard count > 0 else { return }
        nonisolated(unsafe) let (dk, dv, room) = (dk, dv, room)
        let split = pieces.indices.filter { if case .tiles(_, _, _, 1) = pieces[$0] { true } else { false } }
        Workers.run(pieces: split.count) { which in
            var index = split[which]
            while index < pieces.count, case .tiles(let s, let group, _, let part) = pieces[index], part > 0 {
                let place = kernel.keys[s].start * kernel.ldk + group * kernel.width
                for (target, offset) in [(dk, offsets[index].dk), (dv, offsets[index].dv)] {
                    guard let target else { continue }
                    for key in 0..<kernel.keys[s].count {
                        Loops.accumulate(
                            room + offset + key * kernel.width, target + place + key * kernel.ldk, kernel.width)
                    }
                }
                index += 1
            }
        }
        guard let dbias, span > 0 else { return }
        Loops.zero(dbias, kernel.heads * span)
        for (index, piece) in pieces.enumerated() {
            let group: Int
            switch piece {
            case .short: continue
            case .tiles(_, let its, _, _): group = its
            case .row(_, let groups, _, _): group = groups.lowerBound
            }
            Loops.accumulate(
                room + offsets[index].dbias, dbias + group * kernel.share * span, kernel.share * span)
        }
    }
}
