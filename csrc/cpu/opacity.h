// Opacities of packed samples, as vectors.
#pragma once

#include "simd.h"

namespace nf::NF_ISA {

// alpha = 1 - exp(-sigma dt) of the samples begin .. end.
NF_INLINE void opacities(int64_t begin, int64_t end, const float *sigma, const float *dt,
                         float *alpha) {
    int64_t k = begin;
    for (; k + kLanes <= end; k += kLanes)
        store(alpha + k, 1.0f - exp(-load(sigma + k) * load(dt + k)));
    if (k == end) return;
    float tail[kLanes] = {};
    for (int64_t i = k; i < end; ++i) tail[i - k] = sigma[i] * dt[i];
    store(tail, 1.0f - exp(-load(tail)));
    std::memcpy(alpha + k, tail, (end - k) * sizeof(float));
}

}  // namespace nf::NF_ISA
