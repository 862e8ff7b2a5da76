// Activations of the hidden layers and their derivatives, as functions of the pre-activation.
#pragma once

#include "kernels.h"
#include "simd.h"

namespace nf::NF_ISA {

template <Activation kind>
NF_INLINE Vec activate(Vec z) {
    if constexpr (kind == kRelu) return z > 0.0f ? z : Vec{};
    // softplus(z) = max(z, 0) + log(1 + e^-|z|): neither end overflows.
    if constexpr (kind == kSoftplus) return max(z, Vec{}) + log1p(exp(min(z, -z)));
    if constexpr (kind == kSine) return sin(z);
    return z;
}

template <Activation kind>
NF_INLINE Vec activation_slope(Vec z) {
    if constexpr (kind == kRelu) return z > 0.0f ? splat(1.0f) : Vec{};
    if constexpr (kind == kSoftplus) return 1.0f / (1.0f + exp(-z));
    if constexpr (kind == kSine) return sin(z, 1);
    return splat(1.0f);
}

}  // namespace nf::NF_ISA
