// The corners of the cells that a vector of points falls into: table entries and blending weights.
#pragma once

#include "simd.h"

namespace nf::NF_ISA {

// Coordinates of some points as D columns, padded to whole vectors.
template <int D>
class Columns {
  public:
    Columns(const float *x, int64_t n) : memory_(D * round_up(n, kLanes)) {
        const int64_t padded = round_up(n, kLanes);
        for (int d = 0; d < D; ++d) {
            float *column = memory_ + d * padded;
            for (int64_t i = 0; i < n; ++i) column[i] = x[i * D + d];
            for (int64_t i = n; i < padded; ++i) column[i] = 0.5f;
            data[d] = column;
        }
    }
    const float *data[D];

  private:
    Scratch<float> memory_;
};

template <int D>
struct Corners {
    VecIndex index[1 << D];
    Vec weight[1 << D];
    Vec fraction[D];
    Vec inside[D];  // 1 where the coordinate was in [0, 1], 0 where it was clamped

    // d weight[k] / d fraction[axis]
    NF_HD Vec slope(int k, int axis) const {
        Vec product = splat((k >> axis) & 1 ? 1.0f : -1.0f);
        for (int d = 0; d < D; ++d)
            if (d != axis) product *= (k >> d) & 1 ? fraction[d] : 1.0f - fraction[d];
        return product;
    }
};

}  // namespace nf::NF_ISA
