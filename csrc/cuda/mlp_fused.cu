// Perceptrons of 16 to 128 neurons a layer: a warp takes 16 rows through all layers in registers.
//
// Products are of halves (11 bits) on tensor cores, summed in float32; x, y and all gradients are
// float32. The backward pass computes the hidden layers again, which costs less than to read them.
// Its upstream gradient is scaled by the power of two that brings the largest to [1, 2), exactly
// undone at the end, so that small gradients keep their bits: nothing is left to the optimizer.
// Groups of rows, whose number depends on the sizes alone, sum a weight gradient each; these are
// added in their order.
#include "mlp_fused.h"

#include "mlp_tile.cuh"
#include "ordered_sum.cuh"

namespace nf::cuda {

namespace {

constexpr int kWarps = 8, kBlockRows = kWarps * kStep;
constexpr int64_t kStaged = 48 << 10;  // bytes of weights that a block holds in shared memory

__device__ __forceinline__ int warp() {
    return threadIdx.x / kLanes;
}

struct ForwardCall {
    int64_t n;
    const float *x;
    const Tile *weights;
    const float *biases;
    float *y;
    bool staged;
};

// The weights, in shared memory where they fit.
__device__ inline const Tile *stage(const MlpPlan &plan, const ForwardCall &call) {
    if (!call.staged) return call.weights;
    Tile *staged = shared_memory<Tile>();
    for (int i = threadIdx.x; i < plan.forward_tiles; i += blockDim.x) staged[i] = call.weights[i];
    __syncthreads();
    return staged;
}

template <int kSteps>
__global__ void __launch_bounds__(kWarps *kLanes) forward_kernel(MlpPlan plan, ForwardCall call) {
    const Tile *weights = stage(plan, call);
    const MlpLayer &top = plan.top();
    const int64_t stride = int64_t{gridDim.x} * kBlockRows;
    for (int64_t first = int64_t{blockIdx.x} * kBlockRows + warp() * kStep; first < call.n;
         first += stride) {
        const Rows rows = {first, call.n};
        Tile h[kSteps];
        Sums z[kSteps];
        for (int l = 0; l < plan.layers - 1; ++l) {
            hidden_layer(plan, l, rows, call.x, weights, call.biases, h, z);
            activate_rows(plan.activation, plan.layer[l].omega, z, h);
        }
        const float *bias = call.biases + (plan.layers - 1) * kMostWidth;
        for (int j = 0; j < top.out_steps; ++j)
            store_tile(rows, product_step(h, weights + top.forward, j, bias), top.out, j, call.y);
    }
}

struct BackwardCall {
    int64_t n;
    const float *x, *dy;
    float *dx;  // may be null
    const Tile *forward, *backward;
    const float *biases;
    const float *largest;  // [kThreads] of dy
    float *unit;           // what the gradients were divided by
    Tile *kept;            // [group][warp][hidden][1 or 2][kSteps][lane]
    float *sums;           // [group][plan.sums]
};

// The largest magnitudes of dy, one a block.
__global__ void largest_kernel(int64_t n, const float *dy, float *largest) {
    __shared__ float shared[kThreads];
    float most = 0;
    for (int64_t i = int64_t{blockIdx.x} * kThreads + threadIdx.x; i < n;
         i += int64_t{gridDim.x} * kThreads)
        most = fmaxf(most, fabsf(dy[i]));
    shared[threadIdx.x] = most;
    __syncthreads();
    for (int half = kThreads / 2; half > 0; half /= 2) {
        if (static_cast<int>(threadIdx.x) < half)
            shared[threadIdx.x] = fmaxf(shared[threadIdx.x], shared[threadIdx.x + half]);
        __syncthreads();
    }
    if (threadIdx.x == 0) largest[blockIdx.x] = shared[0];
}

// The power of two at or below the largest of them all; shared memory of one value a thread.
__device__ inline float gradient_unit(const float *largest, float *shared) {
    shared[threadIdx.x] = largest[threadIdx.x];
    __syncthreads();
    float most = 0;
    for (int i = 0; i < kThreads; ++i) most = fmaxf(most, shared[i]);
    __syncthreads();
    const unsigned exponent = __float_as_uint(most) >> 23;
    return __uint_as_float(max(1u, min(253u, exponent)) << 23);
}

// What the warps of a block show each other of one layer: dz^T and its input, as the sides of the
// weight gradient's products.
struct Shown {
    Tile *left, *right;  // [step][warp][lane]

