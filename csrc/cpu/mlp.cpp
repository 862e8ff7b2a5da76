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

namespace nf::NF_ISA {

namespace {

constexpr int64_t kTile = 128;
constexpr int kMaxLayers = 9;

struct Layer {
    int in, out;
    int64_t weight, bias;        // offsets in `weights`
    int64_t in_pad, out_pad;     // whole vectors
    int64_t forward, backward;   // offsets of the packed W^T [in][out_pad], W [out_pad][in_pad]
};

struct Plan {
    int layers;
    Layer layer[kMaxLayers];
    int64_t weights, packed_forward, packed_backward;
    int64_t widest;
};

Plan make_plan(const MlpShape &shape) {
    Plan plan{};
    plan.layers = shape.hidden + 1;
    for (int l = 0; l < plan.layers; ++l) {
        Layer &layer = plan.layer[l];
        layer.in = l == 0 ? shape.in : shape.width;
        layer.out = l == shape.hidden ? shape.out : shape.width;
        layer.in_pad = round_up(layer.in, kLanes);
        layer.out_pad = round_up(layer.out, kLanes);
        layer.weight = plan.weights;
        layer.bias = layer.weight + static_cast<int64_t>(layer.in) * layer.out;
        plan.weights = layer.bias + (shape.bias ? layer.out : 0);
        layer.forward = plan.packed_forward;
        plan.packed_forward += layer.in * layer.out_pad;
        layer.backward = plan.packed_backward;
        plan.packed_backward += layer.out_pad * layer.in_pad;
        if (layer.in_pad > plan.widest) plan.widest = layer.in_pad;
        if (layer.out_pad > plan.widest) plan.widest = layer.out_pad;
    }
    return plan;
}

void pack_forward(const Plan &plan, const float *weights, float *packed) {
    std::memset(packed, 0, plan.packed_forward * sizeof(float));
    for (int l = 0; l < plan.layers; ++l) {
        const Layer &layer = plan.layer[l];
        for (int64_t o = 0; o < layer.out; ++o)
            for (int64_t i = 0; i < layer.in; ++i)
                packed[layer.forward + i * layer.out_pad + o] =
                    weights[layer.weight + o * layer.in + i];
    }
}

void pack_backward(const Plan &plan, const float *weights, float *packed) {
    std::memset(packed, 0, plan.packed_backward * sizeof(float));
    for (int l = 0; l < plan.layers; ++l) {
        const Layer &layer = plan.layer[l];
        for (int64_t o = 0; o < layer.out; ++o)
            std::memcpy(packed + layer.backward + o * layer.in_pad,
                        weights + layer.weight + o * layer.in, layer.in * sizeof(float));
    }
}

// Rows [0, rows) of a dense matrix as a padded tile: the matrix itself where it fits, else a copy.
const float *load_tile(const float *source, int64_t rows, int64_t columns, int64_t pad, float *copy) {
    if (columns == pad && rows == kTile) return source;
    std::memset(copy, 0, kTile * pad * sizeof(float));
    for (int64_t r = 0; r < rows; ++r)
        std::memcpy(copy + r * pad, source + r * columns, columns * sizeof(float));
    return copy;
}

void store_tile(const float *tile, int64_t rows, int64_t columns, int64_t pad, float *target) {
    if (columns == pad) {
        std::memcpy(target, tile, rows * columns * sizeof(float));
        return;
    }
    for (int64_t r = 0; r < rows; ++r)
        std::memcpy(target + r * columns, tile + r * pad, columns * sizeof(float));
}

void add_bias(const Layer &layer, const float *weights, float *tile) {
    for (int64_t o = 0; o < layer.out; ++o)
        for (int64_t r = 0; r < kTile; ++r) tile[r * layer.out_pad + o] += weights[layer.bias + o];
}

template <Activation kind>
void activate_tile(const float *z, int64_t size, float *h) {
    for (int64_t i = 0; i < size; i += kLanes) store(h + i, activate<kind>(load(z + i)));
}

template <Activation kind>
void scale_by_slope(const float *z, int64_t size, float *d) {
    for (int64_t i = 0; i < size; i += kLanes)
        store(d + i, load(d + i) * activation_slope<kind>(load(z + i)));
}

template <Activation kind>
void forward(const MlpShape &shape, int64_t n, const float *x, const float *weights, float *y,
             float *saved) {
    const Plan plan = make_plan(shape);
    const Scratch<float> packed(plan.packed_forward);
    pack_forward(plan, weights, packed);
    parallel_for((n + kTile - 1) / kTile, [&](int64_t b) {
        const int64_t first = b * kTile, rows = least(kTile, n - first);
        const Scratch<float> even(kTile * plan.widest), odd(kTile * plan.widest);
        const float *input = load_tile(x + first * shape.in, rows, shape.in,
                                       round_up(shape.in, kLanes), even);
        for (int l = 0; l < plan.layers; ++l) {
            const Layer &layer = plan.layer[l];
            float *output = input == odd ? even : odd;
            gemm<false>({input, layer.in_pad, 1}, packed + layer.forward, layer.out_pad, output,
                        layer.out_pad, kTile, layer.out_pad, layer.in);
            if (shape.bias) add_bias(layer, weights, output);
            if (l < shape.hidden) {
                if (saved)
                    store_tile(output, rows, layer.out, layer.out_pad,
                               saved + (l * n + first) * shape.width);
                activate_tile<kind>(output, kTile * layer.out_pad, output);
            }
            input = output;
        }
        store_tile(input, rows, shape.out, round_up(shape.out, kLanes), y + first * shape.out);
    });
}

// Tile buffers of one backward pass: activations of every layer, and two gradients.
struct BackwardTile {
    BackwardTile(const Plan &plan)
        : memory(kTile * plan.widest * (plan.layers + 3)), size(kTile * plan.widest),
          layers(plan.layers) {}
    float *activation(int l) { return memory + l * size; }
    float *gradient(int parity) { return memory + (layers + parity) * size; }
    float *z() { return memory + (layers + 2) * size; }

