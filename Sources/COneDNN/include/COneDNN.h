#ifndef LORAWB_CONEDNN_H
#define LORAWB_CONEDNN_H

#include <stddef.h>

// Products with constant weights through oneDNN, versions 2 and 3 of its C interface. The library is opened when it is
// first asked for, never linked: a program built with its header runs where the library is absent.
//
// Every function but onednn_open may be called only after onednn_open returned 0. Creating and packing may be done by
// several threads at once; so may executing one product.

enum onednn_type { ONEDNN_FLOAT32 = 0, ONEDNN_BFLOAT16 = 1 };

// How a weight matrix B[k, n] lies in memory.
typedef struct onednn_weights onednn_weights;
// A prepared product y[m, n] (float32, row stride ldy) = x[m, k] B (+ bias[n]) (+ y).
typedef struct onednn_product onednn_product;

// Opens the library. Returns 0, or -1 with the reason in *message (a constant string, or dlerror's).
int onednn_open(const char **message);
// The version of the opened library, as major * 10000 + minor * 100 + patch.
int onednn_version(void);
// Keeps the calling thread's products on this thread; to be called once by every thread.
void onednn_single_thread(void);
// Holds the library to AVX2 instructions. Must come before anything is created; returns 0 where it was accepted.
int onednn_limit_to_avx2(void);

// The layout that the library prefers for B[k, n]; NULL where it has none.
onednn_weights *onednn_weights_packed(long k, long n, int type);
// The layout with these strides in elements.
onednn_weights *onednn_weights_plain(long k, long n, int type, long stride_k, long stride_n);
void onednn_weights_free(onednn_weights *weights);
// Bytes that B takes in this layout.
size_t onednn_weights_bytes(const onednn_weights *weights);

// Copies B from one layout to another, converting its type. Returns 0, or an error of the library.
int onednn_reorder(const onednn_weights *from, const void *source, const onednn_weights *to, void *target);

// Prepares a product; x has the type of the weights and rows of k elements. NULL where the library cannot.
onednn_product *onednn_product_create(const onednn_weights *weights, long m, long ldy, int bias, int accumulate);
void onednn_product_free(onednn_product *product);
// Name of the kernel that the library chose, for choosing between libraries and for messages.
const char *onednn_product_kernel(const onednn_product *product);
// Bytes of working memory that executing needs, aligned to 64.
size_t onednn_product_scratch(const onednn_product *product);
// Computes. Returns 0, or an error of the library.
int onednn_product_execute(
    const onednn_product *product, const void *x, const void *weights, const float *bias, float *y, void *scratch);

#endif
