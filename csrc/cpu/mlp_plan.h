// How a perceptron's weights and rows are laid out for the kernels: packed, padded, in groups.
#pragma once

#include "kernels.h"
#include "tile.h"

namespace nf::NF_ISA {

constexpr int kMaxLayers = 9;

struct Layer {
    int in, out;
    float omega;                // of the activation
    int64_t weight, bias;       // offsets in `weights`
    int64_t in_pad, out_pad;    // whole vectors
    int64_t forward, backward;  // offsets of the packed W^T [in][out_pad], W [out_pad][in_pad]
};

struct Plan {
    explicit Plan(const MlpShape &shape)
        : layers(shape.hidden + 1), tile(shape.width < 128 ? 96 : 192) {
        for (int l = 0; l < layers; ++l) {
            Layer &it = layer[l];
            it.in = l == 0 ? shape.in : shape.width;
            it.out = l == shape.hidden ? shape.out : shape.width;
            it.in_pad = round_up(it.in, kLanes);
            it.out_pad = round_up(it.out, kLanes);
            it.omega = l == 0 ? shape.omega_first : shape.omega_hidden;
            it.weight = weights;
            it.bias = it.weight + static_cast<int64_t>(it.in) * it.out;
            weights = it.bias + (shape.bias ? it.out : 0);
            it.forward = packed_forward;
            packed_forward += it.in * it.out_pad;
            it.backward = packed_backward;
            packed_backward += it.out_pad * it.in_pad;
            widest = widest > it.in_pad ? widest : it.in_pad;
            widest = widest > it.out_pad ? widest : it.out_pad;
        }
    }

    int layers;
    // Rows that pass through all layers together: few, so that they stay in the first cache; many
    // where the weights do not stay in it, so that each turn of these serves more rows.
    int64_t tile;
    Layer layer[kMaxLayers];
    int64_t weights = 0, packed_forward = 0, packed_backward = 0, widest = 0;
};

// What all tiles of a forward pass share: packed weights, and the kept layers, which may be null.
struct ForwardCall {
    int64_t n;
    const float *x, *packed, *biases;
    float *y, *kept;
};

// What all tiles of a backward pass share: packed weights, the kept layers and dx, which may be
// null.
struct BackwardCall {
    int64_t n;
    const float *x, *forward, *biases, *backward, *kept, *dy;
    float *dx;
};

// Biases are packed too, as rows of `widest`; zeros where the perceptron has none.
NF_INLINE void pack_forward(const Plan &plan, const MlpShape &shape, const float *weights,
                            float *packed, float *biases) {
    std::memset(packed, 0, plan.packed_forward * sizeof(float));
    std::memset(biases, 0, plan.layers * plan.widest * sizeof(float));
    for (int l = 0; l < plan.layers; ++l) {
        const Layer &layer = plan.layer[l];
        for (int64_t o = 0; o < layer.out; ++o)
            for (int64_t i = 0; i < layer.in; ++i)
                packed[layer.forward + i * layer.out_pad + o] =
                    weights[layer.weight + o * layer.in + i];
        if (shape.bias)
            std::memcpy(biases + l * plan.widest, weights + layer.bias, layer.out * sizeof(float));
    }
}

NF_INLINE void pack_backward(const Plan &plan, const float *weights, float *packed) {
    std::memset(packed, 0, plan.packed_backward * sizeof(float));
    for (int l = 0; l < plan.layers; ++l) {
        const Layer &layer = plan.layer[l];
        for (int64_t o = 0; o < layer.out; ++o)
            std::memcpy(packed + layer.backward + o * layer.in_pad,
                        weights + layer.weight + o * layer.in, layer.in * sizeof(float));
    }
}

// The padded sums of all groups, in their order, into the layout of `weights`.
NF_INLINE void reduce_groups(const MlpShape &shape, const Plan &plan, const float *sums,
                             int64_t stride, int64_t groups, float *dweights) {
    for (int l = 0; l < plan.layers; ++l) {
        const Layer &layer = plan.layer[l];
        parallel_for((layer.out + 7) / 8, [&](int64_t b) {
            for (int64_t o = 8 * b; o < least(layer.out, 8 * b + 8); ++o) {
                float *row = dweights + layer.weight + o * layer.in;
                std::memset(row, 0, layer.in * sizeof(float));
                for (int64_t g = 0; g < groups; ++g) {
                    const float *term = sums + g * stride + layer.backward + o * layer.in_pad;
                    for (int64_t i = 0; i < layer.in; ++i) row[i] += term[i];
                }
                if (!shape.bias) continue;
                float sum = 0;
                for (int64_t g = 0; g < groups; ++g)
                    sum += sums[g * stride + plan.packed_backward + l * plan.widest + o];
                dweights[layer.bias + o] = sum;
            }
        });
    }
}

}  // namespace nf::NF_ISA
