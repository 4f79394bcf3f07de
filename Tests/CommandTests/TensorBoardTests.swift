import Foundation
import Testing

/// `report_to = "tensorboard"`: what lies in event files, read by a reader of the test's own.
struct TensorBoardTests {
    /// An event as far as it is looked at.
    struct Event {
        var step = 0
        var time = 0.0
        var version: String?
        var scalars: [String: Float] = [:]
        var texts: [String: String] = [:]
        var isStart = false
    }

    /// Fields of a message of Protocol Buffers.
    private struct Fields {
        var values: [(field: Int, value: UInt64, bytes: [UInt8])] = []

        init(_ bytes: [UInt8]) throws {
            var place = 0
            func varint() throws -> UInt64 {
                var (value, shift) = (UInt64(0), UInt64(0))
                while true {
                    try #require(place < bytes.count && shift < 64)
                    value |= UInt64(bytes[place] & 0x7F) << shift
                    shift += 7
                    place += 1
                    if bytes[place - 1] < 0x80 { return value }
                }
            }
            func fixed(_ count: Int) throws -> UInt64 {
                try #require(place + count <= bytes.count)
                defer { place += count }
                return (0..<count).reduce(0) { $0 | UInt64(bytes[place + $1]) << UInt64(8 * $1) }
            }
            while place < bytes.count {
                let key = try varint()
                let field = Int(key >> 3)
                switch key & 7 {
                case 0: values.append((field, try varint(), []))
                case 1: values.append((field, try fixed(8), []))
                case 5: values.append((field, try fixed(4), []))
                default:
                    try #require(key & 7 == 2)
                    let count = Int(try varint())
                    try #require(place + count <= bytes.count)
                    values.append((field, 0, Array(bytes[place..<place + count])))
                    place += count
                }
            }
        }

        func all(_ field: Int) -> [(field: Int, value: UInt64, bytes: [UInt8])] { values.filter { $0.field == field } }
        func first(_ field: Int) -> (field: Int, value: UInt64, bytes: [UInt8])? { all(field).first }
        func text(_ field: Int) -> String? { first(field).map { String(decoding: $0.bytes, as: UTF8.self) } }
    }

    /// CRC-32C bit by bit, masked as records have it.
    private func masked(_ bytes: ArraySlice<UInt8>) -> UInt32 {
        var crc = ~UInt32(0)
        for byte in bytes {
            crc ^= UInt32(byte)
            for _ in 0..<8 { crc = crc & 1 == 1 ? crc >> 1 ^ 0x82F6_3B78 : crc >> 1 }
        }
        crc = ~crc
        return (crc >> 15 | crc << 17) &+ 0xA282_EAD8
    }

    private func events(_ data: Data) throws -> [Event] {
        let bytes = [UInt8](data)
        var (events, place): ([Event], Int) = ([], 0)
        func number(_ count: Int) throws -> UInt64 {
            try #require(place + count <= bytes.count)
            defer { place += count }
            return (0..<count).reduce(0) { $0 | UInt64(bytes[place + $1]) << UInt64(8 * $1) }
        }
        while place < bytes.count {
            let length = Int(try number(8))
            #expect(try number(4) == UInt64(masked(bytes[place - 12..<place - 4])))
            try #require(place + length + 4 <= bytes.count)
            let content = bytes[place..<place + length]
            place += length
            #expect(try number(4) == UInt64(masked(content)))
            events.append(try event(Array(content)))
        }
        return events
    }

