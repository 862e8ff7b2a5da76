// Activations of the hidden layers. What the backward pass needs of a layer is kept once: where the
// slope can be read off the output (none, ReLU) the output, else the pre-activation.
#pragma once

#include "kernels.h"
#include "simd.h"

namespace nf::NF_ISA {

template <Activation kind>
constexpr bool kKeepsOutput = kind == kNone || kind == kRelu;

// The frequency that z has at its present size (FINER).
NF_INLINE Vec finer_frequency(Vec z, float omega) {
    return omega * (max(z, -z) + 1.0f);
}

// omega is used by FINER alone.
template <Activation kind>
NF_INLINE Vec activate(Vec z, float omega = 1.0f) {
    if constexpr (kind == kRelu) return z <= 0.0f ? Vec{} : z;  // NaN stays NaN
    // softplus(z) = max(z, 0) + log(1 + e^-|z|): neither end overflows.
    if constexpr (kind == kSoftplus) return max(z, Vec{}) + log1p(exp(min(z, -z)));
    if constexpr (kind == kSine) return sin(z);
    if constexpr (kind == kFiner) return sin(finer_frequency(z, omega) * z);
    return z;
}

// d * activation'(z), from the kept value. FINER's frequency counts as a constant.
template <Activation kind>
NF_INLINE Vec times_slope(Vec d, Vec kept, float omega = 1.0f) {
    if constexpr (kind == kRelu) return kept <= 0.0f ? Vec{} : d;
    if constexpr (kind == kSoftplus) return d / (1.0f + exp(-kept));
    if constexpr (kind == kSine) return d * sin(kept, 1);
    if constexpr (kind == kFiner) {
        const Vec frequency = finer_frequency(kept, omega);
        return d * frequency * sin(frequency * kept, 1);
    }
    return d;
}

}  // namespace nf::NF_ISA
