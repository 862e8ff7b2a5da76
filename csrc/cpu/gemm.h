// C[M x N] (+)= A[M x K] B[K x N] for the small matrices of a tile: A is broadcast with any strides,
// B and C are rows of whole vectors. M is a multiple of kTileRows, N of kLanes.
#pragma once

#include "simd.h"

namespace nf::NF_ISA {

// Accumulators that fill the registers: 16 of 32 on AVX-512, 8 of 16 elsewhere.
constexpr int kTileRows = kLanes == 16 ? 8 : 4;
constexpr int kTileVectors = 2;

template <int kVectors, bool kAdd>
NF_INLINE void gemm_tile(const float *__restrict a, int64_t a_row, int64_t a_column,
                         const float *__restrict b, int64_t b_row, float *__restrict c,
                         int64_t c_row, int64_t depth) {
    Vec sum[kTileRows][kVectors];
#pragma GCC unroll 8
    for (int m = 0; m < kTileRows; ++m)
#pragma GCC unroll 2
        for (int v = 0; v < kVectors; ++v)
            sum[m][v] = kAdd ? load(c + m * c_row + v * kLanes) : Vec{};
    for (int64_t k = 0; k < depth; ++k) {
        Vec row[kVectors];
#pragma GCC unroll 2
        for (int v = 0; v < kVectors; ++v) row[v] = load(b + k * b_row + v * kLanes);
#pragma GCC unroll 8
        for (int m = 0; m < kTileRows; ++m) {
            const Vec value = splat(a[m * a_row + k * a_column]);
#pragma GCC unroll 2
            for (int v = 0; v < kVectors; ++v) sum[m][v] += value * row[v];
        }
    }
#pragma GCC unroll 8
    for (int m = 0; m < kTileRows; ++m)
#pragma GCC unroll 2
        for (int v = 0; v < kVectors; ++v) store(c + m * c_row + v * kLanes, sum[m][v]);
}

struct Matrix {
    const float *data;
    int64_t row, column;  // strides
};

template <bool kAdd>
NF_INLINE void gemm(Matrix a, const float *b, int64_t b_row, float *c, int64_t c_row, int64_t m,
                    int64_t n, int64_t depth) {
    int64_t j = 0;
    for (; j + kTileVectors * kLanes <= n; j += kTileVectors * kLanes)
        for (int64_t i = 0; i < m; i += kTileRows)
            gemm_tile<kTileVectors, kAdd>(a.data + i * a.row, a.row, a.column, b + j, b_row,
                                          c + i * c_row + j, c_row, depth);
    for (; j < n; j += kLanes)
        for (int64_t i = 0; i < m; i += kTileRows)
            gemm_tile<1, kAdd>(a.data + i * a.row, a.row, a.column, b + j, b_row, c + i * c_row + j,
                               c_row, depth);
}

}  // namespace nf::NF_ISA
