// Multilayer perceptron: sizes whose layers fit in registers in one pass on tensor cores
// (mlp_fused.cu), others layer by layer in float32.
//
// Between layers lie the pre-activations z of a chunk of rows; what reads them applies the
// activation, so that nothing else is stored.
#include "activation.cuh"
#include "mlp_fused.h"
#include "ordered_sum.cuh"
#include "product.cuh"

namespace nf::cuda {

namespace {

// Values of a hidden layer below: act(z), or the input itself.
struct Input {
    const float *z;
    int64_t columns;
    Activation activation;
    float omega;

    __device__ __forceinline__ float at(int64_t row, int64_t column) const {
        const float value = z[row * columns + column];
        return with_activation(
            activation, [&](auto kind) { return activate<decltype(kind)::value>(value, omega); });
    }
    __device__ __forceinline__ float slope_at(int64_t row, int64_t column) const {
        const float value = z[row * columns + column];
        return with_activation(
            activation, [&](auto kind) { return slope<decltype(kind)::value>(value, omega); });
    }
};

// to = W input + b
struct Linear : MultiplyAdd {
    static constexpr bool kLeftAlongDepth = true, kRightAlongDepth = true;
    Input input;
    const float *weight, *bias;  // bias may be null
    int64_t out;
    float *to;

    __device__ __forceinline__ float left(int64_t row, int64_t k) const { return input.at(row, k); }
    __device__ __forceinline__ float right(int64_t k, int64_t column) const {
        return weight[column * input.columns + k];
    }
    __device__ __forceinline__ void store(int64_t row, int64_t column, int64_t, float sum) const {
        to[row * out + column] = sum + (bias ? bias[column] : 0.0f);
    }
};

// to = (dz W) act'(z) of the layer below, or dz W where there is none.
struct LinearGradient : MultiplyAdd {
    static constexpr bool kLeftAlongDepth = true, kRightAlongDepth = false;
    const float *dz, *weight;
    int64_t out;
    Input below;
    float *to;

    __device__ __forceinline__ float left(int64_t row, int64_t k) const {
        return dz[row * out + k];
    }
    __device__ __forceinline__ float right(int64_t k, int64_t column) const {
        return weight[k * below.columns + column];
    }
    __device__ __forceinline__ void store(int64_t row, int64_t column, int64_t, float sum) const {
        to[row * below.columns + column] = sum * below.slope_at(row, column);
    }
};

// dz^T input, beside it dz^T 1.
struct MlpWeightGradient : MultiplyAdd {
    static constexpr bool kLeftAlongDepth = false, kRightAlongDepth = false;
    const float *dz;
    int64_t out;
    Input input;
    SplitSums sums;  // [out][in + 1]

    __device__ __forceinline__ float left(int64_t row, int64_t k) const {
        return dz[k * out + row];
    }
    __device__ __forceinline__ float right(int64_t k, int64_t column) const {
        return column < input.columns ? input.at(k, column) : 1.0f;
    }
    __device__ __forceinline__ void store(int64_t row, int64_t column, int64_t split,
                                          float value) const {
        sums.add(split, row * (input.columns + 1) + column, value);
    }
};

struct WideLayer {
    int64_t in, out, weight, sums;  // where W lies in the weights, its gradient in a split's sums
};

struct WideMlp {
    WideMlp(const MlpShape &shape, const float *weights) : shape(shape), weights(weights) {
        for (int l = 0; l <= shape.hidden; ++l) {
            const int64_t in = l == 0 ? shape.in : shape.width;
            const int64_t out = l == shape.hidden ? shape.out : shape.width;
            layer[l] = {in, out, parameters, sums};
            parameters += out * (in + shape.bias);
            sums += out * (in + 1);
        }
    }
    const float *bias(int l) const {
        const WideLayer &it = layer[l];
        return shape.bias ? weights + it.weight + it.in * it.out : nullptr;
    }
    // What layer l reads: x, or z of the layer below it.
    Input input(int l, const float *from) const {
        if (l == 0) return {from, layer[0].in, kNone, 1.0f};
        return {from, layer[l].in, shape.activation,
                l == 1 ? shape.omega_first : shape.omega_hidden};
    }
    void forward(int l, int64_t rows, const float *from, float *to) const {
        const WideLayer &it = layer[l];
        product(Linear{{}, input(l, from), weights + it.weight, bias(l), it.out, to}, rows, it.out,
                it.in);
    }

