#include "COneDNN.h"

#include <dlfcn.h>
#include <stdio.h>
#include <dnnl.h>
#include <pthread.h>
#include <stdlib.h>

// The functions that are used, resolved when the library is opened.
#define FUNCTIONS(F) \
    F(dnnl_version) \
    F(dnnl_set_max_cpu_isa) \
    F(dnnl_engine_create) \
    F(dnnl_stream_create) \
    F(dnnl_stream_wait) \
    F(dnnl_memory_create) \
    F(dnnl_memory_destroy) \
    F(dnnl_memory_desc_get_size) \
    F(dnnl_primitive_attr_create) \
    F(dnnl_primitive_attr_destroy) \
    F(dnnl_primitive_attr_set_scratchpad_mode) \
    F(dnnl_primitive_attr_set_post_ops) \
    F(dnnl_post_ops_create) \
    F(dnnl_post_ops_destroy) \
    F(dnnl_post_ops_append_sum) \
    F(dnnl_primitive_desc_destroy) \
    F(dnnl_primitive_desc_query) \
    F(dnnl_primitive_desc_query_md) \
    F(dnnl_primitive_create) \
    F(dnnl_primitive_execute) \
    F(dnnl_primitive_destroy) \
    F(dnnl_reorder_primitive_desc_create)

#if DNNL_VERSION_MAJOR >= 3
#define VERSIONED(F) \
    F(dnnl_memory_desc_create_with_strides) \
    F(dnnl_memory_desc_create_with_tag) \
    F(dnnl_memory_desc_clone) \
    F(dnnl_memory_desc_destroy) \
    F(dnnl_matmul_primitive_desc_create)
#else
#define VERSIONED(F) \
    F(dnnl_memory_desc_init_by_strides) \
    F(dnnl_memory_desc_init_by_tag) \
    F(dnnl_matmul_desc_init) \
    F(dnnl_primitive_desc_create)
#endif

#define DECLARE(name) __typeof__(name) *name;
static struct { FUNCTIONS(DECLARE) VERSIONED(DECLARE) } api;
static dnnl_engine_t engine;
static dnnl_stream_t stream;
static void (*set_threads)(int);

#define TEXT_(x) #x
#define TEXT(x) TEXT_(x)

