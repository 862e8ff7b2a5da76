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

// h = act(W input + b) of `rows` rows. Where the slope cannot be read off h (activation.h), z keeps
// its argument.
template <Activation kind>
void hidden_layer(const Layer &layer, int64_t rows, const float *input, const float *packed,
                  const float *bias, float *h, float *z) {
    gemm(
        {input, layer.in_pad, 1}, packed + layer.forward, layer.out_pad, rows, layer.out_pad,
        layer.in, [&](int64_t, int64_t column) NF_ALWAYS { return load(bias + column); },
        [&](Vec argument, int64_t row, int64_t column) NF_ALWAYS {
            const int64_t at = row * layer.out_pad + column;
            if (!kKeepsOutput<kind> && z) store(z + at, argument);
            store(h + at, activate<kind>(argument, layer.omega));
        });
}

void linear_layer(const Layer &layer, int64_t rows, const float *input, const float *packed,
                  const float *bias, float *y) {
    gemm(
        {input, layer.in_pad, 1}, packed + layer.forward, layer.out_pad, rows, layer.out_pad,
        layer.in, [&](int64_t, int64_t column) NF_ALWAYS { return load(bias + column); },
        [&](Vec sum, int64_t row, int64_t column)
            NF_ALWAYS { store(y + row * layer.out_pad + column, sum); });
}

// The rows of all layers that a tile passes through, forward; even, odd and spare are its buffers.
template <Activation kind>
void forward_tile(const Plan &plan, const MlpShape &shape, const ForwardCall &call, int64_t t,
                  float *even, float *odd, float *spare) {
    const int64_t first = t * plan.tile, rows = least(plan.tile, call.n - first);
    const bool whole = rows == plan.tile;
    const float *input =
        load_tile(call.x + first * shape.in, rows, shape.in, plan.layer[0].in_pad, plan.tile, even);
    for (int l = 0; l < shape.hidden; ++l) {
        float *h = input == odd ? even : odd, *z = spare;
        float *kept = call.kept ? call.kept + (l * call.n + first) * shape.width : nullptr;
        if (kept && whole) (kKeepsOutput<kind> ? h : z) = kept;
        hidden_layer<kind>(plan.layer[l], plan.tile, input, call.packed,
                           call.biases + l * plan.widest, h, kept ? z : nullptr);
        if (kept && !whole)
            store_tile(kKeepsOutput<kind> ? h : z, rows, shape.width, shape.width, kept);
        input = h;
    }
    const Layer &top = plan.layer[shape.hidden];
    const bool direct = top.out == top.out_pad && whole;
    float *output = direct ? call.y + first * shape.out : (input == odd ? even : odd);
    linear_layer(top, plan.tile, input, call.packed, call.biases + shape.hidden * plan.widest,
                 output);
    if (!direct) store_tile(output, rows, shape.out, top.out_pad, call.y + first * shape.out);
}

template <Activation kind>
void forward(const MlpShape &shape, int64_t n, const float *x, const float *weights, float *y,
             float *kept) {
    const Plan plan(shape);
    const Scratch<float> packed(plan.packed_forward), biases(plan.layers * plan.widest);
    pack_forward(plan, shape, weights, packed, biases);
    const ForwardCall call = {n, x, packed, biases, y, kept};
    const int64_t size = plan.tile * plan.widest;
    parallel_for(groups_of_tiles(n, plan.tile), [&](int64_t g) {
        const Scratch<float> buffers(3 * size);
        for (int64_t t = g * kGroup; t < least(tiles(n, plan.tile), (g + 1) * kGroup); ++t)
            forward_tile<kind>(plan, shape, call, t, buffers, buffers + size, buffers + 2 * size);
    });
}

// W's gradient += dz^T input, b's += the column sums of dz, over `rows` rows.
void add_weight_gradient(const Layer &layer, int64_t rows, const float *dz, const float *input,
                         float *dweights, float *dbias) {
    float *sums = dweights + layer.backward;
    gemm(
        {dz, 1, layer.out_pad}, input, layer.in_pad, layer.out_pad, layer.in_pad, rows,
        [&](int64_t row, int64_t column) NF_ALWAYS {
            __builtin_prefetch(sums + row * layer.in_pad + column, 1);
            return Vec{};
        },
        [&](Vec sum, int64_t row, int64_t column) NF_ALWAYS {
            float *at = sums + row * layer.in_pad + column;
            store(at, load(at) + sum);
        });
    if (!dbias) return;
    for (int64_t r = 0; r < rows; ++r)
        for (int64_t o = 0; o < layer.out_pad; o += kLanes)
            store(dbias + o, load(dbias + o) + load(dz + r * layer.out_pad + o));
}

// The buffers of one group's tiles: inputs of all layers, arguments of their activations, and two
// gradients.
class BackwardTile {
  public:
    explicit BackwardTile(const Plan &plan)
        : size_(plan.tile * plan.widest),
          layers_(plan.layers),
          memory_(size_ * (2 * plan.layers + 2)) {}
    float *input(int l) const { return memory_ + l * size_; }
    float *z(int l) const { return memory_ + (layers_ + l) * size_; }
    float *gradient(int parity) const { return memory_ + (2 * layers_ + parity) * size_; }

  private:
    int64_t size_;
    int layers_;
    Scratch<float> memory_;
};

// What the gradients need of the hidden layers: the inputs of the layers above them, and what their
// slopes are read off.
struct Hidden {
    const float *input[kMaxLayers], *slope[kMaxLayers];
};

