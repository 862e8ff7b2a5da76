// Activations of hidden layers, as in cpu/activation.h: what the backward pass needs of a layer is
// the output where the slope can be read off it (none, ReLU), else the pre-activation.
#pragma once

#include "../cpu/kernels.h"
#include "launch.h"

namespace nf::cuda {

NF_HD constexpr bool keeps_output(Activation kind) {
    return kind == kNone || kind == kRelu;
}

// The frequency that z has at its present size (FINER).
__device__ __forceinline__ float finer_frequency(float z, float omega) {
    return omega * (fabsf(z) + 1.0f);
}

// sin(x + quarter_turns pi / 2) for |x| < 1e4: reduction by pi / 2 in three parts, then Taylor's
// polynomials on [-pi/4, pi/4]. Unlike sinf it has no slow path, whose stack every thread would
// pay.
__device__ __forceinline__ float sine(float x, int quarter_turns = 0) {
    const float n = rintf(x * 0.636619772f);
    const float r = fmaf(n, -7.54978995e-8f, fmaf(n, -4.83751297e-4f, fmaf(n, -1.5703125f, x)));
    const float z = r * r;
    const int quadrant = static_cast<int>(n) + quarter_turns;
    const float odd =
        r + r * z * (-1.0f / 6 + z * (1.0f / 120 + z * (-1.0f / 5040 + z * (1.0f / 362880))));
    const float even =
        1.0f - 0.5f * z + z * z * (1.0f / 24 + z * (-1.0f / 720 + z * (1.0f / 40320)));
    const float value = quadrant & 1 ? even : odd;
    return quadrant & 2 ? -value : value;
}

template <Activation kind>
__device__ __forceinline__ float activate(float z, float omega) {
    if constexpr (kind == kRelu) return z <= 0.0f ? 0.0f : z;  // NaN stays NaN
    if constexpr (kind == kSoftplus) return fmaxf(z, 0.0f) + log1pf(expf(-fabsf(z)));
    if constexpr (kind == kSine) return sine(z);
    if constexpr (kind == kFiner) return sine(finer_frequency(z, omega) * z);
    return z;
}

// activation'(z), from the kept value. FINER's frequency counts as a constant.
template <Activation kind>
__device__ __forceinline__ float slope(float kept, float omega) {
    if constexpr (kind == kRelu) return kept <= 0.0f ? 0.0f : 1.0f;
    if constexpr (kind == kSoftplus) return 1.0f / (1.0f + expf(-kept));
    if constexpr (kind == kSine) return sine(kept, 1);
    if constexpr (kind == kFiner) {
        const float frequency = finer_frequency(kept, omega);
        return frequency * sine(frequency * kept, 1);
    }
    return 1.0f;
}

template <Activation kind>
struct Kind {
    static constexpr Activation value = kind;
};

// body(Kind<kind>()): the choice is made once, outside of the body's loops.
template <class Body>
__device__ __forceinline__ auto with_activation(Activation kind, const Body &body) {
    switch (kind) {
        case kRelu:
            return body(Kind<kRelu>());
        case kSoftplus:
            return body(Kind<kSoftplus>());
        case kSine:
            return body(Kind<kSine>());
        case kFiner:
            return body(Kind<kFiner>());
        default:
            return body(Kind<kNone>());
    }
}

}  // namespace nf::cuda
