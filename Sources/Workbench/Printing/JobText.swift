import Words

extension TrainingJob: Printed {
    var headline: String {
        let left = box.reporter?.last.map { update in
            ", \(Figures.fixed(update.samplesPerSecond, 1)) samples/s"
        }
        return "Job \(state.rawValue): \(place)" + (state == .running ? left ?? "" : "")
            + (failure.map { ": \($0)" } ?? "")
    }
}
