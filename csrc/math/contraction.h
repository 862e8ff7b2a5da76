// The map from all of space to a cube, for scenes without bounds.
//
//     contract(p) = p                              if |p|_inf <= 1
//                 = (2 - 1 / |p|_inf) p / |p|_inf  otherwise,   so |contract(p)|_inf < 2
//
// Barron et al. 2022, Mip-NeRF 360, arXiv:2111.12077, Eq. 10, with the maximum norm, which fills
// the cube of a grid where the Euclidean norm would leave its corners empty.
#pragma once

#include "../core.h"

namespace nf {

NF_HD float max_norm(const float p[3]) {
    return fmaxf(fabsf(p[0]), fmaxf(fabsf(p[1]), fabsf(p[2])));
}

// Model space (inner cube = [-1, 1]^3) to the field's unit cube.
NF_HD void to_unit_cube(const float p[3], bool unbounded, float out[3]) {
    if (!unbounded) {
        for (int i = 0; i < 3; ++i) out[i] = 0.5f * p[i] + 0.5f;
        return;
    }
    const float norm = max_norm(p);
    const float factor = norm <= 1.0f ? 1.0f : (2.0f - 1.0f / norm) / norm;
    for (int i = 0; i < 3; ++i) out[i] = 0.25f * factor * p[i] + 0.5f;
}

}  // namespace nf
