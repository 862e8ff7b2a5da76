// Rows of a dense matrix in tiles that stay in cache, and tiles in groups that a thread takes.
#pragma once

#include "simd.h"

namespace nf::NF_ISA {

constexpr int64_t kGroup = 8;  // tiles a thread takes at once, where there are many

NF_INLINE int64_t tiles(int64_t n, int64_t tile) {
    return (n + tile - 1) / tile;
}
// Group g of G has the tiles from count g / G up to count (g + 1) / G; few tiles are spread evenly.
NF_INLINE int64_t groups_of_tiles(int64_t count) {
    return count < 16 * kGroup ? least(count, 16) : count / kGroup;
}

// Groups of rows with a gradient of their own: enough for many cores, few enough to add up quickly.
NF_INLINE int64_t row_groups(int64_t n, int64_t tile, int64_t weights) {
    const int64_t most = weights > (1 << 16) ? 16 : 64;
    return least(most, (tiles(n, tile) + kGroup - 1) / kGroup);
}

// Rows [0, rows) of a dense matrix as a padded tile: the matrix itself where it fits, else a copy.
NF_INLINE const float *load_tile(const float *source, int64_t rows, int64_t columns, int64_t pad,
                                 int64_t tile, float *copy) {
    if (columns == pad && rows == tile) return source;
    std::memset(copy, 0, tile * pad * sizeof(float));
    for (int64_t r = 0; r < rows; ++r)
        std::memcpy(copy + r * pad, source + r * columns, columns * sizeof(float));
    return copy;
}

NF_INLINE void store_tile(const float *tile, int64_t rows, int64_t columns, int64_t pad,
                          float *target) {
    for (int64_t r = 0; r < rows; ++r)
        std::memcpy(target + r * columns, tile + r * pad, columns * sizeof(float));
}

}  // namespace nf::NF_ISA
