// How a perceptron's weights and rows are laid out for the kernels: packed, padded, in groups.
#pragma once

#include <deque>

#include "kernels.h"
#include "panels.h"
#include "tile.h"

namespace nf::NF_ISA {

constexpr int kMaxLayers = 9;

struct Layer {
    int in, out;
    float omega;              // of the activation
    int64_t weight, bias;     // offsets in `weights`
    int64_t in_pad, out_pad;  // whole vectors
    int64_t sums;             // offset of the padded gradient [out_pad][in_pad]
};

struct Plan {
    explicit Plan(const MlpShape &shape)
        : layers(shape.hidden + 1), bias(shape.bias), tile(shape.width < 128 ? 96 : 192) {
        for (int l = 0; l < layers; ++l) {
            Layer &it = layer[l];
            it.in = l == 0 ? shape.in : shape.width;
            it.out = l == shape.hidden ? shape.out : shape.width;
            it.in_pad = padded(it.in);
            it.out_pad = padded(it.out);
            it.omega = l == 0 ? shape.omega_first : shape.omega_hidden;
            it.weight = weights;
            it.bias = it.weight + static_cast<int64_t>(it.in) * it.out;
            weights = it.bias + (shape.bias ? it.out : 0);
            it.sums = sums;
            sums += it.out_pad * it.in_pad;
            widest = widest > it.in_pad ? widest : it.in_pad;
            widest = widest > it.out_pad ? widest : it.out_pad;
        }
    }

    int layers;
    bool bias;
    // Rows that pass through all layers together: few, so that they stay in the first cache; many
    // where the weights do not stay in it, so that each turn of these serves more rows.
    int64_t tile;
    Layer layer[kMaxLayers];
    int64_t weights = 0, sums = 0, widest = 0;
};

// W^T [in][out] or W [out][in] of every layer.
typedef std::deque<Panels> Matrices;

// What all tiles of a forward pass share: weights, biases as rows of `widest`, and the kept layers,
// which may be null.
struct ForwardCall {
    int64_t n;
    const float *x;
    const Matrices &forward;
    const float *biases;
    float *y, *kept;
};

// What all tiles of a backward pass share: weights, the kept layers and dx, which may be null.
struct BackwardCall {
    int64_t n;
    const float *x;
    const Matrices &forward;  // empty where layers are kept
    const float *biases;
    const Matrices &backward;
    const float *kept, *dy;
    float *dx;
};

inline Matrices forward_matrices(const Plan &plan, const float *weights) {
    Matrices found;
    for (int l = 0; l < plan.layers; ++l) {
        const Layer &layer = plan.layer[l];
        found.emplace_back(weights + layer.weight, layer.in, layer.out, 1, layer.in);
    }
    return found;
}

inline Matrices backward_matrices(const Plan &plan, const float *weights) {
    Matrices found;
    for (int l = 0; l < plan.layers; ++l) {
        const Layer &layer = plan.layer[l];
        found.emplace_back(weights + layer.weight, layer.out, layer.in, layer.in, 1);
    }
    return found;
}

// Rows of `widest`; zeros where the perceptron has no biases.
inline void pack_biases(const Plan &plan, const float *weights, float *packed) {
    std::memset(packed, 0, plan.layers * plan.widest * sizeof(float));
    if (!plan.bias) return;
    for (int l = 0; l < plan.layers; ++l)
        std::memcpy(packed + l * plan.widest, weights + plan.layer[l].bias,
                    plan.layer[l].out * sizeof(float));
}

// The padded sums of all groups, in their order, into the layout of `weights`.
NF_INLINE void reduce_groups(const Plan &plan, const float *sums, int64_t stride, int64_t groups,
                             float *dweights) {
    for (int l = 0; l < plan.layers; ++l) {
        const Layer &layer = plan.layer[l];
        parallel_for((layer.out + 7) / 8, [&](int64_t b) {
            for (int64_t o = 8 * b; o < least(layer.out, 8 * b + 8); ++o) {
                float *row = dweights + layer.weight + o * layer.in;
                std::memset(row, 0, layer.in * sizeof(float));
                for (int64_t g = 0; g < groups; ++g) {
                    const float *term = sums + g * stride + layer.sums + o * layer.in_pad;
                    for (int64_t i = 0; i < layer.in; ++i) row[i] += term[i];
                }
                if (!plan.bias) continue;
                float sum = 0;
                for (int64_t g = 0; g < groups; ++g)
                    sum += sums[g * stride + plan.sums + l * plan.widest + o];
                dweights[layer.bias + o] = sum;
            }
        });
    }
}

}  // namespace nf::NF_ISA
