// Products of tiles of rows with matrices that stay: what a layer's passes consist of.
//
//     Panels     B [K][N], packed once
//     RowTile    A [rows][K] of one tile;  multiply:  C = start + A B
//     OuterTile  add:  D [M][N] += A^T B  over the rows of one tile
//
// Two units compute them: the vectors' multiply-adds (panels_fma.h), or a matrix unit where the
// machine has one (panels_amx.h).
#pragma once

#include "simd.h"

namespace nf::NF_ISA {

inline int64_t padded(int64_t columns) {
    return round_up(columns, kLanes < 8 ? 8 : kLanes);
}

// Starts of C: a row for all.
inline auto bias_of(const float *bias) {
    return [bias](int64_t, int64_t column) NF_ALWAYS { return load(bias + column); };
}

}  // namespace nf::NF_ISA

#if defined(__AMX_BF16__)
#include "panels_amx.h"
#else
#include "panels_fma.h"
#endif
