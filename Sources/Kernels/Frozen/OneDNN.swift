#if ONEDNN
    import COneDNN
    import Synchronization

    #if canImport(Glibc)
        import Glibc
    #else
        import Darwin
    #endif

    /// Products with packed weights through oneDNN, opened when a frozen matrix is first multiplied with.
    ///
    /// It is used where it has a blocked kernel for this processor ("brg…"): for AVX-512 in version 2. What else it has is
    /// no faster than OpenBLAS. Everything runs on the calling thread; `Workers` has the threads.
    enum OneDNN {
        /// How B[k, n] is packed, or lies plainly.
        struct Layout: @unchecked Sendable {
            let k: Int
            let n: Int
            let type: FrozenMatrix.DType
            fileprivate let handle: OpaquePointer

            /// Bytes that B takes.
            var bytes: Int { onednn_weights_bytes(handle) }
        }

        /// A prepared product of m rows with a packed B; `run` may be called by several threads at once.
        struct Product: @unchecked Sendable {
            fileprivate let handle: OpaquePointer
            /// Floats of working memory that `run` takes, which must be aligned to 64 bytes.
            let scratch: Int

            /// y[m, n] = x[m, k] · B, or y + that; false where the library failed.
            ///
            /// x has B's element type, y is dense.
            func run(
                x: UnsafeRawPointer, weights: UnsafeRawPointer, into y: UnsafeMutablePointer<Float>,
                scratch: UnsafeMutablePointer<Float>
            ) -> Bool {
                onednn_product_execute(handle, x, weights, nil, y, scratch) == 0
            }
        }

        /// Why it is not used here; nil where it is.
        static let unavailable: String? = {
            var message: UnsafePointer<CChar>?
            guard onednn_open(&message) == 0 else { return message.map { String(cString: $0) } ?? "it did not open" }
            if let named = InstructionLevel.demanded, named < .v4 {
                guard named == .v3 else { return "LORAWB_ISA=\(named) is below what it is used for" }
                guard onednn_limit_to_avx2() == 0 else { return "it could not be held to AVX2" }
            }
            guard probe(.float32) != nil else {
                let target = InstructionLevel.demanded == .v3 ? "AVX2 (LORAWB_ISA=v3)" : "this processor"
                return "version \(version) has no blocked kernel for \(target)"
            }
            return nil
        }()

        /// Version of the library.
        static var version: String {
            let number = onednn_version()
            return "\(number / 10000).\(number / 100 % 100).\(number % 100)"
        }

        /// Name of the kernel that multiplies this type natively, nil where there is none.
        static func kernel(_ type: FrozenMatrix.DType) -> String? {
            guard unavailable == nil else { return nil }
            return type == .float32 ? floatKernel : halfKernel
        }

        private static let floatKernel = probe(.float32)
        private static let halfKernel = probe(.bfloat16)

        /// A blocked kernel's name; one for bfloat16 must have instructions for it, for otherwise it emulates them.
        private static func probe(_ type: FrozenMatrix.DType) -> String? {
            guard let weights = onednn_weights_packed(256, 192, type.code) else { return nil }
            defer { onednn_weights_free(weights) }
            guard let product = onednn_product_create(weights, 64, 192, 0, 0) else { return nil }
            defer { onednn_product_free(product) }
            let name = String(cString: onednn_product_kernel(product))
            guard name.hasPrefix("brg") else { return nil }
            return type == .float32 || name.contains("bf16") || name.contains("amx") ? name : nil
        }

        private struct LayoutKey: Hashable {
            let k: Int
            let n: Int
            let type: FrozenMatrix.DType
        }

        private struct ProductKey: Hashable {
            let layout: LayoutKey
            let m: Int
            let accumulate: Bool
        }

        private struct Made {
            var layouts: [LayoutKey: Layout?] = [:]
            var products: [ProductKey: Product] = [:]
        }

        private static let made = Mutex(Made())

        /// The packed layout of B[k, n]; nil where the library has no blocked kernel for these sizes.
        static func packed(k: Int, n: Int, _ type: FrozenMatrix.DType) -> Layout? {
            let key = LayoutKey(k: k, n: n, type: type)
            return made.withLock { made in
                if let known = made.layouts[key] { return known }
                prepareThread()
                let layout = onednn_weights_packed(k, n, type.code).map { Layout(k: k, n: n, type: type, handle: $0) }
                let product = layout.flatMap { onednn_product_create($0.handle, 64, n, 0, 0) }
                defer { onednn_product_free(product) }
                let isBlocked = product.map { String(cString: onednn_product_kernel($0)).hasPrefix("brg") } ?? false
                made.layouts[key] = .some(isBlocked ? layout : nil)
                return isBlocked ? layout : nil
            }
        }

        /// The product of m rows with B in this packed layout; made once.
        static func product(_ layout: Layout, m: Int, accumulate: Bool) throws -> Product {
            let key = ProductKey(
                layout: LayoutKey(k: layout.k, n: layout.n, type: layout.type), m: m, accumulate: accumulate)
            return try made.withLock { made in
                if let known = made.products[key] { return known }
                prepareThread()
                guard let handle = onednn_product_create(layout.handle, m, layout.n, 0, accumulate ? 1 : 0) else {
                    throw KernelError("oneDNN has no product of [\(m), \(layout.k)] and [\(layout.k), \(layout.n)]")
                }
                let product = Product(handle: handle, scratch: (onednn_product_scratch(handle) + 63) / 64 * 16)
                made.products[key] = product
                return product
            }
        }

        /// Copies B between a plain layout with these strides, in elements, and the packed one.
        static func pack(
            _ layout: Layout, from source: UnsafeRawPointer, _ type: FrozenMatrix.DType, strideK: Int, strideN: Int,
            into target: UnsafeMutableRawPointer
        ) -> Bool {
            guard let plain = onednn_weights_plain(layout.k, layout.n, type.code, strideK, strideN) else {
                return false
            }
            defer { onednn_weights_free(plain) }
            return onednn_reorder(plain, source, layout.handle, target) == 0
        }

        /// The way back, to float32.
        static func unpack(
            _ layout: Layout, from source: UnsafeRawPointer, into target: UnsafeMutablePointer<Float>, strideK: Int,
            strideN: Int
        ) -> Bool {
            guard
                let plain = onednn_weights_plain(layout.k, layout.n, FrozenMatrix.DType.float32.code, strideK, strideN)
            else { return false }
            defer { onednn_weights_free(plain) }
            return onednn_reorder(layout.handle, source, plain, target) == 0
        }

        /// To be called by a thread before it makes or runs a product: the number of threads is the thread's own.
        static func prepareThread() { onednn_single_thread() }
    }

    extension FrozenMatrix.DType {
        fileprivate var code: Int32 {
            switch self {
            case .float32: Int32(ONEDNN_FLOAT32.rawValue)
            case .bfloat16: Int32(ONEDNN_BFLOAT16.rawValue)
            }
        }
    }
