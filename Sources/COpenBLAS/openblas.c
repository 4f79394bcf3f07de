#include "COpenBLAS.h"

#include "CProcessor.h"

#include <dlfcn.h>
#include <stdio.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

// The numbers that the interface of C gives to its words.
enum { ROW_MAJOR = 101, PLAIN = 111, TRANSPOSED = 112 };

// What the library maps for a thread at its first product, in builds for several processors; it asks for ever where it gets none.
static const size_t buffer_bytes = (size_t)32 << 22;

typedef void (*gemm_function)(
    int, int, int, int, int, int, float, const float *, int, const float *, int, float, float *, int);

typedef void (*gemm_function_double)(
    int, int, int, int, int, int, double, const double *, int, const double *, int, double, double *, int);

static _Atomic(gemm_function) gemm;
static atomic_int buffers;
static gemm_function found_gemm;
static gemm_function_double found_dgemm;
static void *(*take_buffer)(int);
static void (*give_buffer)(void *);
static void (*set_threads)(int);
static char *(*configuration)(void);
static char *(*core)(void);
static void (*dgeqrf)(const int *, const int *, double *, const int *, double *, double *, const int *, int *);
static void (*dorgqr)(
    const int *, const int *, const int *, double *, const int *, const double *, double *, const int *, int *);
// The last argument is the length of JOBZ, which Fortran passes where nobody sees it.
static void (*dgesdd)(
    const char *, const int *, const int *, double *, const int *, double *, double *, const int *, double *, const int *, double *,
    const int *, int *, int *, size_t);

// The kernels for a processor that the library does not know by its number, and takes for one of twenty years ago; NULL where it knows it.
static const char *better_core(void) {
    if (!core || getenv("OPENBLAS_CORETYPE")) return NULL;
    const char *name = core();
    if (strcmp(name, "Prescott") != 0 && strcmp(name, "Core2") != 0 && strcmp(name, "Generic") != 0) return NULL;
    int level = processor_level();
    return level >= 4 ? "SkylakeX" : level >= 3 ? "Haswell" : NULL;
}

static const char *load(void) {
    static const char *const names[] = {
        "libopenblas.so.0", "libopenblas.so", "libopenblas.0.dylib", "libopenblas.dylib", "/opt/homebrew/opt/openblas/lib/libopenblas.dylib",
        "/System/Library/Frameworks/Accelerate.framework/Accelerate"};
    // Read when it is loaded. Our own threads share the work, and each of its own would want a buffer.
    setenv("OPENBLAS_NUM_THREADS", "1", 1);
    void *library = NULL;
    // dlerror's own text is gone with the next call.
    static char reason[256];
    for (size_t i = 0; !library && i < sizeof names / sizeof *names; i++) {
        library = dlopen(names[i], RTLD_NOW | RTLD_LOCAL);
        const char *text = library ? NULL : dlerror();
        if (text && !*reason) snprintf(reason, sizeof reason, "%s", text);
        if (!library) continue;
        *(void **)&core = dlsym(library, "openblas_get_corename");
        const char *core_type = better_core();
        if (core_type) {
            // It is read once, when the library is loaded.
            dlclose(library);
            setenv("OPENBLAS_CORETYPE", core_type, 1);
            library = dlopen(names[i], RTLD_NOW | RTLD_LOCAL);
        }
    }
    if (!library) return *reason ? reason : "the library was not found";
    *(void **)&found_gemm = dlsym(library, "cblas_sgemm");
    if (!found_gemm) return "the library lacks cblas_sgemm";
    *(void **)&found_dgemm = dlsym(library, "cblas_dgemm");
    *(void **)&take_buffer = dlsym(library, "blas_memory_alloc");
    *(void **)&give_buffer = dlsym(library, "blas_memory_free");
    *(void **)&set_threads = dlsym(library, "openblas_set_num_threads");
    *(void **)&configuration = dlsym(library, "openblas_get_config");
    *(void **)&core = dlsym(library, "openblas_get_corename");
    *(void **)&dgeqrf = dlsym(library, "dgeqrf_");
    *(void **)&dorgqr = dlsym(library, "dorgqr_");
    *(void **)&dgesdd = dlsym(library, "dgesdd_");
    return NULL;
}

