// Low-rank tensors over the unit cube, channels last, vertices at i / (R - 1):
//
//     VM:  y[m C + c] = plane_m[c](x_a, x_b) line_m[c](x_l)   modes m: (a, b, l) = (0, 1, 2),
//                                                             (0, 2, 1) and (1, 2, 0)
//     CP:  y[c] = line_0[c](x_2) line_1[c](x_1) line_2[c](x_0)
//
// with bilinear planes [3][R][R][C], rows along a, and linear lines [3][R][C].
// Chen et al. 2022, TensoRF, arXiv:2203.09517, Eqs. 3 and 4 without the sums over components.
#pragma once

#include "../core.h"

namespace nf {

struct LowRankShape {
    int resolution;  // vertices of every side, at least 2
    int channels;    // components of every mode
};

struct VmMode {
    int row, column, line;  // the coordinates along the plane's axes and the line
};

NF_HD VmMode vm_mode(int m) {
    constexpr VmMode kModes[3] = {{0, 1, 2}, {0, 2, 1}, {1, 2, 0}};
    return kModes[m];
}

// Weights of a bilinear cell's corners: bit 1 of k is the upper row, bit 0 the upper column.
template <class Real>
NF_HD void bilinear_weights(Real u, Real v, Real *weight) {
    weight[0] = (1.0f - u) * (1.0f - v);
    weight[1] = (1.0f - u) * v;
    weight[2] = u * (1.0f - v);
    weight[3] = u * v;
}

}  // namespace nf