#else
    /// oneDNN was not there when this was built.
    enum OneDNN {
        struct Layout: Sendable {
            let k: Int
            let n: Int
            let type: FrozenMatrix.DType
            var bytes: Int { 0 }
        }

        struct Product: Sendable {
            let scratch: Int
            func run(
                x: UnsafeRawPointer, weights: UnsafeRawPointer, into y: UnsafeMutablePointer<Float>,
                scratch: UnsafeMutablePointer<Float>
            ) -> Bool { false }
        }

        static let unavailable: String? = "built without it; its header (libdnnl-dev) was not there"
        static let version = ""
        static func kernel(_ type: FrozenMatrix.DType) -> String? { nil }
        static func packed(k: Int, n: Int, _ type: FrozenMatrix.DType) -> Layout? { nil }
        static func product(_ layout: Layout, m: Int, accumulate: Bool) throws -> Product {
            throw KernelError("built without oneDNN")
        }
        static func pack(
            _ layout: Layout, from source: UnsafeRawPointer, _ type: FrozenMatrix.DType, strideK: Int, strideN: Int,
            into target: UnsafeMutableRawPointer
        ) -> Bool { false }
        static func unpack(
            _ layout: Layout, from source: UnsafeRawPointer, into target: UnsafeMutablePointer<Float>, strideK: Int,
            strideN: Int
        ) -> Bool { false }
        static func prepareThread() {}
    }
#endif
