// Sums over a warp or a block whose order does not change; every thread gets them.
#pragma once

#include "launch.h"

namespace nf::cuda {

template <class Real>
__device__ __forceinline__ Real warp_sum(Real value) {
    for (int bits = 16; bits > 0; bits /= 2) value += __shfl_xor_sync(0xffffffffu, value, bits);
    return value;
}

// Of kThreads threads.
__device__ inline double block_sum(double value) {
    __shared__ double sums[kThreads];
    sums[threadIdx.x] = value;
    __syncthreads();
    for (int half = kThreads / 2; half > 0; half /= 2) {
        if (static_cast<int>(threadIdx.x) < half) sums[threadIdx.x] += sums[threadIdx.x + half];
        __syncthreads();
    }
    const double sum = sums[0];
    __syncthreads();
    return sum;
}

}  // namespace nf::cuda
