// The machine's ceiling for float32 arithmetic, against which benchmarks state their kernels.
#include <omp.h>

#include <chrono>

#include "kernels.h"
#include "simd.h"

namespace nf::NF_ISA {

double fma_peak() {
    constexpr int kChains = 12;  // latency times throughput of any current core, with room
    constexpr int64_t kSteps = 1 << 22;
    float sink = 0;
    const auto begin = std::chrono::steady_clock::now();
#pragma omp parallel reduction(+ : sink)
    {
        Vec sum[kChains];
        for (int i = 0; i < kChains; ++i) sum[i] = splat(static_cast<float>(i));
        const Vec a = splat(0.999f), b = splat(1e-3f);
        for (int64_t s = 0; s < kSteps; ++s) {
#pragma GCC unroll 12
            for (int i = 0; i < kChains; ++i) sum[i] = sum[i] * a + b;
        }
        for (int i = 0; i < kChains; ++i) sink += sum[i][0];
    }
    const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - begin;
    const double operations = 2.0 * kLanes * kChains * kSteps * omp_get_max_threads();
    return sink == 0.5f ? 0 : operations / seconds.count() / 1e9;
}

}  // namespace nf::NF_ISA
