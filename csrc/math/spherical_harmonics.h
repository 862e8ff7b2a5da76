// Real spherical harmonics of a unit direction, bands 0 to 3 (degree counts bands, 1 to 4).
//
// Orthonormal over the sphere, ordered (l, m) with m from -l to l, with the Condon-Shortley phase.
// Green 2003, "Spherical Harmonic Lighting: The Gritty Details", appendix; the order and signs are
// those of Instant-NGP's direction encoding.
//
// `Real` is float, double, or a vector of floats; `y` has degree^2 entries.
#pragma once

#include "../core.h"

namespace nf {

template <int kDegree, class Real>
NF_HD void spherical_harmonics(Real x, Real y, Real z, Real *out) {
    const Real zero = x - x;
    out[0] = zero + 0.28209479177387814f;
    if (kDegree < 2) return;
    out[1] = -0.48860251190291987f * y;
    out[2] = 0.48860251190291987f * z;
    out[3] = -0.48860251190291987f * x;
    if (kDegree < 3) return;
    const Real xx = x * x, yy = y * y, zz = z * z;
    out[4] = 1.0925484305920792f * (x * y);
    out[5] = -1.0925484305920792f * (y * z);
    out[6] = 0.94617469575755997f * zz - 0.31539156525251999f;
    out[7] = -1.0925484305920792f * (x * z);
    out[8] = 0.54627421529603959f * (xx - yy);
    if (kDegree < 4) return;
    out[9] = 0.59004358992664352f * y * (yy - 3.0f * xx);
    out[10] = 2.8906114426405538f * (x * y) * z;
    out[11] = 0.45704579946446572f * y * (1.0f - 5.0f * zz);
    out[12] = 0.3731763325901154f * z * (5.0f * zz - 3.0f);
    out[13] = 0.45704579946446572f * x * (1.0f - 5.0f * zz);
    out[14] = 1.4453057213202769f * z * (xx - yy);
    out[15] = 0.59004358992664352f * x * (3.0f * yy - xx);
}

// Adds to (dx, dy, dz) the gradient of sum_i g_i Y_i, the Y_i taken as the polynomials above.
template <int kDegree, class Real>
NF_HD void spherical_harmonics_gradient(Real x, Real y, Real z, const Real *g, Real &dx, Real &dy,
                                        Real &dz) {
    if (kDegree < 2) return;
    dy += -0.48860251190291987f * g[1];
    dz += 0.48860251190291987f * g[2];
    dx += -0.48860251190291987f * g[3];
    if (kDegree < 3) return;
    dx += 1.0925484305920792f * (y * g[4] - z * g[7]) + 1.0925484305920792f * x * g[8];
    dy += 1.0925484305920792f * (x * g[4] - z * g[5]) - 1.0925484305920792f * y * g[8];
    dz += -1.0925484305920792f * (y * g[5] + x * g[7]) + 1.8923493915151199f * z * g[6];
    if (kDegree < 4) return;
    const Real xx = x * x, yy = y * y, zz = z * z;
    dx += -3.5402615395598611f * (x * y) * g[9] + 2.8906114426405538f * (y * z) * g[10] +
          0.45704579946446572f * (1.0f - 5.0f * zz) * g[13] +
          2.8906114426405538f * (x * z) * g[14] + 1.7701307697799304f * (yy - xx) * g[15];
    dy += 1.7701307697799304f * (yy - xx) * g[9] + 2.8906114426405538f * (x * z) * g[10] +
          0.45704579946446572f * (1.0f - 5.0f * zz) * g[11] -
          2.8906114426405538f * (y * z) * g[14] + 3.5402615395598611f * (x * y) * g[15];
    dz +=
        2.8906114426405538f * (x * y) * g[10] - 4.5704579946446572f * z * (y * g[11] + x * g[13]) +
        1.1195289977703462f * (5.0f * zz - 1.0f) * g[12] + 1.4453057213202769f * (xx - yy) * g[14];
}

}  // namespace nf
