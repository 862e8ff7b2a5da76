// How a perceptron's weights and gradients are laid out for tensor cores.
//
// Every layer's sizes are padded to steps of 16. Forward, W^T (in x out) is the right side of the
// products; backward it is W (out x in); both in tiles [column step][depth step][lane].
#pragma once

#include "../cpu/kernels.h"
#include "mma.cuh"

namespace nf::cuda {

constexpr int kMostLayers = 9, kMostSteps = 8, kMostWidth = kStep * kMostSteps;
constexpr int kTileSums = kStep * kStep;

// Few inputs are coordinates, of which 11 bits would not tell neighbouring pixels apart. Where
// three times their number fits in the first step they enter as x = h + l, each a half, and W
// likewise as H + L: the columns h, l, h times the rows H, H, L give 22 bits, at no cost.
constexpr int kMostSplit = 5;

struct MlpLayer {
    int in, out;
    int in_steps, out_steps;
    float omega;                // of the activation
    int64_t weight, bias;       // in the weights as given
    int64_t forward, backward;  // in the packed weights, in tiles of a lane
    int64_t sums;  // in the sums of a group of rows: [out step][in step][element][lane]

    // Columns of the weight gradient's tiles; the bias' is that of an input of one.
    NF_HD int columns(bool has_bias) const { return in_steps + has_bias; }
};

struct MlpPlan {
    explicit MlpPlan(const MlpShape &shape)
        : layers(shape.hidden + 1),
          steps(shape.width / kStep),
          bias(shape.bias),
          split(shape.in <= kMostSplit),
          activation(shape.activation) {
        for (int l = 0; l < layers; ++l) {
            MlpLayer &it = layer[l];
            it.in = l == 0 ? shape.in : shape.width;
            it.out = l == shape.hidden ? shape.out : shape.width;
            it.in_steps = (it.in + kStep - 1) / kStep;
            it.out_steps = (it.out + kStep - 1) / kStep;
            it.omega = l == 0 ? shape.omega_first : shape.omega_hidden;
            it.weight = parameters;
            it.bias = it.weight + int64_t{it.in} * it.out;
            parameters = it.bias + (bias ? it.out : 0);
            const int64_t tiles = int64_t{it.in_steps} * it.out_steps * kLanes;
            it.forward = forward_tiles, forward_tiles += tiles;
            it.backward = backward_tiles, backward_tiles += tiles;
            it.sums = sums;
            sums += int64_t{it.columns(bias)} * it.out_steps * kTileSums;
        }
    }

    // Sizes that the fused kernels take; they keep a row's hidden layers in registers.
    static bool takes(const MlpShape &shape) {
        const bool width = shape.width == 16 || shape.width == 32 || shape.width == 64 ||
                           shape.width == kMostWidth;
        return width && shape.hidden > 0 && shape.in <= kMostWidth && shape.out <= kMostWidth;
    }

    NF_HD const MlpLayer &top() const { return layer[layers - 1]; }

    int layers, steps;
    bool bias, split;
    Activation activation;
    MlpLayer layer[kMostLayers];
    int64_t parameters = 0, forward_tiles = 0, backward_tiles = 0, sums = 0;
};

}  // namespace nf::cuda
