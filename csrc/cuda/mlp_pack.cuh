// A perceptron's weights as the tiles that products on tensor cores read.
#pragma once

#include "mlp_plan.h"

namespace nf::cuda {

// What a half leaves of a value.
__device__ __forceinline__ float rest(float value) {
    return value - unpack_halves(pack_halves(value, 0.0f)).x;
}

// Element (k, n) of W^T, whose rows follow the columns of the (possibly split) input.
__device__ inline float forward_weight(const MlpPlan &plan, int l, const float *weights, int k,
                                       int n) {
    const MlpLayer &layer = plan.layer[l];
    const bool split = plan.split && l == 0;
    if (n >= layer.out || k >= (split ? 3 : 1) * layer.in) return 0.0f;
    const float w = weights[layer.weight + int64_t{n} * layer.in + k % layer.in];
    return k >= 2 * layer.in ? rest(w) : w;
}

// Element (k, n) of W.
__device__ inline float backward_weight(const MlpPlan &plan, int l, const float *weights, int k,
                                        int n) {
    const MlpLayer &layer = plan.layer[l];
    if (k >= layer.out || n >= layer.in) return 0.0f;
    return weights[layer.weight + int64_t{k} * layer.in + n];
}

// Block (l, 0) packs layer l forward, block (l, 1) backward; biases: [layers][kMostWidth].
static __global__ void pack_kernel(MlpPlan plan, const float *weights, Tile *forward,
                                   Tile *backward, float *biases) {
    const int l = blockIdx.x;
    const MlpLayer &layer = plan.layer[l];
    const bool back = blockIdx.y;
    const int depth = back ? layer.out_steps : layer.in_steps;
    const int tiles = layer.in_steps * layer.out_steps;
    Tile *to = back ? backward + layer.backward : forward + layer.forward;
    for (int i = threadIdx.x; i < tiles * kLanes; i += blockDim.x) {
        const int row = i / kLanes % depth * kStep, column = i / kLanes / depth * kStep;
        for (int r = 0; r < 4; ++r) {
            const int k = row + i % 4 * 2 + r % 2 * 8, n = column + i % kLanes / 4 + r / 2 * 8;
            const auto weight = [&](int k) {
                return back ? backward_weight(plan, l, weights, k, n)
                            : forward_weight(plan, l, weights, k, n);
            };
            to[i].v[r] = pack_halves(weight(k), weight(k + 1));
        }
    }
    if (back) return;
    for (int i = threadIdx.x; i < kMostWidth; i += blockDim.x)
        biases[l * kMostWidth + i] =
            plan.bias && i < layer.out ? weights[layer.bias + i] : 0.0f;
}

// The packed weights of a call, in device memory.
struct PackedMlp {
    PackedMlp(const MlpPlan &plan, const float *weights)
        : forward(plan.forward_tiles),
          backward(plan.backward_tiles),
          biases(plan.layers * kMostWidth) {
        launch(pack_kernel, dim3(plan.layers, 2), kThreads, 0, plan, weights, forward, backward,
               biases);
    }
    Scratch<Tile> forward, backward;
    Scratch<float> biases;
};

}  // namespace nf::cuda