static const char *open_library(void) {
    // Of the major version whose header this was built with only: the others have other structures.
    static const char *const names[] = {
        "libdnnl.so." TEXT(DNNL_VERSION_MAJOR), "libdnnl." TEXT(DNNL_VERSION_MAJOR) ".dylib", "libdnnl.so"};
    void *library = NULL;
    // dlerror's own text is gone with the next call.
    static char reason[256];
    for (size_t i = 0; !library && i < sizeof names / sizeof *names; i++) {
        library = dlopen(names[i], RTLD_NOW | RTLD_LOCAL);
        const char *text = library ? NULL : dlerror();
        if (text && !*reason) snprintf(reason, sizeof reason, "%s", text);
    }
    if (!library) return *reason ? reason : "the library was not found";
#define RESOLVE(name) \
    if (!(*(void **)&api.name = dlsym(library, #name))) return "the library lacks " #name;
    FUNCTIONS(RESOLVE)
    VERSIONED(RESOLVE)
    if (api.dnnl_version()->major != DNNL_VERSION_MAJOR) return "the library is of another major version than its header";
    // Of whichever OpenMP library it was built with; absent where it was built without.
    *(void **)&set_threads = dlsym(library, "omp_set_num_threads");
    return NULL;
}

static const char *failure;

static void open_once(void) {
    // Read by the OpenMP library when it is loaded; who set them knows better.
    setenv("OMP_WAIT_POLICY", "passive", 0);
    setenv("GOMP_SPINCOUNT", "0", 0);
    failure = open_library();
    if (failure) return;
    if (set_threads) set_threads(1);
    if (api.dnnl_engine_create(&engine, dnnl_cpu, 0) != dnnl_success) failure = "the library has no engine for this processor";
    else if (api.dnnl_stream_create(&stream, engine, dnnl_stream_default_flags) != dnnl_success) failure = "the library has no stream";
}

int onednn_open(const char **message) {
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, open_once);
    *message = failure;
    return failure ? -1 : 0;
}

int onednn_version(void) {
    const dnnl_version_t *version = api.dnnl_version();
    return version->major * 10000 + version->minor * 100 + version->patch;
}

void onednn_single_thread(void) {
    if (set_threads) set_threads(1);
}

int onednn_limit_to_avx2(void) { return api.dnnl_set_max_cpu_isa(dnnl_cpu_isa_avx2); }

// Descriptions of memory are structures in version 2, and pointers in version 3.

#if DNNL_VERSION_MAJOR >= 3
typedef dnnl_memory_desc_t description;
typedef const_dnnl_memory_desc_t description_argument;
#define ARGUMENT(d) (d)
static void release(description d) { if (d) api.dnnl_memory_desc_destroy(d); }
static int copy(description *target, description_argument source) { return api.dnnl_memory_desc_clone(target, source); }
#else
typedef dnnl_memory_desc_t description;
typedef const dnnl_memory_desc_t *description_argument;
#define ARGUMENT(d) (&(d))
static void release(description d) { (void)d; }
static int copy(description *target, description_argument source) { *target = *source; return 0; }
#endif

static int describe(description *target, long rows, long columns, dnnl_data_type_t type, long row_stride, long column_stride) {
    dnnl_dims_t dims = {rows, columns}, strides = {row_stride, column_stride};
#if DNNL_VERSION_MAJOR >= 3
    return api.dnnl_memory_desc_create_with_strides(target, 2, dims, type, strides);
#else
    return api.dnnl_memory_desc_init_by_strides(target, 2, dims, type, strides);
#endif
}

static int describe_any(description *target, long rows, long columns, dnnl_data_type_t type) {
    dnnl_dims_t dims = {rows, columns};
#if DNNL_VERSION_MAJOR >= 3
    return api.dnnl_memory_desc_create_with_tag(target, 2, dims, type, dnnl_format_tag_any);
#else
    return api.dnnl_memory_desc_init_by_tag(target, 2, dims, type, dnnl_format_tag_any);
#endif
}

static dnnl_data_type_t type_of(int type) { return type == ONEDNN_BFLOAT16 ? dnnl_bf16 : dnnl_f32; }

struct onednn_weights {
    long k, n;
    int type;
    description memory;
};

struct onednn_product {
    dnnl_primitive_t primitive;
    dnnl_primitive_desc_t chosen;
    description x, weights, bias, y;
    description_argument scratch;
    int has_bias;
};

static dnnl_primitive_attr_t attributes(int accumulate) {
    dnnl_primitive_attr_t result;
    if (api.dnnl_primitive_attr_create(&result) != dnnl_success) return NULL;
    int failed = api.dnnl_primitive_attr_set_scratchpad_mode(result, dnnl_scratchpad_mode_user) != dnnl_success;
    if (accumulate) {
        dnnl_post_ops_t operations;
        if (api.dnnl_post_ops_create(&operations) == dnnl_success) {
#if DNNL_VERSION_MAJOR >= 3
            failed |= api.dnnl_post_ops_append_sum(operations, 1, 0, dnnl_data_type_undef) != dnnl_success;
#else
            failed |= api.dnnl_post_ops_append_sum(operations, 1) != dnnl_success;
#endif
            failed |= api.dnnl_primitive_attr_set_post_ops(result, operations) != dnnl_success;
            api.dnnl_post_ops_destroy(operations);
        } else {
            failed = 1;
        }
    }
    if (failed) {
        api.dnnl_primitive_attr_destroy(result);
        return NULL;
    }
    return result;
}

static dnnl_primitive_desc_t choose(const struct onednn_product *p, int accumulate) {
    dnnl_primitive_attr_t attribute = attributes(accumulate);
    if (!attribute) return NULL;
    description_argument bias = p->has_bias ? ARGUMENT(p->bias) : NULL;
    dnnl_primitive_desc_t result = NULL;
#if DNNL_VERSION_MAJOR >= 3
    if (api.dnnl_matmul_primitive_desc_create(&result, engine, p->x, p->weights, bias, p->y, attribute) != dnnl_success) result = NULL;
#else
    dnnl_matmul_desc_t operation;
    if (api.dnnl_matmul_desc_init(&operation, &p->x, &p->weights, bias, &p->y) != dnnl_success
        || api.dnnl_primitive_desc_create(&result, &operation, attribute, engine, NULL) != dnnl_success) result = NULL;
#endif
    api.dnnl_primitive_attr_destroy(attribute);
    return result;
}

void onednn_product_free(onednn_product *p) {
    if (!p) return;
    if (p->primitive) api.dnnl_primitive_destroy(p->primitive);
    if (p->chosen) api.dnnl_primitive_desc_destroy(p->chosen);
    release(p->x);
    release(p->weights);
    if (p->has_bias) release(p->bias);
    release(p->y);
    free(p);
}

onednn_product *onednn_product_create(const onednn_weights *weights, long m, long ldy, int bias, int accumulate) {
    onednn_product *p = calloc(1, sizeof *p);
    if (!p) return NULL;
    p->has_bias = bias;
    int failed = describe(&p->x, m, weights->k, type_of(weights->type), weights->k, 1)
        || copy(&p->weights, ARGUMENT(weights->memory)) || describe(&p->y, m, weights->n, dnnl_f32, ldy, 1)
        || (bias && describe(&p->bias, 1, weights->n, dnnl_f32, weights->n, 1));
    if (!failed) p->chosen = choose(p, accumulate);
    if (!p->chosen || api.dnnl_primitive_create(&p->primitive, p->chosen) != dnnl_success) {
        onednn_product_free(p);
        return NULL;
    }
    p->scratch = api.dnnl_primitive_desc_query_md(p->chosen, dnnl_query_scratchpad_md, 0);
    return p;
}

const char *onednn_product_kernel(const onednn_product *product) {
    const char *name = NULL;
    if (api.dnnl_primitive_desc_query(product->chosen, dnnl_query_impl_info_str, 0, &name) != dnnl_success) return "";
    return name ? name : "";
}

size_t onednn_product_scratch(const onednn_product *product) {
    return product->scratch ? api.dnnl_memory_desc_get_size(product->scratch) : 0;
}

int onednn_product_execute(
    const onednn_product *p, const void *x, const void *weights, const float *bias, float *y, void *scratch) {
    dnnl_exec_arg_t arguments[5] = {
        {DNNL_ARG_SRC, NULL}, {DNNL_ARG_WEIGHTS, NULL}, {DNNL_ARG_DST, NULL}, {DNNL_ARG_SCRATCHPAD, NULL}, {DNNL_ARG_BIAS, NULL}};
    const int count = p->has_bias ? 5 : 4;
    int failed = api.dnnl_memory_create(&arguments[0].memory, ARGUMENT(p->x), engine, (void *)x)
        || api.dnnl_memory_create(&arguments[1].memory, ARGUMENT(p->weights), engine, (void *)weights)
        || api.dnnl_memory_create(&arguments[2].memory, ARGUMENT(p->y), engine, y)
        || api.dnnl_memory_create(&arguments[3].memory, p->scratch, engine, scratch)
        || (p->has_bias && api.dnnl_memory_create(&arguments[4].memory, ARGUMENT(p->bias), engine, (void *)bias));
    if (!failed) {
        failed = api.dnnl_primitive_execute(p->primitive, stream, count, arguments) || api.dnnl_stream_wait(stream);
    }
    for (int i = 0; i < count; i++) {
        if (arguments[i].memory) api.dnnl_memory_destroy(arguments[i].memory);
    }
    return failed;
}

static onednn_weights *new_weights(long k, long n, int type) {
    onednn_weights *w = calloc(1, sizeof *w);
    if (w) {
        w->k = k;
        w->n = n;
        w->type = type;
    }
    return w;
}

onednn_weights *onednn_weights_packed(long k, long n, int type) {
    // Asked of a product of 64 rows; the layout does not depend on their number, and is then demanded of every product.
    onednn_weights *w = new_weights(k, n, type);
    if (!w) return NULL;
    struct onednn_product p = {0};
    int failed = describe(&p.x, 64, k, type_of(type), k, 1) || describe_any(&p.weights, k, n, type_of(type))
        || describe(&p.y, 64, n, dnnl_f32, n, 1);
    if (!failed) p.chosen = choose(&p, 0);
    failed = !p.chosen || copy(&w->memory, api.dnnl_primitive_desc_query_md(p.chosen, dnnl_query_weights_md, 0));
    if (p.chosen) api.dnnl_primitive_desc_destroy(p.chosen);
    release(p.x);
    release(p.weights);
    release(p.y);
    if (!failed) return w;
    free(w);
    return NULL;
}

onednn_weights *onednn_weights_plain(long k, long n, int type, long stride_k, long stride_n) {
    onednn_weights *w = new_weights(k, n, type);
    if (w && describe(&w->memory, k, n, type_of(type), stride_k, stride_n)) {
        free(w);
        return NULL;
    }
    return w;
}

void onednn_weights_free(onednn_weights *weights) {
    if (!weights) return;
    release(weights->memory);
    free(weights);
}

size_t onednn_weights_bytes(const onednn_weights *weights) { return api.dnnl_memory_desc_get_size(ARGUMENT(weights->memory)); }

// Version 2.6 looks for a copy's kernels in a map, and the first look for a pair of types may add to it, without a lock. Two threads
// at their first copies from bfloat16 spoil it: a copy fails, or taking the map down at exit never ends.
static int describe_reorder(dnnl_primitive_desc_t *chosen, const onednn_weights *from, const onednn_weights *to) {
    static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
    pthread_mutex_lock(&lock);
    const int failed =
        api.dnnl_reorder_primitive_desc_create(chosen, ARGUMENT(from->memory), engine, ARGUMENT(to->memory), engine, NULL);
    pthread_mutex_unlock(&lock);
    return failed;
}

int onednn_reorder(const onednn_weights *from, const void *source, const onednn_weights *to, void *target) {
    dnnl_primitive_desc_t chosen = NULL;
    dnnl_primitive_t primitive = NULL;
    dnnl_exec_arg_t arguments[2] = {{DNNL_ARG_FROM, NULL}, {DNNL_ARG_TO, NULL}};
    int failed = describe_reorder(&chosen, from, to)
        || api.dnnl_primitive_create(&primitive, chosen)
        || api.dnnl_memory_create(&arguments[0].memory, ARGUMENT(from->memory), engine, (void *)source)
        || api.dnnl_memory_create(&arguments[1].memory, ARGUMENT(to->memory), engine, target)
        || api.dnnl_primitive_execute(primitive, stream, 2, arguments) || api.dnnl_stream_wait(stream);
    for (int i = 0; i < 2; i++) {
        if (arguments[i].memory) api.dnnl_memory_destroy(arguments[i].memory);
    }
    if (primitive) api.dnnl_primitive_destroy(primitive);
    if (chosen) api.dnnl_primitive_desc_destroy(chosen);
    return failed;
}