    Scratch<float> memory;
    int64_t size;
    int layers;
};

template <Activation kind>
void backward_tile(const MlpShape &shape, const Plan &plan, int64_t n, int64_t first, int64_t rows,
                   const float *x, const float *packed, const float *saved, const float *dy,
                   float *dx, BackwardTile &tile, float *dweights, float *dbias) {
    const float *input[kMaxLayers];
    const Layer &bottom = plan.layer[0], &top = plan.layer[shape.hidden];
    input[0] = load_tile(x + first * shape.in, rows, shape.in, bottom.in_pad, tile.activation(0));
    for (int l = 1; l < plan.layers; ++l) {
        const float *z = load_tile(saved + ((l - 1) * n + first) * shape.width, rows, shape.width,
                                   plan.layer[l].in_pad, tile.activation(l));
        activate_tile<kind>(z, kTile * plan.layer[l].in_pad, tile.activation(l));
        input[l] = tile.activation(l);
    }
    const float *dz =
        load_tile(dy + first * shape.out, rows, shape.out, top.out_pad, tile.gradient(1));
    for (int l = shape.hidden; l >= 0; --l) {
        const Layer &layer = plan.layer[l];
        gemm<true>({dz, 1, layer.out_pad}, input[l], layer.in_pad, dweights + layer.backward,
                   layer.in_pad, layer.out_pad, layer.in_pad, kTile);
        if (shape.bias)
            for (int64_t r = 0; r < kTile; ++r)
                for (int64_t o = 0; o < layer.out_pad; o += kLanes)
                    store(dbias + l * plan.widest + o,
                          load(dbias + l * plan.widest + o) + load(dz + r * layer.out_pad + o));
        if (l == 0 && !dx) return;
        float *below = tile.gradient(dz == tile.gradient(0));
        gemm<false>({dz, layer.out_pad, 1}, packed + layer.backward, layer.in_pad, below,
                    layer.in_pad, kTile, layer.in_pad, layer.out);
        if (l > 0) {
            const float *z = load_tile(saved + ((l - 1) * n + first) * shape.width, rows,
                                       shape.width, layer.in_pad, tile.z());
            scale_by_slope<kind>(z, kTile * layer.in_pad, below);
        }
        dz = below;
    }
    store_tile(dz, rows, shape.in, bottom.in_pad, dx + first * shape.in);
}

// Groups of rows with a gradient of their own: enough for many cores, few enough to add up quickly.
int64_t row_groups(int64_t n, int64_t gradient) {
    const int64_t most = gradient > (1 << 16) ? 16 : 64;
    return least(most, (n + 8 * kTile - 1) / (8 * kTile));
}

// The padded sums of all groups, in their order, into the layout of `weights`.
void reduce_groups(const MlpShape &shape, const Plan &plan, const float *sums, int64_t stride,
                   int64_t groups, float *dweights) {
    for (int l = 0; l < plan.layers; ++l) {
        const Layer &layer = plan.layer[l];
        parallel_for(layer.out, [&](int64_t o) {
            for (int64_t i = 0; i < layer.in; ++i) {
                float sum = 0;
                const float *term = sums + layer.backward + o * layer.in_pad + i;
                for (int64_t g = 0; g < groups; ++g) sum += term[g * stride];
                dweights[layer.weight + o * layer.in + i] = sum;
            }
            if (shape.bias) {
                float sum = 0;
                const float *term = sums + plan.packed_backward + l * plan.widest + o;
                for (int64_t g = 0; g < groups; ++g) sum += term[g * stride];
                dweights[layer.bias + o] = sum;
            }
        });
    }
}

template <Activation kind>
void backward(const MlpShape &shape, int64_t n, const float *x, const float *weights,
              const float *saved, const float *dy, float *dx, float *dweights) {
    const Plan plan = make_plan(shape);
    const Scratch<float> packed(plan.packed_backward);
    pack_backward(plan, weights, packed);
    const int64_t groups = row_groups(n, plan.weights);
    const int64_t stride = plan.packed_backward + plan.layers * plan.widest;
    const Scratch<float> sums(groups * stride);
    const int64_t tiles = (n + kTile - 1) / kTile;
    parallel_for(groups, [&](int64_t g) {
        float *group = sums + g * stride;
        std::memset(group, 0, stride * sizeof(float));
        BackwardTile tile(plan);
        for (int64_t b = tiles * g / groups; b < tiles * (g + 1) / groups; ++b)
            backward_tile<kind>(shape, plan, n, b * kTile, least(kTile, n - b * kTile), x, packed,
                                saved, dy, dx, tile, group, group + plan.packed_backward);
    });
    reduce_groups(shape, plan, sums, stride, groups, dweights);
}

}  // namespace

#define NF_FOR_ACTIVATION(run, ...)                        \
    switch (shape.activation) {                            \
        case kNone: return run<kNone>(__VA_ARGS__);        \
        case kRelu: return run<kRelu>(__VA_ARGS__);        \
        case kSoftplus: return run<kSoftplus>(__VA_ARGS__); \
        case kSine: return run<kSine>(__VA_ARGS__);        \
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
