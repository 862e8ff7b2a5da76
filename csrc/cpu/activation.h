// Activations of the hidden layers. What the backward pass needs of a layer is kept once: where the
// slope can be read off the output (none, ReLU) the output, else the pre-activation.
#pragma once

#include "kernels.h"
#include "simd.h"

namespace nf::NF_ISA {

template <Activation kind>
constexpr bool kKeepsOutput = kind == kNone || kind == kRelu;

template <Activation kind>
NF_INLINE Vec activate(Vec z) {
    if constexpr (kind == kRelu) return z <= 0.0f ? Vec{} : z;  // NaN stays NaN
    // softplus(z) = max(z, 0) + log(1 + e^-|z|): neither end overflows.
    if constexpr (kind == kSoftplus) return max(z, Vec{}) + log1p(exp(min(z, -z)));
    if constexpr (kind == kSine) return sin(z);
    return z;
}

// d * activation'(z), from the kept value.
template <Activation kind>
NF_INLINE Vec times_slope(Vec d, Vec kept) {
    if constexpr (kind == kRelu) return kept <= 0.0f ? Vec{} : d;
    if constexpr (kind == kSoftplus) return d / (1.0f + exp(-kept));
    if constexpr (kind == kSine) return d * sin(kept, 1);
    return d;
}

}  // namespace nf::NF_ISA
