// Fused multilayer perceptron: a tile of rows goes through all layers while it stays in cache.
//
//     z_0 = W_0 x + b_0,   z_l = W_l act(z_{l-1}) + b_l,   y = z_hidden
//
// `weights` holds, layer after layer, W (out x in, row-major), then b (out) where there is a bias.
// Rows are split into groups whose number depends on the sizes alone; each group sums its own
// weight gradient in row order, and the groups are added in their order: the same bits come out
// whatever the number of threads.
#include "activation.h"
#include "mlp_plan.h"

namespace nf::NF_ISA {

namespace {

// h = act(W input + b). Where the slope cannot be read off h (activation.h), z keeps its argument.
template <Activation kind>
void hidden_layer(const Layer &layer, const RowTile &input, const Panels &weight, const float *bias,
                  float *h, float *z) {
    const auto finish = [&](Vec argument, int64_t row, int64_t column) NF_ALWAYS {
        const int64_t at = row * layer.out_pad + column;
        if (!kKeepsOutput<kind> && z) store(z + at, argument);
        store(h + at, activate<kind>(argument, layer.omega));
    };
    input.multiply(weight, bias_of(bias), finish);
}

void linear_layer(const Layer &layer, const RowTile &input, const Panels &weight, const float *bias,
                  float *y) {
    input.multiply(weight, bias_of(bias), [&](Vec sum, int64_t row, int64_t column) NF_ALWAYS {
        store(y + row * layer.out_pad + column, sum);
    });
}

// What a group's tiles pass through, forward.
struct ForwardTile {
    explicit ForwardTile(const Plan &plan)
        : size(plan.tile * plan.widest), memory(3 * size), rows(plan.tile, plan.widest) {}

    int64_t size;
    Scratch<float> memory;
    float *even = memory, *odd = memory + size, *spare = memory + 2 * size;
    RowTile rows;
};

// The rows of all layers that a tile passes through.
template <Activation kind>
void forward_tile(const Plan &plan, const MlpShape &shape, const ForwardCall &call, int64_t t,
                  ForwardTile &tile) {
    const int64_t first = t * plan.tile, rows = least(plan.tile, call.n - first);
    const bool whole = rows == plan.tile;
    const float *input = load_tile(call.x + first * shape.in, rows, shape.in, plan.layer[0].in_pad,
                                   plan.tile, tile.even);
    for (int l = 0; l < shape.hidden; ++l) {
        float *h = input == tile.odd ? tile.even : tile.odd, *z = tile.spare;
        float *kept = call.kept ? call.kept + (l * call.n + first) * shape.width : nullptr;
        if (kept && whole) (kKeepsOutput<kind> ? h : z) = kept;
        tile.rows.set(input, plan.tile, plan.layer[l].in, plan.layer[l].in_pad);
        hidden_layer<kind>(plan.layer[l], tile.rows, call.forward[l], call.biases + l * plan.widest,
                           h, kept ? z : nullptr);
        if (kept && !whole)
            store_tile(kKeepsOutput<kind> ? h : z, rows, shape.width, shape.width, kept);
        input = h;
    }
    const Layer &top = plan.layer[shape.hidden];
    const bool direct = top.out == top.out_pad && whole;
    float *output =
        direct ? call.y + first * shape.out : (input == tile.odd ? tile.even : tile.odd);
    tile.rows.set(input, plan.tile, top.in, top.in_pad);
    linear_layer(top, tile.rows, call.forward[shape.hidden],
                 call.biases + shape.hidden * plan.widest, output);
    if (!direct) store_tile(output, rows, shape.out, top.out_pad, call.y + first * shape.out);
}

template <Activation kind>
void forward(const MlpShape &shape, int64_t n, const float *x, const float *weights, float *y,
             float *kept) {
    const Plan plan(shape);
    const Matrices matrices = forward_matrices(plan, weights);
    const Scratch<float> biases(plan.layers * plan.widest);
    pack_biases(plan, weights, biases);
    const ForwardCall call = {n, x, matrices, biases, y, kept};
    const int64_t count = tiles(n, plan.tile), groups = groups_of_tiles(count);
    parallel_for(groups, [&](int64_t g) {
        ForwardTile tile(plan);
        for (int64_t t = count * g / groups; t < count * (g + 1) / groups; ++t)
            forward_tile<kind>(plan, shape, call, t, tile);
    });
}

// What a group's tiles pass through, backward: inputs of all layers, arguments of their
// activations, and two gradients.
class BackwardTile {
  public:
    explicit BackwardTile(const Plan &plan)
        : rows(plan.tile, plan.widest),
          outer(plan.tile, plan.widest, plan.widest),
          size_(plan.tile * plan.widest),
          layers_(plan.layers),
          memory_(size_ * (2 * plan.layers + 2)) {}
    float *input(int l) const { return memory_ + l * size_; }
    float *z(int l) const { return memory_ + (layers_ + l) * size_; }
    float *gradient(int parity) const { return memory_ + (2 * layers_ + parity) * size_; }

