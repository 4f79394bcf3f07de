import Formats

#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

/// A file of events as TensorBoard reads it: records of an Event message each.
///
/// The few fields that are needed are put together here (tensorflow's event.proto, summary.proto and tensor.proto): ninety lines, where a
/// library for Protocol Buffers would bring a generator, generated files and a dependency of its own. A record is the length of its data in 8 bytes, the
/// masked CRC-32C of those, the data, and its masked CRC-32C (tensorflow/core/lib/io/record_writer.h). Each record is on the disk's way
/// when `append` returns.
package final class EventFile {
    private let folder: Folder
    /// Name of the file in its folder.
    package let name: String

    /// A new file in `folder`, at a time in seconds since 1970.
    ///
    /// - Parameter purgeStep: events from this step on that other files of the folder hold no longer count: a run has gone on from before
    ///   them.
    package init(in folder: Folder, time: Double, purgeStep: Int? = nil) throws {
        self.folder = folder
        let stem = "events.out.tfevents.\(Int(exactly: time.rounded(.down)) ?? 0).lorawb.\(getpid())"
        var number = 0
        while folder.exists("\(stem).\(number)") { number += 1 }
        name = "\(stem).\(number)"
        try append(Message().text(3, "brain.Event:2"), time: time, step: 0)
        // SessionLog.START is 1.
        if let purgeStep { try append(Message().message(7, Message().integer(1, 1)), time: time, step: purgeStep) }
    }

    /// Adds numbers by tag.
    package func append(_ scalars: [(tag: String, value: Double)], time: Double, step: Int) throws {
        guard !scalars.isEmpty else { return }
        let summary = scalars.reduce(Message()) { summary, scalar in
            summary.message(1, Message().text(1, scalar.tag).float(2, Float(scalar.value)))
        }
        try append(Message().message(5, summary), time: time, step: step)
    }

    /// Adds a text, which TensorBoard shows under `tag`.
    package func append(text: String, tag: String, time: Double, step: Int) throws {
        // A tensor of type DT_STRING (7) and shape [1], for the plugin "text".
        let shape = Message().message(2, Message().integer(1, 1))
        let tensor = Message().integer(1, 7).message(2, shape).text(8, text)
        let metadata = Message().message(1, Message().text(1, "text"))
        let value = Message().text(1, tag + "/text_summary").message(8, tensor).message(9, metadata)
        try append(Message().message(5, Message().message(1, value)), time: time, step: step)
    }

    private func append(_ event: Message, time: Double, step: Int) throws {
        let data = Message().double(1, time).integer(2, step).bytes + event.bytes
        let length = Self.littleEndian(UInt64(data.count))
        try folder.append(
            name, length + Self.littleEndian(CRC32C.masked(length)) + data + Self.littleEndian(CRC32C.masked(data)))
    }

    fileprivate static func littleEndian<Value: FixedWidthInteger>(_ value: Value) -> [UInt8] {
        (0..<Value.bitWidth / 8).map { UInt8(truncatingIfNeeded: value >> ($0 * 8)) }
    }
}

/// Fields of a message of Protocol Buffers (its encoding, "wire types").
private struct Message {
    private(set) var bytes: [UInt8] = []

    private func adding(_ field: Int, _ wireType: Int, _ content: [UInt8]) -> Message {
        var copy = self
        copy.bytes += Self.varint(UInt64(field << 3 | wireType)) + content
        return copy
    }

    func integer(_ field: Int, _ value: Int) -> Message {
        adding(field, 0, Self.varint(UInt64(bitPattern: Int64(value))))
    }

    func double(_ field: Int, _ value: Double) -> Message {
        adding(field, 1, EventFile.littleEndian(value.bitPattern))
    }

    func float(_ field: Int, _ value: Float) -> Message { adding(field, 5, EventFile.littleEndian(value.bitPattern)) }

    func text(_ field: Int, _ text: String) -> Message { delimited(field, Array(text.utf8)) }

    func message(_ field: Int, _ message: Message) -> Message { delimited(field, message.bytes) }

    private func delimited(_ field: Int, _ content: [UInt8]) -> Message {
        adding(field, 2, Self.varint(UInt64(content.count)) + content)
    }

    private static func varint(_ value: UInt64) -> [UInt8] {
        var (rest, bytes) = (value, [UInt8]())
        while rest >= 0x80 {
            bytes.append(UInt8(truncatingIfNeeded: rest) | 0x80)
            rest >>= 7
        }
        return bytes + [UInt8(truncatingIfNeeded: rest)]
    }
}

/// The checksum CRC-32C (Castagnoli), masked as records store it.
package enum CRC32C {
    private static let table: [UInt32] = (0..<256).map { byte in
        (0..<8).reduce(UInt32(byte)) { value, _ in value & 1 == 1 ? value >> 1 ^ 0x82F6_3B78 : value >> 1 }
    }

    /// The checksum of `bytes`.
    package static func checksum(_ bytes: [UInt8]) -> UInt32 {
        ~bytes.reduce(~UInt32(0)) { table[Int(($0 ^ UInt32($1)) & 0xFF)] ^ $0 >> 8 }
    }

    /// Rotated by 15 bits and offset, so that data that holds checksums has checksums of its own.
    package static func masked(_ bytes: [UInt8]) -> UInt32 {
        let checksum = checksum(bytes)
        return (checksum >> 15 | checksum << 17) &+ 0xA282_EAD8
    }
}
