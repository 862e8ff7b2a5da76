// Nested occupancy bit fields and the walk of a ray through them.
//
// Level l covers the cube [-2^l, 2^l]^3 of model space with resolution^3 cells, one bit each. A
// 64-bit word holds a brick of 4x4x4 cells, bit (z * 4 + y) * 4 + x, so that an empty brick is
// skipped with one comparison. A point belongs to the smallest level that contains it. The
// resolution is a multiple of 16: then no brick straddles the border of the level inside it.
// After Mueller et al. 2022, Instant-NGP, arXiv:2201.05989, appendix E (the layout is ours).
#pragma once

#include "contraction.h"

namespace nf {

struct Occupancy {
    const uint64_t *words;  // [levels][resolution / 4]^3
    int levels;
    int resolution;
};

struct OccupancyCell {
    bool occupied;
    float skip;  // t at which the ray leaves the empty cell or brick; meaningless if occupied
};

NF_HD int occupancy_level(const Occupancy &grid, float norm) {
    int level = 0;
    for (float half = 1.0f; norm > half && level + 1 < grid.levels; half *= 2.0f) ++level;
    return level;
}

// Where a ray p + s d (d with no zero) leaves the axis-aligned cell of `width`, as distance from p.
NF_HD float cell_exit(const float position[3], const int cell[3], int shift, float cells_per_unit,
                      const float inverse[3]) {
    float exit = INFINITY;
    for (int i = 0; i < 3; ++i) {
        const int border = ((cell[i] >> shift) + (inverse[i] > 0 ? 1 : 0)) << shift;
        exit = fminf(exit, (static_cast<float>(border) - position[i]) * inverse[i]);
    }
    return fmaxf(exit, 0.0f) / cells_per_unit;
}

// Cell of model point p; `inverse` is 1 / direction in model space.
NF_HD OccupancyCell occupancy_cell(const Occupancy &grid, const float p[3], float t,
                                   const float inverse[3]) {
    const int level = occupancy_level(grid, max_norm(p));
    const float per_unit = 0.5f * grid.resolution / static_cast<float>(1 << level);
    const int top = grid.resolution - 1;
    float position[3];
    int cell[3];
    for (int i = 0; i < 3; ++i) {
        position[i] = p[i] * per_unit + 0.5f * grid.resolution;
        const int c = static_cast<int>(position[i]);
        cell[i] = c < 0 ? 0 : (c > top ? top : c);
    }
    const int bricks = grid.resolution / 4;
    const int64_t brick =
        ((static_cast<int64_t>(level) * bricks + (cell[2] >> 2)) * bricks + (cell[1] >> 2)) *
            bricks +
        (cell[0] >> 2);
    const uint64_t word = grid.words[brick];
    const int bit = ((cell[2] & 3) * 4 + (cell[1] & 3)) * 4 + (cell[0] & 3);
    if ((word >> bit) & 1) return {true, t};
    return {false, t + cell_exit(position, cell, word ? 0 : 2, per_unit, inverse)};
}

}  // namespace nf
