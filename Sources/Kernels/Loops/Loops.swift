/// Loops over raw pointers, on one thread: what the compiler can turn into vector instructions.
///
/// Nothing here allocates, calls a library, or knows of threads; who calls cuts the work into pieces by its shape.
enum Loops {}
