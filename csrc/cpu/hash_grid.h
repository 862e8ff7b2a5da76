// Corners of a vector of points in one level, from the formulas of math/hash_grid.h.
#pragma once

#include <omp.h>

#include "corners.h"
#include "kernels.h"

namespace nf::NF_ISA {

template <int D, bool kHashed>
NF_INLINE void find_corners(const HashGridLevel &level, const float *const *x, int64_t i,
                            Corners<D> &c) {
    VecIndex low[D], high[D];
    for (int d = 0; d < D; ++d) {
        const Vec given = load(x[d] + i);
        // Comparisons with NaN are false: NaN becomes 0, and no index leaves the table.
        Vec v = given > 0.0f ? given : Vec{};
        v = v < 1.0f ? v : splat(1.0f);
        c.inside[d] = v == given ? splat(1.0f) : Vec{};
        const Vec position = v * level.scale + 0.5f;
        const VecI cell = to_int(position);
        c.fraction[d] = position - to_float(cell);
        low[d] = hash_grid_term<kHashed>(level, d, (VecIndex)cell);
        high[d] = hash_grid_term<kHashed>(level, d, (VecIndex)cell + 1u);
    }
#pragma GCC unroll 8
    for (int k = 0; k < (1 << D); ++k) {
        VecIndex index = k & 1 ? high[0] : low[0];
        Vec weight = k & 1 ? c.fraction[0] : 1.0f - c.fraction[0];
#pragma GCC unroll 2
        for (int d = 1; d < D; ++d) {
            const bool up = (k >> d) & 1;
            index = hash_grid_mix<kHashed>(index, up ? high[d] : low[d]);
            weight *= up ? c.fraction[d] : 1.0f - c.fraction[d];
        }
        c.index[k] = hash_grid_wrap<kHashed>(level, index);
        c.weight[k] = weight;
    }
}

constexpr int64_t kNearLevel = 1 << 18;  // bytes: read at once, without being fetched

template <int D, int F, bool kWrites>
NF_INLINE void fetch_entries(const Corners<D> &c, const float *entries) {
    for (int k = 0; k < (1 << D); ++k)
        for (int p = 0; p < kLanes; ++p) __builtin_prefetch(entries + c.index[k][p] * F, kWrites);
}

template <int D, int F, bool kWrites, bool kHashed, class Body>
NF_INLINE void for_corners_of(const HashGridLevel &level, const float *const *x, int64_t n,
                              const float *entries, const Body &body) {
    const bool fetches = int64_t{level.size} * F * int64_t{sizeof(float)} > kNearLevel;
    Corners<D> corners[2];
    if (n) find_corners<D, kHashed>(level, x, 0, corners[0]);
    for (int64_t i = 0; i < n; i += kLanes) {
        Corners<D> &next = corners[(i / kLanes + 1) % 2];
        if (i + kLanes < n) {
            find_corners<D, kHashed>(level, x, i + kLanes, next);
            if (fetches) fetch_entries<D, F, kWrites>(next, entries);
        }
        body(i, corners[i / kLanes % 2]);
    }
}

// Calls body(i, corners) for every vector of points i .. i + kLanes; the level's entries of F
// floats, which it reads or writes, are fetched one vector ahead.
template <int D, int F, bool kWrites, class Body>
NF_INLINE void for_corners(const HashGridLevel &level, const float *const *x, int64_t n,
                           const float *entries, const Body &body) {
    if (level.hashed)
        for_corners_of<D, F, kWrites, true>(level, x, n, entries, body);
    else
        for_corners_of<D, F, kWrites, false>(level, x, n, entries, body);
}

}  // namespace nf::NF_ISA
