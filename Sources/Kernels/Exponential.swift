#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

/// e to the power of x.
public func exponential(_ x: Double) -> Double { exp(x) }