// From the kept rows, or computed again: for narrow layers that is cheaper than to store them for
// all rows and to read them back, which the memory does not keep up with.
template <Activation kind>
void restore_hidden(const Plan &plan, const MlpShape &shape, const BackwardCall &call,
                    int64_t first, const BackwardTile &tile, Hidden &hidden) {
    const int64_t rows = least(plan.tile, call.n - first);
    for (int l = 0; l < shape.hidden; ++l) {
        float *input = tile.input(l + 1), *z = tile.z(l + 1);
        hidden.input[l + 1] = input;
        hidden.slope[l + 1] = kKeepsOutput<kind> ? input : z;
        if (!call.kept) {
            hidden_layer<kind>(plan.layer[l], plan.tile, hidden.input[l], call.forward,
                               call.biases + l * plan.widest, input, z);
            continue;
        }
        const float *kept = load_tile(call.kept + (l * call.n + first) * shape.width, rows,
                                      shape.width, shape.width, plan.tile, z);
        hidden.slope[l + 1] = kept;
        if (kKeepsOutput<kind>)
            hidden.input[l + 1] = kept;
        else
            for (int64_t i = 0; i < plan.tile * shape.width; i += kLanes)
                store(input + i, activate<kind>(load(kept + i), plan.layer[l].omega));
    }
}

template <Activation kind>
void backward_tile(const Plan &plan, const MlpShape &shape, const BackwardCall &call, int64_t t,
                   const BackwardTile &tile, float *dweights, float *dbias) {
    const int64_t first = t * plan.tile, rows = least(plan.tile, call.n - first);
    const Layer &bottom = plan.layer[0], &top = plan.layer[shape.hidden];
    Hidden hidden;
    hidden.input[0] = load_tile(call.x + first * shape.in, rows, shape.in, bottom.in_pad, plan.tile,
                                tile.input(0));
    restore_hidden<kind>(plan, shape, call, first, tile, hidden);
    const float *dz = load_tile(call.dy + first * shape.out, rows, shape.out, top.out_pad,
                                plan.tile, tile.gradient(0));
    for (int l = shape.hidden; l > 0; --l) {
        const Layer &layer = plan.layer[l];
        add_weight_gradient(layer, plan.tile, dz, hidden.input[l], dweights,
                            dbias ? dbias + l * plan.widest : nullptr);
        const float *slope = hidden.slope[l];
        const float omega = plan.layer[l - 1].omega;
        float *below = tile.gradient(dz != tile.gradient(1));
        gemm({dz, layer.out_pad, 1}, call.backward + layer.backward, layer.in_pad, plan.tile,
             layer.in_pad, layer.out, zero, [&](Vec sum, int64_t row, int64_t column) NF_ALWAYS {
                 const int64_t at = row * layer.in_pad + column;
                 store(below + at, times_slope<kind>(sum, load(slope + at), omega));
             });
        dz = below;
    }
    add_weight_gradient(bottom, plan.tile, dz, hidden.input[0], dweights, dbias);
    if (!call.dx) return;
    const bool direct = bottom.in == bottom.in_pad && rows == plan.tile;
    float *dx = direct ? call.dx + first * shape.in : tile.gradient(dz != tile.gradient(1));
    gemm({dz, bottom.out_pad, 1}, call.backward + bottom.backward, bottom.in_pad, plan.tile,
         bottom.in_pad, bottom.out, zero, [&](Vec sum, int64_t row, int64_t column) NF_ALWAYS {
             store(dx + row * bottom.in_pad + column, sum);
         });
    if (!direct) store_tile(dx, rows, shape.in, bottom.in_pad, call.dx + first * shape.in);
}

template <Activation kind>
void backward(const MlpShape &shape, int64_t n, const float *x, const float *weights,
              const float *kept, const float *dy, float *dx, float *dweights) {
    const Plan plan(shape);
    const Scratch<float> packed_forward(plan.packed_forward), biases(plan.layers * plan.widest),
        packed_backward(plan.packed_backward);
    if (!kept) pack_forward(plan, shape, weights, packed_forward, biases);
    pack_backward(plan, weights, packed_backward);
    const BackwardCall call = {n, x, packed_forward, biases, packed_backward, kept, dy, dx};
    const int64_t groups = row_groups(n, plan.tile, plan.weights);
    const int64_t stride = plan.packed_backward + plan.layers * plan.widest;
    const Scratch<float> sums(groups * stride);
    parallel_for(groups, [&](int64_t g) {
        float *group = sums + g * stride;
        std::memset(group, 0, stride * sizeof(float));
        const BackwardTile tile(plan);
        const int64_t count = tiles(n, plan.tile);
        for (int64_t t = count * g / groups; t < count * (g + 1) / groups; ++t)
            backward_tile<kind>(plan, shape, call, t, tile, group,
                                shape.bias ? group + plan.packed_backward : nullptr);
    });
    reduce_groups(shape, plan, sums, stride, groups, dweights);
}

}  // namespace

#define NF_FOR_ACTIVATION(run, ...)             \
    switch (shape.activation) {                 \
        case kNone:                             \
            return run<kNone>(__VA_ARGS__);     \
        case kRelu:                             \
            return run<kRelu>(__VA_ARGS__);     \
        case kSoftplus:                         \
            return run<kSoftplus>(__VA_ARGS__); \
        case kSine:                             \
            return run<kSine>(__VA_ARGS__);     \
        case kFiner:                            \
            return run<kFiner>(__VA_ARGS__);    \
    }

void mlp_forward(const MlpShape &shape, int64_t n, const float *x, const float *weights, float *y,
                 float *kept) {
    NF_FOR_ACTIVATION(forward, shape, n, x, weights, y, kept)
}

void mlp_backward(const MlpShape &shape, int64_t n, const float *x, const float *weights,
                  const float *kept, const float *dy, float *dx, float *dweights) {
    NF_FOR_ACTIVATION(backward, shape, n, x, weights, kept, dy, dx, dweights)
}

}  // namespace nf::NF_ISA
