// Sums over the shares of blocks, in an order that depends on their number alone.
#pragma once

#include "launch.h"

namespace nf::cuda {

constexpr int kSumLanes = 8;  // threads that share one sum

// out(i, the sum over groups of shares[group][at(i)]), for i in [0, n).
template <class At, class Out>
__global__ void ordered_sum_kernel(int64_t n, int64_t groups, int64_t stride, const float *shares,
                                   At at, Out out) {
    __shared__ float sums[kSumLanes][32];
    const int64_t i = int64_t{blockIdx.x} * 32 + threadIdx.x;
    float sum = 0;
    if (i < n) {
        const float *share = shares + at(i);
        for (int64_t g = threadIdx.y; g < groups; g += kSumLanes) sum += share[g * stride];
    }
    sums[threadIdx.y][threadIdx.x] = sum;
    __syncthreads();
    if (threadIdx.y > 0 || i >= n) return;
    for (int k = 1; k < kSumLanes; ++k) sum += sums[k][threadIdx.x];
    out(i, sum);
}

template <class At, class Out>
void ordered_sum(int64_t n, int64_t groups, int64_t stride, const float *shares, const At &at,
                 const Out &out) {
    launch(ordered_sum_kernel<At, Out>, blocks(n, 32), dim3(32, kSumLanes), 0, n, groups, stride,
           shares, at, out);
}

}  // namespace nf::cuda