// Whether the address space has room for so many more buffers.
static int has_room(int count) {
    // Some more, for whoever else maps something meanwhile.
    size_t bytes = buffer_bytes * (size_t)count + ((size_t)16 << 20);
    void *trial = mmap(NULL, bytes, PROT_NONE, MAP_PRIVATE | MAP_ANON, -1, 0);
    if (trial == MAP_FAILED) return 0;
    munmap(trial, bytes);
    return 1;
}

// Has the library map its buffers now: one that is given back stays mapped for the next product.
static const char *ready(int threads) {
    int more = threads - atomic_load(&buffers);
    if (more <= 0) return NULL;
    if (!has_room(more)) return "there is no room in the address space for its working buffers of 128 MiB a thread (see ulimit -v)";
    enum { MOST = 1024 };
    void *taken[MOST];
    int wanted = threads < MOST ? threads : MOST, count = 0;
    if (take_buffer && give_buffer) {
        while (count < wanted && (taken[count] = take_buffer(0))) count++;
        for (int i = 0; i < count; i++) give_buffer(taken[i]);
    }
    atomic_store(&buffers, threads);
    return NULL;
}

int blas_open(int threads, const char **message) {
    static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
    pthread_mutex_lock(&lock);
    const char *failure = found_gemm ? NULL : load();
    if (!failure && set_threads) set_threads(1);
    if (!failure) failure = ready(threads);
    if (!failure) atomic_store(&gemm, found_gemm);
    pthread_mutex_unlock(&lock);
    *message = failure;
    return failure ? -1 : 0;
}

// Only looks: threads ask side by side, and one must not take from another what that has just opened.
int blas_has_threads(int threads) { return atomic_load(&gemm) && threads <= atomic_load(&buffers); }

void blas_expect_threads(int threads) {
    if (threads > atomic_load(&buffers)) atomic_store(&gemm, NULL);
}

int blas_sgemm(
    int transpose_a, int transpose_b, int m, int n, int k, float alpha, const float *a, int lda, const float *b, int ldb, float beta,
    float *c, int ldc) {
    gemm_function run = atomic_load_explicit(&gemm, memory_order_acquire);
    if (!run) return -1;
    run(ROW_MAJOR, transpose_a ? TRANSPOSED : PLAIN, transpose_b ? TRANSPOSED : PLAIN, m, n, k, alpha, a, lda, b, ldb, beta, c, ldc);
    return 0;
}

int blas_dgemm(
    int transpose_a, int transpose_b, int m, int n, int k, const double *a, int lda, const double *b, int ldb, double *c, int ldc) {
    if (!found_dgemm) return -1;
    found_dgemm(
        ROW_MAJOR, transpose_a ? TRANSPOSED : PLAIN, transpose_b ? TRANSPOSED : PLAIN, m, n, k, 1, a, lda, b, ldb, 0, c, ldc);
    return 0;
}

const char *blas_configuration(void) { return configuration ? configuration() : NULL; }

const char *blas_core(void) { return core ? core() : NULL; }

enum { MISSING = -1000 };

int blas_dgeqrf(int m, int n, double *a, int lda, double *tau, double *work, int count) {
    int info = MISSING;
    if (dgeqrf) dgeqrf(&m, &n, a, &lda, tau, work, &count, &info);
    return info;
}

int blas_dorgqr(int m, int n, int k, double *a, int lda, const double *tau, double *work, int count) {
    int info = MISSING;
    if (dorgqr) dorgqr(&m, &n, &k, a, &lda, tau, work, &count, &info);
    return info;
}

int blas_dgesdd(
    int m, int n, double *a, int lda, double *s, double *u, int ldu, double *vt, int ldvt, double *work, int count, int *iwork) {
    int info = MISSING;
    if (dgesdd) dgesdd("S", &m, &n, a, &lda, s, u, &ldu, vt, &ldvt, work, &count, iwork, &info, 1);
    return info;
}
