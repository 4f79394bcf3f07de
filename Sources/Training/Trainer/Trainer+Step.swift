import Memory
import Models
import Tensors
import Words

extension Trainer {
    /// One update: the micro-batches of a step forward and backward, clipping, the optimizer.
    ///
    /// Nothing of the state changes before all micro-batches are done, so that an interruption drops the step whole.
    func optimizerStep() throws {
        let setup = try prepare()
        let data = Profile.phase("data")
        let batches = try batchesOfStep(setup)
        data.end()
        do {
            control.shouldSave = false
            control.shouldEvaluate = false
            control.shouldLog = false
            try emit(.stepBegin)
            let loss = try gradients(of: batches, setup)
            try update(setup, batches: batches, loss: loss)
        } catch let error as NonFiniteError {
            throw failure(error.description, batches)
        } catch let error as TensorError {
            throw failure(error.description, batches)
        } catch let error as ModelError {
            throw failure(error.description, batches)
        } catch let error as MemoryRefusal {
            throw failure(error.description, batches)
        }
    }

    private func failure(_ message: String, _ batches: [Batch]) -> TrainingError {
        let all = Batch(rows: batches.flatMap(\.rows), input: ModelInput(inputIds: []), labels: nil)
        return TrainingError(
            "step \(state.globalStep + 1): \(message); it was given rows \(all.rowNames) of train_dataset")
    }

    private func batchesOfStep(_ setup: TrainingSetup) throws -> [Batch] {
        let progress = state.progress
        if session.epoch?.index != progress.epochIndex {
            session.epoch = (progress.epochIndex, setup.sampler.epoch(progress.epochIndex))
        }
        guard let epoch = session.epoch?.batches else { return [] }
        return try setup.plan.batches(ofStep: progress.stepInEpoch).map { index in
            try setup.trainReader.batch(Array(epoch[batch: index]))
        }
    }

    /// Forward and backward of all micro-batches; gives the step's loss.
    private func gradients(of batches: [Batch], _ setup: TrainingSetup) throws -> Double {
        guard try batches.contains(where: { try objective.count($0) > 0 }) else {
            throw failure("no label counts: every one of them is -100, so there is no loss", batches)
        }
        let total = try batches.reduce(0) { try $0 + objective.weight($1) }
        guard total > 0 else { throw failure("class_weights of all labels are 0, so there is no loss", batches) }
        let draws = DropoutDraws(
            seed: UInt64(bitPattern: Int64(arguments.seed)), step: state.globalStep, quietBelow: keptStates.quietBelow)
        setup.optimizer.zeroGrad()
        let checkpointing = checkpointing(setup)
        var (loss, row) = (0.0, 0)
        for (index, batch) in batches.enumerated() {
            try poll()
            let forward = Profile.phase("forward")
            let context = StepContext(
                training: model, total: total, draws: draws, firstRow: row, checkpointing: checkpointing)
            let output = try objective.evaluate(withKeptStates(batch, of: .train), context)
            row += batch.count
            tell(checkpointing?.reason, of: batch)
            let share = try output.value()
            forward.end()
            guard share.isFinite else { throw failure("the loss is \(share)", [batch]) }
            guard output.loss.isTracked else {
                throw TrainingError("the loss depends on nothing that is trainable")
            }
            try output.backward()
            loss += share
            if !session.isChecked {
                try GradientChecks.reached(setup.parameters)
                session.isChecked = true
            }
            if index < batches.count - 1 { try emit(.substepEnd) }
        }
        try poll()
        return loss
    }

    /// Which layers of the step are run again; nil where none is.
    private func checkpointing(_ setup: TrainingSetup) -> Checkpointing? {
        guard arguments.gradientCheckpointing != .off else { return nil }
        // What is free is known once a step has packed the weights both ways and made the optimizer's moments.
        guard state.globalStep > session.firstStep else { return Checkpointing(.on) }
        let gradients = setup.parameters.reduce(0) { $0 + $1.tensor.count * 4 }
        return Checkpointing(arguments.gradientCheckpointing, reserved: gradients)
    }