    private func event(_ bytes: [UInt8]) throws -> Event {
        let fields = try Fields(bytes)
        var event = Event()
        event.time = Double(bitPattern: fields.first(1)?.value ?? 0)
        event.step = Int(fields.first(2)?.value ?? 0)
        event.version = fields.text(3)
        if let session = fields.first(7) { event.isStart = try Fields(session.bytes).first(1)?.value == 1 }
        for summary in fields.all(5) {
            for value in try Fields(summary.bytes).all(1) {
                let inner = try Fields(value.bytes)
                let tag = try #require(inner.text(1))
                if let number = inner.first(2) { event.scalars[tag] = Float(bitPattern: UInt32(number.value)) }
                guard let tensor = inner.first(8) else { continue }
                // A text has its plugin's name, and is a tensor [1] of DT_STRING.
                let metadata = try Fields(#require(inner.first(9)).bytes)
                #expect(try Fields(#require(metadata.first(1)).bytes).text(1) == "text")
                let text = try Fields(tensor.bytes)
                #expect(text.first(1)?.value == 7)
                event.texts[tag] = text.text(8)
            }
        }
        return event
    }

    private static func place(_ arguments: String) throws -> Place {
        let place = try Place.training()
        try place.put(
            "train.lua",
            Place.trainingRecipe.replacing(
                "eval_strategy = \"epoch\",", with: "eval_strategy = \"epoch\", \(arguments)"))
        return place
    }

    private func files(_ place: Place, _ folder: String) -> [String] {
        place.files(folder).filter { $0.contains("tfevents") }
    }

    @Test func whatTheLogHas() throws {
        let place = try Self.place("report_to = \"tensorboard\",")
        let outcome = try place.train("--epochs", "1")
        #expect(outcome.code == 0, "\(outcome)")
        let names = files(place, "runs/train-1")
        try #require(names.count == 1, "\(names)")
        #expect(names[0].hasPrefix("events.out.tfevents."))
        let events = try events(place.data("runs/train-1/" + names[0]))
        #expect(events.first?.version == "brain.Event:2")
        #expect(events.allSatisfy { $0.time > 1.7e9 && !$0.isStart })
        let texts = events.reduce(into: [String: String]()) { $0.merge($1.texts) { $1 } }
        #expect(Set(texts.keys) == ["args/text_summary", "model_config/text_summary"])
        #expect(texts["args/text_summary"]?.contains("\"learning_rate\": 0.01") == true)
        #expect(texts["model_config/text_summary"]?.contains("\"model_type\": \"bert\"") == true)
        // Every number of the log under transformers' tag, at its step, rounded to float32 and no further.
        let rows = try place.text("runs/train-1/metrics.jsonl").split(separator: "\n").map {
            try #require(try JSONSerialization.jsonObject(with: Data($0.utf8)) as? [String: Double])
        }.filter { $0["epoch_loss"] == nil }
        let logged = events.filter { !$0.scalars.isEmpty }
        try #require(logged.count == rows.count && rows.count == 10)
        for (event, row) in zip(logged, rows) {
            #expect(event.step == Int(row["step"] ?? -1))
            // The rate stands in the file alone.
            let expected = row.filter { $0.key != "step" && $0.key != "samples_per_second" }.map { key, value in
                (key.hasPrefix("eval_") ? "eval/" + key.dropFirst(5) : "train/" + key, Float(value))
            }
            #expect(event.scalars == Dictionary(uniqueKeysWithValues: expected))
        }
        #expect(
            Set(logged.flatMap(\.scalars.keys)).isSuperset(of: [
                "train/loss", "train/grad_norm", "train/learning_rate", "train/epoch", "eval/loss", "eval/accuracy",
                "train/train_loss",
            ]))
    }

    @Test func aRunThatGoesOnBeginsAnotherFile() throws {
        let place = try Self.place("report_to = { \"tensorboard\" }, logging_dir = lorawb.run_dir .. \"/events\",")
        #expect(try place.train("--epochs", "1").code == 0)
        let before = try #require(files(place, "runs/train-1/events").first)
        let first = try place.data("runs/train-1/events/" + before)
        #expect(try place.train("--resume", "runs/train-1", "--epochs", "2").code == 0)
        let names = files(place, "runs/train-1/events")
        try #require(names.count == 2)
        #expect(try place.data("runs/train-1/events/" + before) == first)
        let second = try events(place.data("runs/train-1/events/" + #require(names.first { $0 != before })))
        // What was written of steps behind the checkpoint no longer counts.
        #expect(second.filter(\.isStart).map(\.step) == [9])
        #expect(second.filter { $0.scalars["train/loss"] != nil }.map(\.step) == Array(9...16))
        #expect(second.filter { $0.scalars["eval/loss"] != nil }.map(\.step) == [16])
    }

    @Test func otherServicesAreRefusedByName() throws {
        for (value, isTaken) in [
            ("\"none\"", true), ("{}", true), ("{ \"none\" }", true), ("\"all\"", true), ("\"wandb\"", false),
            ("{ \"tensorboard\", \"mlflow\" }", false),
        ] {
            let place = try Self.place("report_to = \(value),")
            let outcome = try place.train("--epochs", "1")
            #expect((outcome.code == 0) == isTaken, "\(value) \(outcome)")
            #expect(files(place, "runs/train-1").isEmpty == (value != "\"all\""))
            guard !isTaken else { continue }
            let name = value.contains("wandb") ? "wandb" : "mlflow"
            #expect(
                outcome.line.contains(
                    "args: option 'report_to' = '\(name)' is not supported: nothing goes to the network; logs stand in the run folder"
                ), "\(outcome)")
        }
    }
}