    __device__ static Tile &at(Tile *side, int step, int warp) {
        return side[(step * kWarps + warp) * kLanes + lane()];
    }
    __device__ void set_left(int step, const Tile &tile) const {
        at(left, step, warp()) = transposed(tile);
    }
    __device__ void set_right(int step, const Tile &tile) const {
        at(right, step, warp()) = as_right(tile);
    }
};

// The input of a bias: a first column of ones.
__device__ __forceinline__ Tile ones() {
    const uint32_t pair = lane() < 4 ? pack_halves(1.0f, 1.0f) : 0;
    return {{pair, pair, 0, 0}};
}

__device__ __forceinline__ Sums sums_at(const float *from, bool fresh) {
    Sums to;
#pragma unroll
    for (int e = 0; e < 8; ++e) to.v[e] = fresh ? 0.0f : from[e];
    return to;
}

// A layer's sums += dz^T input over the block's rows; two columns of tiles at a time.
__device__ inline void add_weight_gradient(const MlpPlan &plan, const MlpLayer &layer,
                                           const Shown &shown, bool fresh, float *sums) {
    const int columns = layer.columns(plan.bias), pairs = (columns + 1) / 2;
    const auto input = [&](int j, int w) {
        return j < layer.in_steps ? Shown::at(shown.right, j, w) : ones();
    };
    __syncthreads();
    for (int u = warp(); u < layer.out_steps * pairs; u += kWarps) {
        const int i = u / pairs, j = u % pairs * 2;
        const bool two = j + 1 < columns;
        float *at = sums + layer.sums + ((i * columns + j) * kLanes + lane()) * 8;
        Sums first = sums_at(at, fresh), second = sums_at(at + 8 * kLanes, fresh || !two);
        for (int w = 0; w < kWarps; ++w) {
            const Tile left = Shown::at(shown.left, i, w);
            multiply(first, left, input(j, w));
            if (two) multiply(second, left, input(j + 1, w));
        }
#pragma unroll
        for (int e = 0; e < 8; ++e) at[e] = first.v[e];
        if (!two) continue;
#pragma unroll
        for (int e = 0; e < 8; ++e) at[8 * kLanes + e] = second.v[e];
    }
    __syncthreads();
}

// A warp's hidden layers, and their slopes where these cannot be read off them.
template <int kSteps>
struct Kept {
    Tile *memory;
    int layers;  // 1 or 2 of them for a hidden layer

