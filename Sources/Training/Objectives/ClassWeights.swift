import Models

extension TrainingArguments.ClassWeights {
    /// The weights of a model's classes, by the labels of the rows that are trained on where they are to be balanced.
    ///
    /// Balanced is n / (k · n_c) over the n labelled rows (tokens), k the number of classes that occur: scikit-learn's compute_class_weight
    /// (1.9.1). Of several labels a row it is (n − n_c) / n_c, the ratio of the same formula for presence and absence. A class
    /// that does not occur weighs 1.
    func weights(of reader: BatchReader?, for model: any Module) throws -> [Float] {
        let classes = (model as? any Model)?.config.numLabels ?? 0
        if case .each(let weights) = self {
            guard weights.count == classes else {
                throw TrainingError(
                    "args: class_weights has \(weights.count) numbers; the model has \(classes) labels: give one for each, from class 0"
                )
            }
            return weights.map { Float($0) }
        }
        guard let reader else { throw TrainingError("args: class_weights = 'balanced' needs a train_dataset") }
        var counts = Array(repeating: 0, count: classes)
        var (rows, isMultiLabel) = (0, false)
        for part in (0..<reader.dataset.count).pieces(of: 256) {
            switch try Objectives.labels(reader.batch(Array(part))) {
            case .classes(let ids): for id in ids where counts.indices.contains(id) { counts[id] += 1 }
            case .tokens(let lists):
                for id in lists.joined() where counts.indices.contains(id) { counts[id] += 1 }
            case .vectors(let lists):
                isMultiLabel = true
                for list in lists { for (id, value) in list.enumerated() where value > 0.5 { counts[id] += 1 } }
            case .values, .answers: break
            }
            rows += part.count
        }
        if isMultiLabel { return counts.map { $0 == 0 ? 1 : Float(Double(rows - $0) / Double($0)) } }
        let (total, present) = (counts.reduce(0, +), counts.count { $0 > 0 })
        return counts.map { $0 == 0 ? 1 : Float(Double(total) / (Double(present) * Double($0))) }
    }

    /// Throws where labels of this kind have no classes.
    static func check(_ arguments: TrainingArguments, _ reader: BatchReader?, for model: any Module, ownLoss: Bool)
        throws
    {
        let given = [
            arguments.classWeights == nil ? nil : "class_weights",
            arguments.labelSmoothingFactor > 0 ? "label_smoothing_factor" : nil,
        ].compactMap { $0 }
        guard let name = given.first else { return }
        if ownLoss {
            throw TrainingError(
                "args: \(name) is for the model's own loss, and compute_loss is given; give it to nn.cross_entropy there"
            )
        }
        let task = (model as? any Model)?.taskType
        if arguments.classWeights != nil, task == .causalLM {
            throw TrainingError("args: class_weights is for classes; a language model has none")
        }
        if task == .questionAnswering {
            throw TrainingError("args: \(name) is for classes; answers are places in a text")
        }
        guard let kind = reader?.labelKind else { return }
        switch kind {
        case .classes, .tokens, .free: break
        case .value, .vector(_, isBinary: false):
            throw TrainingError("args: \(name) is for classes; the labels are numbers of a regression")
        case .vector(_, isBinary: true):
            if arguments.labelSmoothingFactor > 0 {
                throw TrainingError(
                    "args: label_smoothing_factor is for one class a row; the rows have several labels each")
            }
        }
    }
}
