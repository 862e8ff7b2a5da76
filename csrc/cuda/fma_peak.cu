// The GPU's ceiling for float32 arithmetic, against which benchmarks state their kernels.
#include <chrono>

#include "../cpu/kernels.h"
#include "launch.h"

namespace nf::cuda {

namespace {

constexpr int kChains = 8;
constexpr unsigned kBlocks = 4096;  // enough for every multiprocessor, several times over
#if defined(NF_CUDA_EMULATION)
constexpr int64_t kSteps = 1;
#else
constexpr int64_t kSteps = 1 << 14;
#endif

__global__ void multiply_add_kernel(int64_t steps, float a, float b, float *out) {
    float sum[kChains];
    for (int i = 0; i < kChains; ++i) sum[i] = static_cast<float>(threadIdx.x + i);
    for (int64_t s = 0; s < steps; ++s)
        for (int i = 0; i < kChains; ++i) sum[i] = fmaf(sum[i], a, b);
    float total = 0;
    for (int i = 0; i < kChains; ++i) total += sum[i];
    if (total == 0.5f) *out = total;  // never: only so that nothing is left out
}

double run(int64_t steps) {
    const Scratch<float> out(1);
    const auto begin = std::chrono::steady_clock::now();
    launch(multiply_add_kernel, kBlocks, kThreads, 0, steps, 0.999f, 1e-3f, out);
    check(cudaStreamSynchronize(stream()), "fma_peak");
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
}

}  // namespace

double fma_peak() {
    run(1);  // loads the kernel
    return 2.0 * kChains * kSteps * kBlocks * kThreads / run(kSteps) / 1e9;
}

}  // namespace nf::cuda
