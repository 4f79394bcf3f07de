// OpenBLAS's cblas interface. Debian keeps a cblas.h of the BLAS alternative chosen by the system, which may not be
// OpenBLAS's; its own header is preferred.
#if __has_include(<cblas-openblas.h>)
#include <cblas-openblas.h>
#else
#include <cblas.h>
#endif
