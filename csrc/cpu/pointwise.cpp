// Output activations of fields: exponential (densities) and logistic (colours), and their gradients
// from the outputs. Blocks have a fixed size, so that the bits do not depend on the threads.
#include "kernels.h"
#include "simd.h"

namespace nf::NF_ISA {

namespace {

constexpr int64_t kBlock = 1 << 12;

template <class Function>
NF_INLINE void for_vectors(int64_t n, const Function &function) {
    parallel_for((n + kBlock - 1) / kBlock, [&](int64_t b) {
        const int64_t last = least(n, (b + 1) * kBlock);
        for (int64_t i = b * kBlock; i < last; i += kLanes) function(i, least(kLanes, last - i));
    });
}

}  // namespace

void exponential_forward(float most, int64_t n, const float *x, float *y) {
    for_vectors(n, [&](int64_t i, int64_t lanes) NF_ALWAYS {
        store_some(y + i, exp(min(splat(most), load_some(x + i, lanes))), lanes);
    });
}

void exponential_backward(float most, int64_t n, const float *x, const float *y, const float *dy,
                          float *dx) {
    for_vectors(n, [&](int64_t i, int64_t lanes) NF_ALWAYS {
        const Vec slope = load_some(x + i, lanes) >= most ? Vec{} : load_some(y + i, lanes);
        store_some(dx + i, load_some(dy + i, lanes) * slope, lanes);
    });
}

void logistic_forward(int64_t n, const float *x, float *y) {
    for_vectors(n, [&](int64_t i, int64_t lanes) NF_ALWAYS {
        store_some(y + i, 1.0f / (1.0f + exp(-load_some(x + i, lanes))), lanes);
    });
}

void logistic_backward(int64_t n, const float *y, const float *dy, float *dx) {
    for_vectors(n, [&](int64_t i, int64_t lanes) NF_ALWAYS {
        const Vec value = load_some(y + i, lanes);
        store_some(dx + i, load_some(dy + i, lanes) * (value * (1.0f - value)), lanes);
    });
}

}  // namespace nf::NF_ISA
