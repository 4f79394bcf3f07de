/// Loops over raw pointers, on one thread: what the compiler can turn into vector instructions.
///
/// These files are compiled three times: for every x86-64 (SSE2), for v3 (AVX2, FMA) and for v4 (AVX-512); the files of
/// LoopsV3 and LoopsV4 are links to these. Kernels chooses at start. Nothing here allocates, calls a library, or knows
/// of threads; and there is no Array, String, closure, generic or print: Swift would emit copies of library code
/// compiled for the newer processor, and the linker may take one of them for the whole program.
package enum Loops {}
