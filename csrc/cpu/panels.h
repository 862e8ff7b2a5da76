// Products of tall matrices with one that stays: rows in tiles, the other matrix packed once.
#pragma once

#include "gemm.h"

namespace nf::NF_ISA {

constexpr int64_t kTileRows = 96;   // a multiple of all the row counts that gemm.h works with
constexpr int64_t kBlockTiles = 8;  // tiles a thread takes at once
constexpr int64_t kPanel = (kLanes == 16 ? 4 : 2) * kLanes;  // columns of B that lie together

inline int64_t padded(int64_t columns) {
    return round_up(columns, kLanes < 8 ? 8 : kLanes);
}

inline int64_t tiles(int64_t n) {
    return (n + kTileRows - 1) / kTileRows;
}

// B = W^T [in][out] (or W [out][in]) as panels of kPanel padded columns, each contiguous.
inline void pack(const float *weight, int64_t depth, int64_t columns, int64_t row, int64_t column,
                 float *packed) {
    parallel_for((columns + kPanel - 1) / kPanel, [&](int64_t p) {
        const int64_t first = p * kPanel, width = least(kPanel, padded(columns) - first);
        float *panel = packed + first * depth;
        std::memset(panel, 0, depth * width * sizeof(float));
        for (int64_t k = 0; k < depth; ++k)
            for (int64_t c = 0; c < least(width, columns - first); ++c)
                panel[k * width + c] = weight[k * row + (first + c) * column];
    });
}

// C = A B of a packed B, finish(sum, row, column) as in gemm.h.
template <class Start, class Finish>
NF_INLINE void gemm_panels(const Matrix &a, const float *packed, int64_t m, int64_t columns,
                           int64_t depth, const Start &start, const Finish &finish) {
    for (int64_t j = 0; j < columns; j += kPanel) {
        const int64_t width = least(kPanel, columns - j);
        gemm(
            a, packed + j * depth, width, m, width, depth,
            [&](int64_t row, int64_t column) NF_ALWAYS { return start(row, j + column); },
            [&](Vec sum, int64_t row, int64_t column) NF_ALWAYS { finish(sum, row, j + column); });
    }
}

// Rows of a dense matrix, with whole vectors and a multiple of 8 of them: the matrix itself where
// it has both, else a copy with zeros.
inline const float *load_rows(const float *source, int64_t rows, int64_t columns, int64_t pad,
                              float *copy) {
    if (columns == pad && rows % 8 == 0) return source;
    std::memset(copy, 0, round_up(rows, 8) * pad * sizeof(float));
    for (int64_t r = 0; r < rows; ++r)
        std::memcpy(copy + r * pad, source + r * columns, columns * sizeof(float));
    return copy;
}

}  // namespace nf::NF_ISA
