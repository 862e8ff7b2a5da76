// C[M x N] = A[M x K] B[K x N] for the small matrices of a tile: A is broadcast with any strides, B
// has rows of whole vectors. M is a multiple of kTileRows, N of kLanes. What becomes of a finished
// vector of C is the caller's business: finish(sum, row, column).
#pragma once

#include "simd.h"

namespace nf::NF_ISA {

// Accumulators that fill the registers: 16 of 32 on AVX-512, 8 of 16 elsewhere.
constexpr int kTileRows = kLanes == 16 ? 8 : 4;
constexpr int kTileVectors = 2;

struct Matrix {
    const float *data;
    int64_t row, column;  // strides
};

template <int kVectors, class Finish>
NF_INLINE void gemm_tile(const Matrix &a, const float *__restrict b, int64_t b_row, int64_t i,
                         int64_t j, int64_t depth, const Finish &finish) {
    const float *__restrict rows = a.data + i * a.row;
    Vec sum[kTileRows][kVectors];
#pragma GCC unroll 8
    for (int m = 0; m < kTileRows; ++m)
#pragma GCC unroll 2
        for (int v = 0; v < kVectors; ++v) sum[m][v] = Vec{};
    for (int64_t k = 0; k < depth; ++k) {
        Vec row[kVectors];
#pragma GCC unroll 2
        for (int v = 0; v < kVectors; ++v) row[v] = load(b + k * b_row + j + v * kLanes);
#pragma GCC unroll 8
        for (int m = 0; m < kTileRows; ++m) {
            const Vec value = splat(rows[m * a.row + k * a.column]);
#pragma GCC unroll 2
            for (int v = 0; v < kVectors; ++v) sum[m][v] += value * row[v];
        }
    }
#pragma GCC unroll 8
    for (int m = 0; m < kTileRows; ++m)
#pragma GCC unroll 2
        for (int v = 0; v < kVectors; ++v) finish(sum[m][v], i + m, j + v * kLanes);
}

template <class Finish>
NF_INLINE void gemm(const Matrix &a, const float *b, int64_t b_row, int64_t m, int64_t n,
                    int64_t depth, const Finish &finish) {
    int64_t j = 0;
    for (; j + kTileVectors * kLanes <= n; j += kTileVectors * kLanes)
        for (int64_t i = 0; i < m; i += kTileRows)
            gemm_tile<kTileVectors>(a, b, b_row, i, j, depth, finish);
    for (; j < n; j += kLanes)
        for (int64_t i = 0; i < m; i += kTileRows) gemm_tile<1>(a, b, b_row, i, j, depth, finish);
}

}  // namespace nf::NF_ISA