    RowTile rows;
    OuterTile outer;

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
                    int64_t first, BackwardTile &tile, Hidden &hidden) {
    const int64_t rows = least(plan.tile, call.n - first);
    for (int l = 0; l < shape.hidden; ++l) {
        float *input = tile.input(l + 1), *z = tile.z(l + 1);
        hidden.input[l + 1] = input;
        hidden.slope[l + 1] = kKeepsOutput<kind> ? input : z;
        if (!call.kept) {
            tile.rows.set(hidden.input[l], plan.tile, plan.layer[l].in, plan.layer[l].in_pad);
            hidden_layer<kind>(plan.layer[l], tile.rows, call.forward[l],
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

// Gradients of W and b += those of `rows` rows: dz^T input, and the column sums of dz.
void add_weight_gradient(const Plan &plan, int l, const OuterTile &outer, const float *dz,
                         const float *input, float *sums) {
    const Layer &layer = plan.layer[l];
    outer.add(dz, layer.out_pad, input, layer.in_pad, layer.in_pad, plan.tile, sums + layer.sums);
    if (!plan.bias) return;
    float *dbias = sums + plan.sums + l * plan.widest;
    for (int64_t r = 0; r < plan.tile; ++r)
        for (int64_t o = 0; o < layer.out_pad; o += kLanes)
            store(dbias + o, load(dbias + o) + load(dz + r * layer.out_pad + o));
}

template <Activation kind>
void backward_tile(const Plan &plan, const MlpShape &shape, const BackwardCall &call, int64_t t,
                   BackwardTile &tile, float *sums) {
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
        add_weight_gradient(plan, l, tile.outer, dz, hidden.input[l], sums);
        const float *slope = hidden.slope[l];
        const float omega = plan.layer[l - 1].omega;
        float *below = tile.gradient(dz != tile.gradient(1));
        tile.rows.set(dz, plan.tile, layer.out, layer.out_pad);
        tile.rows.multiply(call.backward[l], zero,
                           [&](Vec sum, int64_t row, int64_t column) NF_ALWAYS {
                               const int64_t at = row * layer.in_pad + column;
                               store(below + at, times_slope<kind>(sum, load(slope + at), omega));
                           });
        dz = below;
    }
    add_weight_gradient(plan, 0, tile.outer, dz, hidden.input[0], sums);
    if (!call.dx) return;
    const bool direct = bottom.in == bottom.in_pad && rows == plan.tile;
    float *dx = direct ? call.dx + first * shape.in : tile.gradient(dz != tile.gradient(1));
    tile.rows.set(dz, plan.tile, bottom.out, bottom.out_pad);
    tile.rows.multiply(call.backward[0], zero, [&](Vec sum, int64_t row, int64_t column) NF_ALWAYS {
        store(dx + row * bottom.in_pad + column, sum);
    });
    if (!direct) store_tile(dx, rows, shape.in, bottom.in_pad, call.dx + first * shape.in);
}

template <Activation kind>
void backward(const MlpShape &shape, int64_t n, const float *x, const float *weights,
              const float *kept, const float *dy, float *dx, float *dweights) {
    const Plan plan(shape);
    const Matrices forward = kept ? Matrices() : forward_matrices(plan, weights);
    const Matrices backward = backward_matrices(plan, weights);
    const Scratch<float> biases(plan.layers * plan.widest);
    pack_biases(plan, weights, biases);
    const BackwardCall call = {n, x, forward, biases, backward, kept, dy, dx};
    const int64_t groups = row_groups(n, plan.tile, plan.weights);
    const int64_t stride = plan.sums + plan.layers * plan.widest;
    const Scratch<float> sums(groups * stride);
    parallel_for(groups, [&](int64_t g) {
        float *group = sums + g * stride;
        std::memset(group, 0, stride * sizeof(float));
        BackwardTile tile(plan);
        const int64_t count = tiles(n, plan.tile);
        for (int64_t t = count * g / groups; t < count * (g + 1) / groups; ++t)
            backward_tile<kind>(plan, shape, call, t, tile, group);
    });
    reduce_groups(plan, sums, stride, groups, dweights);
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
