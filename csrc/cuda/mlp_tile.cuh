// What a warp does with 16 rows of a perceptron: their layers, held in registers.
#pragma once

#include "activation.cuh"
#include "mlp_pack.cuh"

namespace nf::cuda {

// The 16 rows from `first` on, of which those below n are there.
struct Rows {
    int64_t first, n;
    __device__ __forceinline__ int64_t row(int element) const { return first + row_of(element); }
};

// Whether neighbours in a row can be read and written two at a time.
__device__ __forceinline__ bool in_pairs(const float *matrix, int columns) {
    return columns % 2 == 0 && reinterpret_cast<uintptr_t>(matrix) % sizeof(float2) == 0;
}

// A tile of a row-major matrix, zeros where there is nothing.
__device__ __forceinline__ Sums load_tile(const Rows &rows, const float *from, int columns,
                                          int step) {
    const bool pairs = in_pairs(from, columns);
    Sums to;
#pragma unroll
    for (int e = 0; e < 8; e += 2) {
        const int column = step * kStep + column_of(e), left = columns - column;
        const float *at = from + rows.row(e) * columns + column;
        float2 two = make_float2(0.0f, 0.0f);
        if (rows.row(e) < rows.n && left > 0) {
            if (pairs)
                two = __ldg(reinterpret_cast<const float2 *>(at));
            else
                two = make_float2(__ldg(at), left > 1 ? __ldg(at + 1) : 0.0f);
        }
        to.v[e] = two.x, to.v[e + 1] = two.y;
    }
    return to;
}

__device__ __forceinline__ void store_tile(const Rows &rows, const Sums &from, int columns,
                                           int step, float *to) {
    const bool pairs = in_pairs(to, columns);
#pragma unroll
    for (int e = 0; e < 8; e += 2) {
        const int column = step * kStep + column_of(e), left = columns - column;
        if (rows.row(e) >= rows.n || left <= 0) continue;
        float *at = to + rows.row(e) * columns + column;
        if (pairs) {
            *reinterpret_cast<float2 *>(at) = make_float2(from.v[e], from.v[e + 1]);
            continue;
        }
        at[0] = from.v[e];
        if (left > 1) at[1] = from.v[e + 1];
    }
}

// A tile of coordinates h + l in the columns h, l, h (mlp_plan.h).
__device__ __forceinline__ Sums load_split(const Rows &rows, const float *x, int in) {
    Sums to;
#pragma unroll
    for (int e = 0; e < 8; ++e) {
        const int column = column_of(e);
        const bool there = rows.row(e) < rows.n && column < 3 * in;
        const float value = there ? __ldg(x + rows.row(e) * in + column % in) : 0.0f;
        to.v[e] = column / in == 1 ? rest(value) : value;
    }
    return to;
}

__device__ __forceinline__ Sums load_input(const MlpPlan &plan, const Rows &rows, const float *x,
                                           int step) {
    const int in = plan.layer[0].in;
    return plan.split ? load_split(rows, x, in) : load_tile(rows, x, in, step);
}

// Tiles of `columns` 16s of one row of them, from the rows' biases or from zero.
template <int kSteps>
__device__ __forceinline__ void start(const float *bias, Sums (&sums)[kSteps]) {
#pragma unroll
    for (int j = 0; j < kSteps; ++j)
#pragma unroll
        for (int e = 0; e < 8; ++e) sums[j].v[e] = bias ? bias[j * kStep + column_of(e)] : 0.0f;
}

// sums += left times step k of the right side.
template <int kSteps>
__device__ __forceinline__ void add_step(const Tile &left, const Tile *right, int k, int depth,
                                         Sums (&sums)[kSteps]) {
#pragma unroll
    for (int j = 0; j < kSteps; ++j)
        multiply(sums[j], left, right[(j * depth + k) * kLanes + lane()]);
}

template <int kSteps>
__device__ __forceinline__ void multiply_rows(const Tile (&left)[kSteps], const Tile *right,
                                              Sums (&sums)[kSteps]) {
#pragma unroll
    for (int k = 0; k < kSteps; ++k) add_step(left[k], right, k, kSteps, sums);
}

// z of layer l from the layer below it, or from x.
template <int kSteps>
__device__ __forceinline__ void hidden_layer(const MlpPlan &plan, int l, const Rows &rows,
                                             const float *x, const Tile *weights,
                                             const float *biases, const Tile (&below)[kSteps],
                                             Sums (&z)[kSteps]) {
    const MlpLayer &layer = plan.layer[l];
    start(biases + l * kMostWidth, z);
    if (l > 0) return multiply_rows(below, weights + layer.forward, z);
    for (int k = 0; k < layer.in_steps; ++k)
        add_step(packed(load_input(plan, rows, x, k)), weights + layer.forward, k, layer.in_steps,
                 z);
}

template <int kSteps>
__device__ __forceinline__ void activate_rows(Activation activation, float omega,
                                              const Sums (&z)[kSteps], Tile (&h)[kSteps]) {
    with_activation(activation, [&](auto kind) {
#pragma unroll
        for (int j = 0; j < kSteps; ++j) {
            Sums a;
#pragma unroll
            for (int e = 0; e < 8; ++e) a.v[e] = activate<kind.value>(z[j].v[e], omega);
            h[j] = packed(a);
        }
    });
}

template <int kSteps>
__device__ __forceinline__ void slopes_of_rows(Activation activation, float omega,
                                               const Sums (&z)[kSteps], Tile (&to)[kSteps]) {
    with_activation(activation, [&](auto kind) {
#pragma unroll
        for (int j = 0; j < kSteps; ++j) {
            Sums a;
#pragma unroll
            for (int e = 0; e < 8; ++e) a.v[e] = slope<kind.value>(z[j].v[e], omega);
            to[j] = packed(a);
        }
    });
}

// One step of 16 columns of a product whose depth is the width.
template <int kSteps>
__device__ __forceinline__ Sums product_step(const Tile (&left)[kSteps], const Tile *right, int j,
                                             const float *bias) {
    Sums sums[1];
    start(bias ? bias + j * kStep : nullptr, sums);
#pragma unroll
    for (int k = 0; k < kSteps; ++k)
        multiply(sums[0], left[k], right[(j * kSteps + k) * kLanes + lane()]);
    return sums[0];
}

}  // namespace nf::cuda
