// Corners of a vector of points in a dense grid, from the formulas of math/dense_grid.h.
#pragma once

#include "corners.h"
#include "kernels.h"

namespace nf::NF_ISA {

struct Place {
    VecI cell, next;
    Vec fraction, inside;
};

// Comparisons with NaN are false: NaN becomes 0, and no index leaves the table.
NF_INLINE Place find_place(const DenseGridAxis &axis, Vec x) {
    Place place;
    if (axis.wrap) {
        // Beyond 2^23 floats are whole numbers (and do not fit an int32).
        const Vec whole = x < 8388608.0f && x > -8388608.0f ? x : Vec{};
        const Vec position = (whole - floor(whole)) * dense_grid_scale(axis);
        const VecI cell = to_int(position);
        place.fraction = position - to_float(cell);
        place.cell = cell < axis.resolution ? cell : VecI{};
        place.next = place.cell + 1 < axis.resolution ? place.cell + 1 : VecI{};
        place.inside = splat(1.0f);
    } else {
        Vec v = x > 0.0f ? x : Vec{};
        v = v < 1.0f ? v : splat(1.0f);
        const Vec position = v * dense_grid_scale(axis);
        const VecI cell = to_int(position);
        place.cell = cell < axis.resolution - 1 ? cell : axis.resolution - 2 + VecI{};
        place.next = place.cell + 1;
        place.fraction = position - to_float(place.cell);
        place.inside = v == x ? splat(1.0f) : Vec{};
    }
    return place;
}

// Corner k is the upper one of axis d where bit d of k is set; `base` is the grid's first entry.
template <int D>
NF_INLINE void find_corners(const DenseGridAxis *axis, const Vec *x, uint32_t base, Corners<D> &c) {
    VecIndex low[D], high[D];
    for (int d = 0; d < D; ++d) {
        const Place place = find_place(axis[d], x[d]);
        low[d] = (VecIndex)place.cell * axis[d].stride;
        high[d] = (VecIndex)place.next * axis[d].stride;
        c.fraction[d] = place.fraction;
        c.inside[d] = place.inside;
    }
#pragma GCC unroll 8
    for (int k = 0; k < (1 << D); ++k) {
        c.index[k] = (k & 1 ? high[0] : low[0]) + base;
        c.weight[k] = k & 1 ? c.fraction[0] : 1.0f - c.fraction[0];
#pragma GCC unroll 2
        for (int d = 1; d < D; ++d) {
            const bool up = (k >> d) & 1;
            c.index[k] += up ? high[d] : low[d];
            c.weight[k] *= up ? c.fraction[d] : 1.0f - c.fraction[d];
        }
    }
}

}  // namespace nf::NF_ISA
