// Volume rendering along one ray of packed samples.
//
//     alpha_k = 1 - exp(-sigma_k dt_k),   T_k = prod_{j<k} (1 - alpha_j),   w_k = T_k alpha_k
//     color = sum w_k c_k,   opacity = sum w_k,   depth = sum w_k t_k
//
// With g_k = dcolor . c_k + dopacity + ddepth t_k the gradients are
//     dc_k = w_k dcolor,   dsigma_k = dt_k (T_{k+1} g_k - sum_{j>k} w_j g_j).
// Max 1995, "Optical Models for Direct Volume Rendering"; Mildenhall et al. 2020, NeRF, Eq. 3.
#pragma once

#include "../core.h"

namespace nf {

struct Composite {
    float color[3], opacity, depth;
};

NF_HD Composite composite_ray(int64_t begin, int64_t end, const float *alpha, const float *rgb,
                              const float *t) {
    Composite out{};
    float transmittance = 1.0f;
    for (int64_t k = begin; k < end; ++k) {
        const float weight = transmittance * alpha[k];
        for (int i = 0; i < 3; ++i) out.color[i] += weight * rgb[3 * k + i];
        out.depth += weight * t[k];
        out.opacity += weight;
        transmittance *= 1.0f - alpha[k];
    }
    return out;
}

NF_HD void composite_ray_gradient(int64_t begin, int64_t end, const float *alpha, const float *rgb,
                                  const float *t, const float *dt, const float dcolor[3],
                                  float dopacity, float ddepth, float *dsigma, float *drgb) {
    float behind = 0.0f,
          transmittance = 1.0f;  // behind: sum of w_j g_j over samples not yet passed
    for (int64_t k = begin; k < end; ++k) {
        const float g = dcolor[0] * rgb[3 * k] + dcolor[1] * rgb[3 * k + 1] +
                        dcolor[2] * rgb[3 * k + 2] + dopacity + ddepth * t[k];
        const float weight = transmittance * alpha[k];
        for (int i = 0; i < 3; ++i) drgb[3 * k + i] = weight * dcolor[i];
        dsigma[k] = g;
        behind += weight * g;
        transmittance *= 1.0f - alpha[k];
    }
    transmittance = 1.0f;
    for (int64_t k = begin; k < end; ++k) {
        const float g = dsigma[k];
        behind -= transmittance * alpha[k] * g;
        transmittance *= 1.0f - alpha[k];
        dsigma[k] = dt[k] * (transmittance * g - behind);
    }
}

}  // namespace nf
