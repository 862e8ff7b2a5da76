// Gradients of tables: many threads add to the same entries. Atomic sums of floats depend on the
// order in which threads come; in a deterministic place sums are whole numbers of 64 bits, whose
// order does not matter, and become floats at the end.
#pragma once

#include <cmath>
#include <initializer_list>

#include "launch.h"

namespace nf::cuda {

// F floats that are read at once.
template <int F>
struct alignas(F < 4 ? 4 * F : 16) Features {
    float at[F];
};

template <int F>
__device__ __forceinline__ Features<F> load_features(const float *p) {
    return *reinterpret_cast<const Features<F> *>(p);
}

template <int F>
__device__ __forceinline__ void store_features(float *p, const Features<F> &value) {
    *reinterpret_cast<Features<F> *>(p) = value;
}

// Several at once where the hardware does that.
template <int F>
__device__ __forceinline__ void add_floats(float *target, const Features<F> &term) {
#if defined(__CUDA_ARCH__) && __CUDA_ARCH__ >= 900
    if constexpr (F == 2) {
        atomicAdd(reinterpret_cast<float2 *>(target), make_float2(term.at[0], term.at[1]));
    } else if constexpr (F % 4 == 0) {
        for (int f = 0; f < F; f += 4)
            atomicAdd(reinterpret_cast<float4 *>(target + f),
                      make_float4(term.at[f], term.at[f + 1], term.at[f + 2], term.at[f + 3]));
    } else
#endif
        for (int f = 0; f < F; ++f) atomicAdd(target + f, term.at[f]);
}

// What kernels add to.
struct TableSums {
    float *value;
    unsigned long long *fixed;  // null unless deterministic
    const double *scale;        // of the whole numbers

    template <int F>
    __device__ __forceinline__ void add(int64_t first, const Features<F> &term) const {
        if (fixed) {
            for (int f = 0; f < F; ++f) {
                const long long whole = llrint(term.at[f] * *scale);
                atomicAdd(fixed + first + f, static_cast<unsigned long long>(whole));
            }
            return;
        }
        add_floats<F>(value + first, term);
    }
};

constexpr int kMagnitudes = 16;  // values a thread compares

// The greatest magnitude, as the bits of a float: these have the order of the floats.
static __global__ void magnitude_kernel(int64_t n, const float *values, unsigned *bits) {
    unsigned most = 0;
    const int64_t first = (int64_t{blockIdx.x} * kMagnitudes) * blockDim.x + threadIdx.x;
    for (int k = 0; k < kMagnitudes; ++k) {
        const int64_t i = first + int64_t{k} * blockDim.x;
        if (i < n) most = max(most, __float_as_uint(fabsf(values[i])));
    }
    for (int step = 16; step > 0; step /= 2)
        most = max(most, __shfl_xor_sync(0xffffffffu, most, step));
    if (threadIdx.x % 32 == 0) atomicMax(bits, most);
}

struct Factor {
    const float *values;
    int64_t count;
};

// The power of two with which `terms` greatest products of the factors stay below 2^62.
inline void find_scale(const char *operation, int64_t terms, std::initializer_list<Factor> factors,
                       double *scale) {
    const int count = static_cast<int>(factors.size());
    const Scratch<unsigned> bits(count);
    bits.zero();
    int k = 0;
    for (const Factor &factor : factors)
        launch(magnitude_kernel, blocks(factor.count, kThreads * kMagnitudes), kThreads, 0,
               factor.count, factor.values, bits + k++);
    int doublings = 0;
    while ((int64_t{1} << doublings) < terms) ++doublings;
    const unsigned *magnitude = bits;
    for_each(operation, 1, [=] __device__(int64_t) {
        double most = 1;
        for (int i = 0; i < count; ++i) most *= __uint_as_float(magnitude[i]);
        // NaN and infinity become NaN, in all sums.
        *scale = !(most < INFINITY) ? most - most
                                    : ldexp(1.0, most > 0 ? 61 - doublings - ilogb(most) : 0);
    });
}

// The sums of `terms` products of the factors at most, each with a weight of at most one.
class Scatter {
  public:
    Scatter(const char *operation, int64_t size, float *sums, int64_t terms,
            std::initializer_list<Factor> factors)
        : operation_(operation),
          size_(size),
          sums_(sums),
          fixed_(place().deterministic ? size : 0),
          scale_(place().deterministic ? 1 : 0) {
        check(cudaMemsetAsync(sums, 0, size * sizeof(float), stream()), operation);
        if (!place().deterministic) return;
        fixed_.zero();
        find_scale(operation, terms, factors, scale_);
    }

    TableSums sums() const { return {sums_, fixed_, scale_}; }

    // After the last kernel that adds.
    void finish() const {
        if (!place().deterministic) return;
        const TableSums all = sums();
        for_each(operation_, size_, [=] __device__(int64_t i) {
            const double whole = static_cast<double>(static_cast<long long>(all.fixed[i]));
            all.value[i] = static_cast<float>(whole / *all.scale);
        });
    }

  private:
    const char *operation_;
    int64_t size_;
    float *sums_;
    Scratch<unsigned long long> fixed_;
    Scratch<double> scale_;
};

}  // namespace nf::cuda