    __device__ static Kept of(const MlpPlan &plan, Tile *all) {
        const int layers = keeps_output(plan.activation) ? 1 : 2;
        const int64_t warps = int64_t{blockIdx.x} * kWarps + warp();
        return {all + warps * (plan.layers - 1) * layers * kSteps * kLanes + lane(), layers};
    }
    __device__ Tile &output(int l, int j) const {
        return memory[(l * layers * kSteps + j) * kLanes];
    }
    __device__ Tile &slope(int l, int j) const {
        return memory[((l * layers + layers - 1) * kSteps + j) * kLanes];
    }
};

template <int kSteps>
__device__ __forceinline__ void restore_hidden(const MlpPlan &plan, const BackwardCall &call,
                                               const Rows &rows, const Kept<kSteps> &kept) {
    Tile h[kSteps], slopes[kSteps];
    Sums z[kSteps];
    for (int l = 0; l < plan.layers - 1; ++l) {
        const float omega = plan.layer[l].omega;
        hidden_layer(plan, l, rows, call.x, call.forward, call.biases, h, z);
        activate_rows(plan.activation, omega, z, h);
#pragma unroll
        for (int j = 0; j < kSteps; ++j) kept.output(l, j) = h[j];
        if (kept.layers == 1) continue;
        slopes_of_rows(plan.activation, omega, z, slopes);
#pragma unroll
        for (int j = 0; j < kSteps; ++j) kept.slope(l, j) = slopes[j];
    }
}

// dz = d act'(z)
template <int kSteps>
__device__ __forceinline__ void times_slope(Activation activation, const Kept<kSteps> &kept, int l,
                                            Sums (&d)[kSteps], Tile (&dz)[kSteps]) {
#pragma unroll
    for (int j = 0; j < kSteps; ++j) {
        const Tile slope = kept.slope(l, j);
#pragma unroll
        for (int r = 0; r < 4 && activation != kNone; ++r) {
            const float2 pair = unpack_halves(slope.v[r]);
            const bool relu = activation == kRelu;
            d[j].v[2 * r] *= relu ? pair.x > 0.0f : pair.x;
            d[j].v[2 * r + 1] *= relu ? pair.y > 0.0f : pair.y;
        }
        dz[j] = packed(d[j]);
    }
}

__device__ __forceinline__ Sums scaled(Sums sums, float factor) {
#pragma unroll
    for (int e = 0; e < 8; ++e) sums.v[e] *= factor;
    return sums;
}

// d of the last hidden layer from dy.
template <int kSteps>
__device__ __forceinline__ void backward_top(const MlpPlan &plan, const BackwardCall &call,
                                             const Rows &rows, float scale, const Shown &shown,
                                             Sums (&d)[kSteps]) {
    const MlpLayer &top = plan.top();
    start(nullptr, d);
    for (int k = 0; k < top.out_steps; ++k) {
        const Tile dz = packed(scaled(load_tile(rows, call.dy, top.out, k), scale));
        shown.set_left(k, dz);
        add_step(dz, call.backward + top.backward, k, top.out_steps, d);
    }
}

// d of the layer below, or dx.
template <int kSteps>
__device__ __forceinline__ void backward_hidden(const MlpPlan &plan, int l, const BackwardCall &call,
                                                const Rows &rows, float unit,
                                                const Tile (&dz)[kSteps], Sums (&d)[kSteps]) {
    const MlpLayer &layer = plan.layer[l];
    const Tile *weights = call.backward + layer.backward;
    start(nullptr, d);
    if (l > 0) return multiply_rows(dz, weights, d);
    for (int j = 0; j < layer.in_steps && call.dx; ++j)
        store_tile(rows, scaled(product_step(dz, weights, j, nullptr), unit), layer.in, j, call.dx);
}

template <int kSteps>
__device__ __forceinline__ void backward_rows(const MlpPlan &plan, const BackwardCall &call,
                                              const Rows &rows, float unit, const Shown &shown,
                                              bool fresh, float *sums) {
    const Kept<kSteps> kept = Kept<kSteps>::of(plan, call.kept);
    restore_hidden(plan, call, rows, kept);
    Sums d[kSteps];
    backward_top(plan, call, rows, 1.0f / unit, shown, d);
    for (int l = plan.layers - 1; l >= 0; --l) {
        const MlpLayer &layer = plan.layer[l];
        if (l < plan.layers - 1) {
            Tile dz[kSteps];
            times_slope(plan.activation, kept, l, d, dz);
#pragma unroll
            for (int j = 0; j < kSteps; ++j) shown.set_left(j, dz[j]);
            backward_hidden(plan, l, call, rows, unit, dz, d);
        }
        for (int j = 0; j < layer.in_steps; ++j)
            shown.set_right(j, l > 0 ? kept.output(l - 1, j)
                                     : packed(load_tile(rows, call.x, layer.in, j)));
        add_weight_gradient(plan, layer, shown, fresh, sums);
    }
}

template <int kSteps>
__global__ void __launch_bounds__(kWarps *kLanes)
    backward_kernel(MlpPlan plan, BackwardCall call, int out_steps) {
    Tile *left = shared_memory<Tile>();
    const Shown shown = {left, left + out_steps * kWarps * kLanes};
    const float unit = gradient_unit(call.largest, reinterpret_cast<float *>(left));
    if (blockIdx.x == 0 && threadIdx.x == 0) *call.unit = unit;
    const int64_t tiles = (call.n + kBlockRows - 1) / kBlockRows;
    const int64_t begin = tiles * blockIdx.x / gridDim.x;
    const int64_t end = tiles * (blockIdx.x + 1) / gridDim.x;
    float *sums = call.sums + blockIdx.x * plan.sums;
    for (int64_t t = begin; t < end; ++t)
        backward_rows<kSteps>(plan, call, {t * kBlockRows + warp() * kStep, call.n}, unit, shown,
                              t == begin, sums);
}

// Where a parameter's gradient lies in the sums of a group.
__device__ inline int64_t sum_of(const MlpPlan &plan, int64_t parameter) {
    int l = plan.layers - 1;
    while (parameter < plan.layer[l].weight) --l;
    const MlpLayer &layer = plan.layer[l];
    const int64_t i = parameter - layer.weight, weights = int64_t{layer.in} * layer.out;
    const int64_t row = i < weights ? i / layer.in : i - weights;
    const int64_t column = i < weights ? i % layer.in : layer.in_steps * kStep;
    const int64_t tile = row / kStep * layer.columns(plan.bias) + column / kStep;
    const int64_t in_lane = column % 2 + row / 8 % 2 * 2 + column / 8 % 2 * 4;
    return layer.sums + (tile * kLanes + row % 8 * 4 + column % 8 / 2) * 8 + in_lane;
}

// Groups of rows with sums of their own: enough for many processors, few enough to be added up
// quickly and to take at most 64 MiB.
int64_t row_groups(const MlpPlan &plan, int64_t n) {
    const int64_t tiles = (n + kBlockRows - 1) / kBlockRows, most = (int64_t{1} << 24) / plan.sums;
    return std::min(tiles, std::max(int64_t{16}, std::min(int64_t{256}, most)));
}

template <int kSteps>
void forward(const MlpPlan &plan, const ForwardCall &call) {
    const int64_t blocks = std::min<int64_t>((call.n + kBlockRows - 1) / kBlockRows, 1024);
    launch(forward_kernel<kSteps>, static_cast<unsigned>(blocks), kWarps * kLanes,
           call.staged ? plan.forward_tiles * sizeof(Tile) : 0, plan, call);
}

template <int kSteps>
void backward(const MlpPlan &plan, const BackwardCall &call, int64_t groups) {
    int in_steps = 0, out_steps = 0;
    for (int l = 0; l < plan.layers; ++l) {
        in_steps = std::max(in_steps, plan.layer[l].in_steps);
        out_steps = std::max(out_steps, plan.layer[l].out_steps);
    }
    const size_t shared = (in_steps + out_steps) * kWarps * kLanes * sizeof(Tile);
    check(cudaFuncSetAttribute(backward_kernel<kSteps>, cudaFuncAttributeMaxDynamicSharedMemorySize,
                               static_cast<int>(shared)),
          "mlp_backward");
    launch(backward_kernel<kSteps>, static_cast<unsigned>(groups), kWarps * kLanes, shared, plan,
           call, out_steps);
}

}  // namespace

void fused_mlp_forward(const MlpShape &shape, int64_t n, const float *x, const float *weights,
                       float *y) {
    if (n == 0) return;
    const MlpPlan plan(shape);
    const PackedMlp packed(plan, weights);
    const bool staged = plan.forward_tiles * static_cast<int64_t>(sizeof(Tile)) <= kStaged;
    const ForwardCall call = {n, x, packed.forward, packed.biases, y, staged};
    if (plan.steps == 1) forward<1>(plan, call);
    if (plan.steps == 2) forward<2>(plan, call);
    if (plan.steps == 4) forward<4>(plan, call);
    if (plan.steps == 8) forward<8>(plan, call);
    check_launch("mlp_forward");
}

void fused_mlp_backward(const MlpShape &shape, int64_t n, const float *x, const float *weights,
                        const float *dy, float *dx, float *dweights) {
    const MlpPlan plan(shape);
    const PackedMlp packed(plan, weights);
    const int64_t groups = row_groups(plan, n);
    const int kept_layers = (plan.layers - 1) * (keeps_output(plan.activation) ? 1 : 2);
    const Scratch<Tile> kept(groups * kWarps * kept_layers * plan.steps * kLanes);
    const Scratch<float> sums(groups * plan.sums), largest(kThreads), unit(1);
    launch(largest_kernel, kThreads, kThreads, 0, n * shape.out, dy, largest);
    const BackwardCall call = {n,           x,  dy, dx, packed.forward, packed.backward,
                               packed.biases, largest, unit, kept, sums};
    if (plan.steps == 1) backward<1>(plan, call, groups);
    if (plan.steps == 2) backward<2>(plan, call, groups);
    if (plan.steps == 4) backward<4>(plan, call, groups);
    if (plan.steps == 8) backward<8>(plan, call, groups);
    const float *factor = unit;
    ordered_sum(
        plan.parameters, groups, plan.sums, sums,
        [=] __device__(int64_t i) { return sum_of(plan, i); },
        [=] __device__(int64_t i, float sum) { dweights[i] = groups ? sum * *factor : 0.0f; });
    check_launch("mlp_backward");
}

}  // namespace nf::cuda
