import Formats
import Models
import Training

/// Writes a training's log as TensorBoard's event files, tagged as transformers' TensorBoardCallback tags it (5.23): `train/loss`,
/// `eval/loss`, and the texts `args` and `model_config`.
///
/// A run that goes on begins another file, and what the one before wrote of steps that are done again no longer counts.
package final class TensorBoard: TrainerCallback {
    private let open: () throws -> Folder
    private var file: EventFile?

    /// Event files in the folder that `open` gives, asked for when there is something to write.
    package init(open: @escaping () throws -> Folder) { self.open = open }

    package var seesGradients: Bool { false }

    package func handle(_ event: TrainerEvent, _ trainer: Trainer) throws {
        let step = trainer.state.globalStep
        switch event {
        case .trainBegin:
            let file = try EventFile(in: open(), time: Machine.time, purgeStep: step > 0 ? step + 1 : nil)
            self.file = file
            let arguments = JSON(trainer.arguments.entries).serialized(indent: 2)
            try file.append(text: arguments, tag: "args", time: Machine.time, step: 0)
            if let model = trainer.model as? any Model {
                let config = model.config.json.serialized(indent: 2)
                try file.append(text: config, tag: "model_config", time: Machine.time, step: 0)
            }
        case .log(let row):
            let file = try self.file ?? EventFile(in: open(), time: Machine.time)
            self.file = file
            let time = Machine.time
            try file.append(
                row.compactMap { entry in entry.value.double.map { (Self.tag(entry.key), $0) } }, time: time, step: step
            )
            for entry in row where entry.value.double == nil && !entry.value.isNull {
                let text = entry.value.string ?? entry.value.serialized(indent: 2)
                try file.append(text: text, tag: Self.tag(entry.key), time: time, step: step)
            }
        case .trainEnd: file = nil
        default: break
        }
    }

    /// The tag of a key of the log.
    private static func tag(_ key: String) -> String {
        for split in ["eval", "test"] where key.hasPrefix(split + "_") {
            return "\(split)/\(key.dropFirst(split.count + 1))"
        }
        return "train/" + key
    }
}
