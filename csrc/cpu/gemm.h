// C[M x N] = start + A[M x K] B[K x N] for the small matrices of a tile: A is broadcast with any
// strides, B has rows of whole vectors. M is a multiple of kRowStep, N of kLanes. Where a vector of
// C starts and what becomes of it is the caller's business: start(row, column), finish(sum, row,
// column). Every sum runs over k in order, whatever the tile it is computed in.
#pragma once

#include "simd.h"

namespace nf::NF_ISA {

constexpr bool kWide = kLanes == 16;
constexpr int64_t kRowStep = kLanes < 8 ? kLanes : 8;
constexpr int kDepthStep = kWide ? 1 : 2;  // terms in a turn of the loop over k

struct Matrix {
    const float *data;
    int64_t row, column;  // strides
};

template <int kRows, int kVectors, class Start, class Finish>
NF_INLINE void gemm_tile(const Matrix &a, const float *__restrict b, int64_t b_row, int64_t i,
                         int64_t j, int64_t depth, const Start &start, const Finish &finish) {
    const float *__restrict rows = a.data + i * a.row;
    Vec sum[kRows][kVectors];
#pragma GCC unroll 16
    for (int m = 0; m < kRows; ++m)
#pragma GCC unroll 4
        for (int v = 0; v < kVectors; ++v) sum[m][v] = start(i + m, j + v * kLanes);
#pragma GCC unroll kDepthStep
    for (int64_t k = 0; k < depth; ++k) {
        Vec row[kVectors];
#pragma GCC unroll 4
        for (int v = 0; v < kVectors; ++v) row[v] = load(b + k * b_row + j + v * kLanes);
#pragma GCC unroll 16
        for (int m = 0; m < kRows; ++m) {
            const Vec value = splat(rows[m * a.row + k * a.column]);
#pragma GCC unroll 4
            for (int v = 0; v < kVectors; ++v) sum[m][v] += value * row[v];
        }
    }
#pragma GCC unroll 16
    for (int m = 0; m < kRows; ++m)
#pragma GCC unroll 4
        for (int v = 0; v < kVectors; ++v) finish(sum[m][v], i + m, j + v * kLanes);
}

// The tiles of kVectors columns, kRows at a time, then the rest of an even number of rows.
template <int kRows, int kVectors, class Start, class Finish>
NF_INLINE void gemm_columns(const Matrix &a, const float *b, int64_t b_row, int64_t m, int64_t j,
                            int64_t depth, const Start &start, const Finish &finish) {
    int64_t i = 0;
    for (; i + kRows <= m; i += kRows)
        gemm_tile<kRows, kVectors>(a, b, b_row, i, j, depth, start, finish);
    for (; i + 4 <= m; i += 4) gemm_tile<4, kVectors>(a, b, b_row, i, j, depth, start, finish);
    for (; i < m; i += 2) gemm_tile<2, kVectors>(a, b, b_row, i, j, depth, start, finish);
}

template <class Start, class Finish>
NF_INLINE void gemm(const Matrix &a, const float *b, int64_t b_row, int64_t m, int64_t n,
                    int64_t depth, const Start &start, const Finish &finish) {
    // Accumulators, a row of B and one value of A fill the registers: 32 on AVX-512, 16 elsewhere.
    int64_t j = 0;
    if (kWide)
        for (; j + 4 * kLanes <= n; j += 4 * kLanes)
            gemm_columns<6, 4>(a, b, b_row, m, j, depth, start, finish);
    for (; j + 2 * kLanes <= n; j += 2 * kLanes)
        gemm_columns<kWide ? 8 : 6, 2>(a, b, b_row, m, j, depth, start, finish);
    for (; j < n; j += kLanes)
        gemm_columns<kWide ? 16 : 12, 1>(a, b, b_row, m, j, depth, start, finish);
}

// Starts of C: from zero.
NF_INLINE Vec zero(int64_t, int64_t) {
    return Vec{};
}

}  // namespace nf::NF_ISA