    /// Says once why layers are run again.
    private func tell(_ reason: Checkpointing.Reason?, of batch: Batch) {
        guard let reason, !session.isCheckpointingTold else { return }
        session.isCheckpointingTold = true
        reporter?.note(
            "gradient_checkpointing: \(reason.layers) of \(reason.allLayers) layers are run again in backward: for \(batch.tokenCount) tokens a layer keeps \(ByteSize.memory(reason.layerBytes)), and \(ByteSize.memory(reason.free)) are free"
        )
    }

    private func update(_ setup: TrainingSetup, batches: [Batch], loss: Double) throws {
        let clipping = Profile.phase("clipping")
        let gradients = TrainedGradients(setup.parameters)
        let report = try gradients.report()
        var scale: Float = 1
        if arguments.maxGradNorm > 0,
            let factor = TrainedGradients.clippingFactor(norm: report.norm, maxNorm: arguments.maxGradNorm)
        {
            // Callbacks see clipped gradients; where there are none, the update clips as it reads them.
            if !callbacks.contains(where: \.seesGradients) { scale = factor } else { try gradients.scale(by: factor) }
        }
        clipping.end()
        let multiplier = setup.schedule.multiplier(at: state.globalStep)
        for index in setup.optimizer.groups.indices {
            setup.optimizer.groups[index].learningRate =
                setup.optimizer.groups[index].initialLearningRate * multiplier
        }
        try emit(.preOptimizerStep)
        let optimizer = Profile.phase("optimizer")
        try setup.optimizer.step(gradientScale: scale)
        optimizer.end()
        try emit(.optimizerStep)
        setup.optimizer.zeroGrad()
        let learningRate = setup.optimizer.groups.first?.learningRate ?? 0
        watch(report, learningRate: learningRate)
        count(batches, setup)
        state.progress.lossSum += loss
        state.progress.epochLoss += loss
        state.progress.epochSteps += 1
        state.progress.lastGradNorm = report.norm
        state.progress.lastLearningRate = learningRate
        state.progress.phase = .stepEnd
        tell(loss: loss, learningRate: learningRate, setup)
    }

    private func count(_ batches: [Batch], _ setup: TrainingSetup) {
        let tokens = batches.reduce(0) { $0 + $1.tokenCount }
        state.numInputTokensSeen += tokens
        state.totalFlos += 6 * Double(tokens) * Double(setup.computeParameters)
        state.globalStep += 1
        state.progress.stepInEpoch += 1
        state.epoch = setup.plan.epoch(state.progress.epochIndex, afterSteps: state.progress.stepInEpoch)
        session.samples += batches.reduce(0) { $0 + $1.count }
    }

    /// Warns of tensors whose gradient was zero in each of the first ten steps at a learning rate above zero.
    private func watch(_ report: GradientReport, learningRate: Double) {
        guard let unmoved = state.progress.unmoved, learningRate > 0 else { return }
        let zero = Set(report.zero)
        let left = unmoved.filter(zero.contains)
        state.progress.watchedSteps += 1
        guard state.progress.watchedSteps < GradientChecks.patience, !left.isEmpty else {
            if let first = left.first {
                let others = left.count > 1 ? " and of \(left.count - 1) more tensors" : ""
                reporter?.warn(
                    "the gradient of '\(first)'\(others) was zero in all of the first \(GradientChecks.patience) steps: nothing trains \(left.count > 1 ? "them" : "it")"
                )
            }
            state.progress.unmoved = nil
            return
        }
        state.progress.unmoved = left
    }

    private func tell(loss: Double, learningRate: Double, _ setup: TrainingSetup) {
        guard let reporter else { return }
        let span = Profile.phase("log and progress")
        defer { span.end() }
        let all = session.seconds
        let seconds = all - session.evaluationSeconds
        let steps = state.globalStep - session.firstStep
        reporter.update(
            ProgressUpdate(
                step: state.globalStep, totalSteps: setup.plan.totalSteps, epoch: state.epoch, loss: loss,
                learningRate: learningRate, samplesPerSecond: seconds > 0 ? Double(session.samples) / seconds : 0,
                seconds: all,
                remainingSeconds: steps > 0
                    ? seconds / Double(steps) * Double(setup.plan.totalSteps - state.globalStep) : 0))
    }
}
