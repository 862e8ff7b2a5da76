// What dense grids share: the corners of a vector of points, and loops over channels.
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

template <int D>
NF_INLINE void find_corners(const DenseGridAxis *axis, const float *const *x, int64_t i,
                            Corners<D> &c) {
    VecIndex low[D], high[D];
    for (int d = 0; d < D; ++d) {
        const Place place = find_place(axis[d], load(x[d] + i));
        low[d] = (VecIndex)place.cell * axis[d].stride;
        high[d] = (VecIndex)place.next * axis[d].stride;
        c.fraction[d] = place.fraction;
        c.inside[d] = place.inside;
    }
#pragma GCC unroll 8
    for (int k = 0; k < (1 << D); ++k) {
        c.index[k] = VecIndex{};
        c.weight[k] = splat(1.0f);
#pragma GCC unroll 3
        for (int d = 0; d < D; ++d) {
            const bool up = (k >> d) & 1;
            c.index[k] += up ? high[d] : low[d];
            c.weight[k] *= up ? c.fraction[d] : 1.0f - c.fraction[d];
        }
    }
}

// W neighbouring channels.
template <int W>
struct Piece {
    typedef float Floats __attribute__((vector_size(W * 4), aligned(4), may_alias));
    static NF_HD Floats load(const float *p) { return *reinterpret_cast<const Floats *>(p); }
    static NF_HD void store(float *p, Floats v) { *reinterpret_cast<Floats *>(p) = v; }
    static NF_HD float sum(Floats v) {
        float lane[W], total = 0.0f;
        store(lane, v);
        for (float x : lane) total += x;
        return total;
    }
};

// Calls body(piece, first channel) for pieces of 16, 8, 4, 2 and 1 that make up the channels.
template <class Body>
NF_INLINE void for_pieces(int channels, const Body &body) {
    int c = 0;
    for (; c + 16 <= channels; c += 16) body(Piece<16>{}, c);
    if (channels & 8) body(Piece<8>{}, c), c += 8;
    if (channels & 4) body(Piece<4>{}, c), c += 4;
    if (channels & 2) body(Piece<2>{}, c), c += 2;
    if (channels & 1) body(Piece<1>{}, c);
}

}  // namespace nf::NF_ISA
