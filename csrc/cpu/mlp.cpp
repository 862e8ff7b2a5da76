// Fused multilayer perceptron: a tile of rows goes through all layers while it stays in cache.
//
//     z_0 = W_0 x + b_0,   z_l = W_l act(z_{l-1}) + b_l,   y = z_hidden
//
// `weights` holds, layer after layer, W (out x in, row-major), then b (out) where there is a bias.
// Rows are split into groups whose number depends on the sizes alone; each group sums its own
// weight gradient in row order, and the groups are added in their order: the same bits come out
// whatever the number of threads.
#include "activation.h"
#include "gemm.h"
#include "mlp_plan.h"

namespace nf::NF_ISA {

namespace {

// Rows [0, rows) of a dense matrix as a padded tile: the matrix itself where it fits, else a copy.
const float *load_tile(const float *source, int64_t rows, int64_t columns, int64_t pad, float *copy) {
    if (columns == pad && rows == kTile) return source;
    std::memset(copy, 0, kTile * pad * sizeof(float));
    for (int64_t r = 0; r < rows; ++r)
        std::memcpy(copy + r * pad, source + r * columns, columns * sizeof(float));
    return copy;
}

void store_tile(const float *tile, int64_t rows, int64_t columns, int64_t pad, float *target) {
    for (int64_t r = 0; r < rows; ++r)
        std::memcpy(target + r * columns, tile + r * pad, columns * sizeof(float));
}

// h = act(W input + b); kept (see activation.h) may be null, or h itself.
template <Activation kind>
void hidden_layer(const Layer &layer, const float *input, const float *packed, const float *bias,
                  float *h, float *kept) {
    gemm({input, layer.in_pad, 1}, packed + layer.forward, layer.out_pad, kTile, layer.out_pad,
         layer.in, [&](Vec sum, int64_t row, int64_t column) NF_ALWAYS {
             const Vec z = sum + load(bias + column);
             const int64_t at = row * layer.out_pad + column;
             if (!kKeepsOutput<kind> && kept) store(kept + at, z);
             store(h + at, activate<kind>(z));
         });
}

void linear_layer(const Layer &layer, const float *input, const float *packed, const float *bias,
                  float *y) {
    gemm({input, layer.in_pad, 1}, packed + layer.forward, layer.out_pad, kTile, layer.out_pad,
         layer.in, [&](Vec sum, int64_t row, int64_t column) NF_ALWAYS {
             store(y + row * layer.out_pad + column, sum + load(bias + column));
         });
}

template <Activation kind>
void forward(const MlpShape &shape, int64_t n, const float *x, const float *weights, float *y,
             float *saved) {
    const Plan plan(shape);
    const Scratch<float> packed(plan.packed_forward), biases(plan.layers * plan.widest);
    pack_forward(plan, shape, weights, packed, biases);
    parallel_for(tiles(n), [&](int64_t t) {
        const int64_t first = t * kTile, rows = least(kTile, n - first);
        const Scratch<float> even(kTile * plan.widest), odd(kTile * plan.widest);
        const float *input =
            load_tile(x + first * shape.in, rows, shape.in, plan.layer[0].in_pad, even);
        for (int l = 0; l < shape.hidden; ++l) {
            float *kept = saved ? saved_tile(plan, shape, n, l, t, saved) : nullptr;
            float *h = kKeepsOutput<kind> && kept ? kept : (input == odd ? even : odd);
            hidden_layer<kind>(plan.layer[l], input, packed, biases + l * plan.widest, h, kept);
            input = h;
        }
        const Layer &top = plan.layer[shape.hidden];
        const bool direct = top.out == top.out_pad && rows == kTile;
        float *output = direct ? y + first * shape.out : (input == odd ? even : odd);
        linear_layer(top, input, packed, biases + shape.hidden * plan.widest, output);
        if (!direct) store_tile(output, rows, shape.out, top.out_pad, y + first * shape.out);
    });
}

// W's gradient += dz^T input, b's += the column sums of dz.
void add_weight_gradient(const Layer &layer, const float *dz, const float *input, float *dweights,
                         float *dbias) {
    float *sums = dweights + layer.backward;
    gemm({dz, 1, layer.out_pad}, input, layer.in_pad, layer.out_pad, layer.in_pad, kTile,
         [&](Vec sum, int64_t row, int64_t column) NF_ALWAYS {
             float *at = sums + row * layer.in_pad + column;
             store(at, load(at) + sum);
         });
    if (!dbias) return;
    for (int64_t r = 0; r < kTile; ++r)
        for (int64_t o = 0; o < layer.out_pad; o += kLanes)
            store(dbias + o, load(dbias + o) + load(dz + r * layer.out_pad + o));
}

// The buffers of one thread's tiles.
struct BackwardTile {
    explicit BackwardTile(const Plan &plan)
        : input(kTile * plan.widest), h(kTile * plan.widest), even(kTile * plan.widest),
          odd(kTile * plan.widest) {}
    Scratch<float> input, h, even, odd;
};

template <Activation kind>
void backward_tile(const Plan &plan, const MlpShape &shape, const BackwardCall &call, int64_t t,
                   const BackwardTile &tile, float *dweights, float *dbias) {
    const int64_t first = t * kTile, rows = least(kTile, call.n - first);
    const Layer &bottom = plan.layer[0], &top = plan.layer[shape.hidden];
    const float *x =
        load_tile(call.x + first * shape.in, rows, shape.in, bottom.in_pad, tile.input);
    const float *dz = load_tile(call.dy + first * shape.out, rows, shape.out, top.out_pad, tile.odd);
    for (int l = shape.hidden; l > 0; --l) {
        const Layer &layer = plan.layer[l];
        const float *kept = saved_tile(plan, shape, call.n, l - 1, t, call.saved);
        const float *h = kept;
        if (!kKeepsOutput<kind>) {
            for (int64_t i = 0; i < kTile * layer.in_pad; i += kLanes)
                store(tile.h + i, activate<kind>(load(kept + i)));
            h = tile.h;
        }
        add_weight_gradient(layer, dz, h, dweights, dbias ? dbias + l * plan.widest : nullptr);
        float *below = dz == tile.even ? tile.odd : tile.even;
        gemm({dz, layer.out_pad, 1}, call.packed + layer.backward, layer.in_pad, kTile,
             layer.in_pad, layer.out, [&](Vec sum, int64_t row, int64_t column) NF_ALWAYS {
                 const int64_t at = row * layer.in_pad + column;
                 store(below + at, times_slope<kind>(sum, load(kept + at)));
             });
        dz = below;
    }
    add_weight_gradient(bottom, dz, x, dweights, dbias);
    if (!call.dx) return;
    const bool direct = bottom.in == bottom.in_pad && rows == kTile;
    float *dx = direct ? call.dx + first * shape.in : (dz == tile.even ? tile.odd : tile.even);
    gemm({dz, bottom.out_pad, 1}, call.packed + bottom.backward, bottom.in_pad, kTile, bottom.in_pad,
         bottom.out, [&](Vec sum, int64_t row, int64_t column) NF_ALWAYS {
             store(dx + row * bottom.in_pad + column, sum);
         });
    if (!direct) store_tile(dx, rows, shape.in, bottom.in_pad, call.dx + first * shape.in);
}

template <Activation kind>
void backward(const MlpShape &shape, int64_t n, const float *x, const float *weights,
              const float *saved, const float *dy, float *dx, float *dweights) {
    const Plan plan(shape);
    const Scratch<float> packed(plan.packed_backward);
    pack_backward(plan, weights, packed);
    const BackwardCall call = {n, x, packed, saved, dy, dx};
    const int64_t groups = row_groups(n, plan.weights);
    const int64_t stride = plan.packed_backward + plan.layers * plan.widest;
    const Scratch<float> sums(groups * stride);
    parallel_for(groups, [&](int64_t g) {
        float *group = sums + g * stride;
        std::memset(group, 0, stride * sizeof(float));
        const BackwardTile tile(plan);
        for (int64_t t = tiles(n) * g / groups; t < tiles(n) * (g + 1) / groups; ++t)
            backward_tile<kind>(plan, shape, call, t, tile, group,
                                shape.bias ? group + plan.packed_backward : nullptr);
    });
    reduce_groups(shape, plan, sums, stride, groups, dweights);
}

}  // namespace

#define NF_FOR_ACTIVATION(run, ...)                         \
    switch (shape.activation) {                             \
        case kNone: return run<kNone>(__VA_ARGS__);         \
        case kRelu: return run<kRelu>(__VA_ARGS__);         \
        case kSoftplus: return run<kSoftplus>(__VA_ARGS__); \
        case kSine: return run<kSine>(__VA_ARGS__);         \
    }

int64_t mlp_saved_size(const MlpShape &shape, int64_t n) {
    return shape.hidden * tiles(n) * kTile * round_up(shape.width, kLanes);
}

void mlp_forward(const MlpShape &shape, int64_t n, const float *x, const float *weights, float *y,
                 float *saved) {
    NF_FOR_ACTIVATION(forward, shape, n, x, weights, y, saved)
}

void mlp_backward(const MlpShape &shape, int64_t n, const float *x, const float *weights,
                  const float *saved, const float *dy, float *dx, float *dweights) {
    NF_FOR_ACTIVATION(backward, shape, n, x, weights, saved, dy, dx, dweights)
}

}  // namespace nf::NF_ISA