    MlpShape shape;
    const float *weights;
    WideLayer layer[kMostLayers];
    int64_t parameters = 0, sums = 0;
};

void wide_forward(const MlpShape &shape, int64_t n, const float *x, const float *weights, float *y,
                  float *kept) {
    const WideMlp net(shape, weights);
    const Chunks chunks(n, 2 * shape.width, net.sums);
    const int64_t size = std::min(n, chunks.rows) * shape.width;
    const Scratch<float> z(kept ? 0 : 2 * size);
    chunks.run([&](int64_t first, int64_t rows) {
        const float *from = x + first * shape.in;
        for (int l = 0; l < shape.hidden; ++l) {
            float *to = kept ? kept + (l * n + first) * shape.width : z + l % 2 * size;
            net.forward(l, rows, from, to);
            from = to;
        }
        net.forward(shape.hidden, rows, from, y + first * shape.out);
    });
    check_launch("mlp_forward");
}

struct WideBackward {
    const WideMlp &net;
    int64_t rows;
    const float *input[kMostLayers];  // of every layer: x, then z of the one below
    const float *dy;
    float *dx;  // may be null
    float *d[2];

    void run(int64_t splits, const SplitSums &sums) const {
        const float *dz = dy;
        for (int l = net.shape.hidden; l >= 0; --l) {
            const WideLayer &it = net.layer[l];
            const Input below = net.input(l, input[l]);
            const SplitSums here = {sums.memory + it.sums, sums.stride, sums.fresh};
            product(MlpWeightGradient{{}, dz, it.out, below, here}, it.out, it.in + 1, rows,
                    splits);
            float *to = l == 0 ? dx : d[l % 2];
            if (!to) return;
            product(LinearGradient{{}, dz, net.weights + it.weight, it.out, below, to}, rows, it.in,
                    it.out);
            dz = to;
        }
    }
};

void add_splits(const WideMlp &net, const Chunks &chunks, const float *sums, float *dweights) {
    ordered_sum(
        net.parameters, chunks.splits, net.sums, sums,
        [=] __device__(int64_t i) {
            int l = net.shape.hidden;
            while (i < net.layer[l].weight) --l;
            const WideLayer &it = net.layer[l];
            const int64_t at = i - it.weight, bias = at - it.in * it.out;
            const int64_t row = bias < 0 ? at / it.in : bias;
            return it.sums + row * (it.in + 1) + (bias < 0 ? at % it.in : it.in);
        },
        [=] __device__(int64_t i, float sum) { dweights[i] = sum; });
}

void wide_backward(const MlpShape &shape, int64_t n, const float *x, const float *weights,
                   const float *kept, const float *dy, float *dx, float *dweights) {
    const WideMlp net(shape, weights);
    const Chunks chunks(n, (shape.hidden + 2) * shape.width, net.sums);
    const int64_t size = std::min(n, chunks.rows) * shape.width;
    const Scratch<float> z(kept ? 0 : shape.hidden * size), d(2 * size);
    const Scratch<float> sums(chunks.splits * net.sums);
    chunks.run([&](int64_t first, int64_t rows) {
        WideBackward call = {net,
                             rows,
                             {x + first * shape.in},
                             dy + first * shape.out,
                             dx ? dx + first * shape.in : nullptr,
                             {d, d + size}};
        for (int l = 0; l < shape.hidden; ++l) {
            if (!kept) net.forward(l, rows, call.input[l], z + l * size);
            call.input[l + 1] = kept ? kept + (l * n + first) * shape.width : z + l * size;
        }
        call.run(chunks.splits, {sums, net.sums, first == 0});
    });
    add_splits(net, chunks, sums, dweights);
    check_launch("mlp_backward");
}

}  // namespace

void mlp_forward(const MlpShape &shape, int64_t n, const float *x, const float *weights, float *y,
                 float *kept) {
    if (MlpPlan::takes(shape)) return fused_mlp_forward(shape, n, x, weights, y);
    wide_forward(shape, n, x, weights, y, kept);
}

void mlp_backward(const MlpShape &shape, int64_t n, const float *x, const float *weights,
                  const float *kept, const float *dy, float *dx, float *dweights) {
    if (MlpPlan::takes(shape)) return fused_mlp_backward(shape, n, x, weights, dy, dx, dweights);
    wide_backward(shape, n, x, weights, kept, dy, dx, dweights);
}

}  // namespace nf::cuda
