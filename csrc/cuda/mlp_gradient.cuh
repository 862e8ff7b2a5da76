// The backward pass of a fused perceptron (mlp_fused.cu): what a block does with its rows.
#pragma once

#include "mlp_tile.cuh"

namespace nf::cuda {

constexpr int kWarps = 8, kBlockRows = kWarps * kStep;

__device__ __forceinline__ int warp() {
    return threadIdx.x / kLanes;
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
static __global__ void largest_kernel(int64_t n, const float *dy, float *largest) {
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
    for (int e = 0; e < 8; ++e) to.v[e] = fresh ? 0.0f : from[e * kLanes];
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
        float *at = sums + layer.sums + (i * columns + j) * kTileSums + lane();
        Sums first = sums_at(at, fresh), second = sums_at(at + kTileSums, fresh || !two);
        for (int w = 0; w < kWarps; ++w) {
            const Tile left = Shown::at(shown.left, i, w);
            multiply(first, left, input(j, w));
            if (two) multiply(second, left, input(j + 1, w));
        }
#pragma unroll
        for (int e = 0; e < 8; ++e) at[e * kLanes] = first.v[e];
        if (!two) continue;
#pragma unroll
        for (int e = 0; e < 8; ++e) at[kTileSums + e * kLanes] = second.v[e];
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
__device__ __forceinline__ void backward_hidden(const MlpPlan &plan, int l,
                                                const BackwardCall &call, const Rows &rows,
                                                float unit, const Tile (&dz)[kSteps],
                                                Sums (&d)[kSteps]) {
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
            shown.set_right(
                j, l > 0 ? kept.output(l - 1, j) : packed(load_tile(rows, call.x, layer.in, j)));
        add_weight_gradient(plan, layer, shown, fresh, sums);
    }
}

}  // namespace nf::cuda
