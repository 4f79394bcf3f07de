// OpenBLAS (Accelerate on a Mac) behind a few functions, opened at the first product that needs it, as oneDNN is.
#ifndef COPENBLAS_H
#define COPENBLAS_H

#include <stddef.h>

// Opens the library and has it take a working buffer for each of `threads` threads. 0, or -1 with why not; then it may be tried again.
int blas_open(int threads, const char **message);

// Whether it is open with buffers for that many threads.
int blas_has_threads(int threads);

// So many threads will multiply: where there are fewer buffers no product is computed until `blas_open` was called again.
void blas_expect_threads(int threads);

// c = alpha op(a) op(b) + beta c in row-major order; -1 where the library is not open.
int blas_sgemm(
    int transpose_a, int transpose_b, int m, int n, int k, float alpha, const float *a, int lda, const float *b, int ldb, float beta,
    float *c, int ldc);

// The same of doubles, without factors: c = op(a) op(b).
int blas_dgemm(
    int transpose_a, int transpose_b, int m, int n, int k, const double *a, int lda, const double *b, int ldb, double *c, int ldc);

// What the library says of its version, and of the kernels in use; null where it says nothing or is not open.
const char *blas_configuration(void);
const char *blas_core(void);

// LAPACK, column after column, each as in its documentation; the result is INFO, or -1000 where the library lacks the function.
// `count` is LWORK, -1 to ask for it in work[0].
int blas_dgeqrf(int m, int n, double *a, int lda, double *tau, double *work, int count);
int blas_dorgqr(int m, int n, int k, double *a, int lda, const double *tau, double *work, int count);
// Singular values and both sides' first min(m, n) vectors (JOBZ 'S'); iwork has 8 min(m, n) entries.
int blas_dgesdd(
    int m, int n, double *a, int lda, double *s, double *u, int ldu, double *vt, int ldvt, double *work, int count, int *iwork);

#endif
