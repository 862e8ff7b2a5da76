// Products of tiles of rows with matrices that stay: what a layer's passes consist of.
//
//     Panels     B [K][N], packed once
//     RowTile    A [rows][K] of one tile;  multiply:  C = A B
//     OuterTile  add:  D [M][N] += A^T B  over the rows of one tile
//
// Two units compute them: the vectors' multiply-adds (panels_fma.h), or a matrix unit where the
// machine has one (panels_amx.h).
#pragma once

#include "simd.h"

namespace nf::NF_ISA {

constexpr int64_t kTileRows = 96;   // a multiple of all the row counts that products work with
constexpr int64_t kBlockTiles = 8;  // tiles a thread takes at once

inline int64_t padded(int64_t columns) {
    return round_up(columns, kLanes < 8 ? 8 : kLanes);
}

inline int64_t tiles(int64_t n) {
    return (n + kTileRows - 1) / kTileRows;
}

}  // namespace nf::NF_ISA

#if defined(__AMX_BF16__)
#include "panels_amx.h"
#else
#include "panels_fma.h"
#endif
