import Memory

#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

extension Folder {
    /// Most bytes that `read` takes into memory unless told otherwise; larger files are mapped.
    public static let readLimit = 1 << 32

    /// Whether a file or folder of this name is there and may be seen.
    public func exists(_ name: String) -> Bool {
        guard let names = try? Folder.names(name), let (opened, _) = try? reading(name).open(place + names) else {
            return false
        }
        close(opened)
        return true
    }

    /// Whether a file or folder of this name is there, be it that it may not be opened: then whoever reads it is told why.
    ///
    /// A link that leads out of the folder is there; where it leads is not looked at.
    public func isThere(_ name: String) -> Bool {
        guard let names = try? Folder.names(name) else { return false }
        do {
            close(try reading(name).open(place + names).descriptor)
            return true
        } catch let error as FormatError {
            return error.reason == .other
        } catch {
            return false
        }
    }

    /// Whether a folder of this name is there.
    public func isFolder(_ name: String) -> Bool {
        guard let names = try? Folder.names(name), let opened = try? reading(name).openFolder(place + names) else {
            return false
        }
        close(opened)
        return true
    }

    /// Size of a file in bytes.
    public func size(_ name: String) throws -> Int {
        let (file, size) = try reading(name).openFile(place + Folder.names(name))
        close(file)
        return size
    }

    /// The whole file; throws where it has more than `limit` bytes.
    public func read(_ name: String, limit: Int = Folder.readLimit) throws -> [UInt8] {
        let (file, size) = try reading(name).openFile(place + Folder.names(name))
        defer { close(file) }
        guard size <= limit else {
            throw FormatError("\(show(name)): has \(size) bytes; at most \(limit) are read")
        }
        try MemoryBudget.reserve(size)
        var failure: FormatError?
        let bytes = [UInt8](unsafeUninitializedCapacity: size) { buffer, count in
            while count < size {
                let got = readBytes(file, buffer.baseAddress.map { $0 + count }, size - count)
                if got < 0, errno == EINTR { continue }
                if got < 0 { failure = Folder.error(show(name), "read") }
                if got <= 0 { break }
                count += got
            }
        }
        if let failure { throw failure }
        return bytes
    }

    /// The whole file as text; throws where it is not UTF-8, with the place.
    public func readText(_ name: String, limit: Int = Folder.readLimit) throws -> String {
        let bytes = try read(name, limit: limit)
        if let text = String(validating: bytes, as: UTF8.self) { return text }
        throw FormatError("\(show(name)): not UTF-8 at byte \(firstInvalidUTF8(in: bytes))")
    }

    /// The file as memory that the system reads when it is looked at.
    public func map(_ name: String) throws -> MappedFile {
        let (file, size) = try reading(name).openFile(place + Folder.names(name))
        defer { close(file) }
        return try MappedFile(descriptor: file, count: size, path: show(name))
    }

    /// Names in the folder, sorted, without "." and "..".
    public func list() throws -> [String] {
        try Folder.entries(of: FolderWalk(root: root, path: path, isReading: true).openFolder(place), path: path)
            .sorted()
    }

    /// Names in an open folder, which is closed.
    static func entries(of folder: Int32, path: String) throws -> [String] {
        guard let stream = fdopendir(folder) else {
            let failure = error(path, "list")
            close(folder)
            throw failure
        }
        defer { closedir(stream) }
        var names: [String] = []
        errno = 0
        while let entry = readdir(stream) {
            let name = withUnsafeBytes(of: &entry.pointee.d_name) { bytes in
                String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
            }
            if name != ".", name != ".." { names.append(name) }
            errno = 0
        }
        // EBADF: a folder that could be opened to pass through only.
        if errno != 0 { throw error(path, "list", errno == EBADF ? EACCES : errno) }
        return names
    }

    /// The way to what is written, or made: links lead nowhere else.
    func walk(_ name: String) -> FolderWalk { FolderWalk(root: root, path: show(name), isReading: false) }

    private func reading(_ name: String) -> FolderWalk { FolderWalk(root: root, path: show(name), isReading: true) }
}

/// Place of the first byte that is not UTF-8, counted from 1.
func firstInvalidUTF8(in bytes: some Collection<UInt8>) -> Int {
    var (parser, iterator, valid) = (UTF8.ForwardParser(), bytes.makeIterator(), 0)
    while case .valid(let scalar) = parser.parseScalar(from: &iterator) { valid += scalar.count }
    return valid + 1
}

/// The system's read; `Folder.read` hides its name.
private func readBytes(_ file: Int32, _ target: UnsafeMutableRawPointer?, _ count: Int) -> Int {
    read(file, target, count)
}
