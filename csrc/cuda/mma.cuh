// Products of 16 x 16 tiles of halves on tensor cores, summed in float32. A warp holds a tile
// together, in the layouts of PTX's mma.m16n8k16: lane 4 g + t has
//
//     of Sums    element e: row g + 8 (e / 2 % 2), column 2 t + e % 2 + 8 (e / 4)
//     of a Tile  the same elements, in pairs: v[e / 2] holds e and e + 1
//
// which serves as the left side (rows x depth). The right side (depth x columns) has every 8 x 8
// block transposed: row 2 t + e % 2 + 8 (e / 2 % 2), column g + 8 (e / 4).
#pragma once

#include "launch.h"

#if defined(NF_CUDA_EMULATION)
#include "emulation_mma.h"
#else
#include <cuda_fp16.h>
#endif

namespace nf::cuda {

constexpr int kStep = 16;  // rows and columns of a tile
constexpr int kLanes = 32;

struct alignas(16) Tile {
    uint32_t v[4];
};

struct Sums {
    float v[8];
};

__device__ __forceinline__ int lane() {
    return threadIdx.x % kLanes;
}
__device__ __forceinline__ int row_of(int element) {
    return lane() / 4 + 8 * (element / 2 % 2);
}
__device__ __forceinline__ int column_of(int element) {
    return lane() % 4 * 2 + element % 2 + 8 * (element / 4);
}

#if defined(NF_CUDA_EMULATION)

using emulation::pack_halves;
using emulation::transposed_block;
using emulation::unpack_halves;

inline void multiply(Sums &sums, const Tile &left, const Tile &right) {
    emulation::multiply_tiles(sums.v, left.v, right.v);
}

#else

__device__ __forceinline__ uint32_t pack_halves(float low, float high) {
    const __half2 pair = __floats2half2_rn(low, high);
    return reinterpret_cast<const uint32_t &>(pair);
}

__device__ __forceinline__ float2 unpack_halves(uint32_t pair) {
    return __half22float2(reinterpret_cast<const __half2 &>(pair));
}

// The transpose of an 8 x 8 block, of which lane 4 g + t holds row g, columns 2 t and 2 t + 1.
__device__ __forceinline__ uint32_t transposed_block(uint32_t block) {
    uint32_t to;
    asm volatile("movmatrix.sync.aligned.m8n8.trans.b16 %0, %1;" : "=r"(to) : "r"(block));
    return to;
}

// sums[16 x 8] += left[16 x 16] right[16 x 8]
__device__ __forceinline__ void multiply_half(float *sums, const uint32_t *left,
                                              const uint32_t *right) {
#if __CUDA_ARCH__ >= 800
    asm volatile(
        "mma.sync.aligned.m16n8k16.row.col.f32.f16.f16.f32 {%0, %1, %2, %3}, {%4, %5, %6, %7}, "
        "{%8, %9}, {%0, %1, %2, %3};"
        : "+f"(sums[0]), "+f"(sums[1]), "+f"(sums[2]), "+f"(sums[3])
        : "r"(left[0]), "r"(left[1]), "r"(left[2]), "r"(left[3]), "r"(right[0]), "r"(right[1]));
#else
    for (int half = 0; half < 2; ++half)
        asm volatile(
            "mma.sync.aligned.m16n8k8.row.col.f32.f16.f16.f32 {%0, %1, %2, %3}, {%4, %5}, {%6}, "
            "{%0, %1, %2, %3};"
            : "+f"(sums[0]), "+f"(sums[1]), "+f"(sums[2]), "+f"(sums[3])
            : "r"(left[2 * half]), "r"(left[2 * half + 1]), "r"(right[half]));
#endif
}

// sums += left right
__device__ __forceinline__ void multiply(Sums &sums, const Tile &left, const Tile &right) {
    multiply_half(sums.v, left.v, right.v);
    multiply_half(sums.v + 4, left.v, right.v + 2);
}

#endif

__device__ __forceinline__ Tile packed(const Sums &sums) {
    return {{pack_halves(sums.v[0], sums.v[1]), pack_halves(sums.v[2], sums.v[3]),
             pack_halves(sums.v[4], sums.v[5]), pack_halves(sums.v[6], sums.v[7])}};
}

// A tile as the right side of a product.
__device__ __forceinline__ Tile as_right(const Tile &tile) {
    return {{transposed_block(tile.v[0]), transposed_block(tile.v[1]), transposed_block(tile.v[2]),
             transposed_block(tile.v[3])}};
}

// The transpose of a tile, as the left side of a product.
__device__ __forceinline__ Tile transposed(const Tile &tile) {
    return {{transposed_block(tile.v[0]), transposed_block(tile.v[2]), transposed_block(tile.v[1]),
             transposed_block(tile.v[3])}};
}

}  // namespace nf::cuda
