// Multiresolution hash grid: where a point falls in one level, and the weights of its corners.
//
//     scale_l = base * growth^l - 1,   position = x * scale_l + 1/2,   cell = floor(position)
//
// A level is stored densely while it fits its table, else a corner's entry is
//     (c_x * 1) xor (c_y * 2654435761) xor (c_z * 805459861)  modulo the table's size.
// Mueller et al. 2022, Instant Neural Graphics Primitives, arXiv:2201.05989, Eqs. 2-4; the
// half-cell offset and the wrap of the last dense corner are those of its published implementation.
//
// `Real` and `Index` are float and uint32_t, or vectors of them.
#pragma once

#include "../core.h"

namespace nf {

struct HashGridLevel {
    float scale;
    uint32_t resolution;
    uint32_t offset;  // first entry of the level in the table
    uint32_t size;    // entries of the level
    bool hashed;      // false: dense, x fastest
};

NF_HD uint32_t hash_prime(int axis) {
    constexpr uint32_t kPrimes[3] = {1u, 2654435761u, 805459861u};
    return kPrimes[axis];
}

// The term one coordinate's corner adds (dense) or mixes in (hashed).
template <bool kHashed, class Index>
NF_HD Index hash_grid_term(const HashGridLevel &level, int axis, Index corner) {
    if (kHashed) return corner * hash_prime(axis);
    uint32_t stride = 1;
    for (int i = 0; i < axis; ++i) stride *= level.resolution;
    return corner * stride;
}

template <bool kHashed, class Index>
NF_HD Index hash_grid_mix(Index a, Index b) {
    return kHashed ? (a ^ b) : (a + b);
}

// A dense index passes the end of its level by less than one layer: one subtraction wraps it.
template <bool kHashed, class Index>
NF_HD Index hash_grid_wrap(const HashGridLevel &level, Index index) {
    if (kHashed) return index & (level.size - 1u);
    return index < level.size ? index : index - level.size;
}

}  // namespace nf
