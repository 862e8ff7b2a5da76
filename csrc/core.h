// What every formula may use: qualifiers that let one source serve the CPU and the GPU.
#pragma once

#include <cmath>
#include <cstdint>

#if defined(__CUDACC__)
#define NF_HD __host__ __device__ __forceinline__
#else
#define NF_HD inline __attribute__((always_inline))
#endif
