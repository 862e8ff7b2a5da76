// How far the light of one ray is spread out: zero for one thin surface.
//
//     L = sum_{j,k} w_j w_k |s_j - s_k| + 1/3 sum_k w_k^2 ds_k
//       = sum_k w_k (2 (s_k W_k - S_k) + w_k ds_k / 3),   W_k, S_k = sums of w_j, w_j s_j over j <
//       k
//
// with the weights w_k of composite.h, s the middles of the samples' intervals and ds their
// lengths. dsigma follows from g_k = dL / dw_k as it does there; g_k asks for the sums over j > k
// as well. Barron et al. 2022, Mip-NeRF 360, arXiv:2111.12077, Eq. 15.
#pragma once

#include "../core.h"

namespace nf {

// Sums over the samples passed so far.
struct DistortionSums {
    float transmittance = 1.0f, weight = 0.0f, place = 0.0f;

    NF_HD float pass(float alpha, float s) {
        const float w = transmittance * alpha;
        weight += w;
        place += w * s;
        transmittance *= 1.0f - alpha;
        return w;
    }
};

NF_HD float distortion_ray(int64_t begin, int64_t end, const float *alpha, const float *s,
                           const float *ds) {
    DistortionSums sums;
    float loss = 0.0f;
    for (int64_t k = begin; k < end; ++k) {
        const float spread = 2.0f * (s[k] * sums.weight - sums.place);
        const float w = sums.pass(alpha[k], s[k]);
        loss += w * (spread + w * ds[k] / 3.0f);
    }
    return loss;
}

NF_HD void distortion_ray_gradient(int64_t begin, int64_t end, const float *alpha, const float *s,
                                   const float *ds, const float *dt, float dloss, float *dsigma) {
    DistortionSums all, sums;
    for (int64_t k = begin; k < end; ++k) all.pass(alpha[k], s[k]);
    float behind = 0.0f;  // sum of w_j g_j over samples not yet passed
    for (int64_t k = begin; k < end; ++k) {
        const float before = s[k] * sums.weight - sums.place;
        const float w = sums.pass(alpha[k], s[k]);
        const float after = all.place - sums.place - s[k] * (all.weight - sums.weight);
        dsigma[k] = 2.0f * dloss * (before + after + w * ds[k] / 3.0f);
        behind += w * dsigma[k];
    }
    sums = {};
    for (int64_t k = begin; k < end; ++k) {
        const float g = dsigma[k];
        behind -= sums.pass(alpha[k], s[k]) * g;
        dsigma[k] = dt[k] * (sums.transmittance * g - behind);
    }
}

}  // namespace nf
