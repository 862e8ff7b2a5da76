// One layer of coordinate-aware modulation: z = W x + b, n = norm(z), y = act(gamma n + beta).
//
// Products are in float32. Without a norm the modulation is part of the product; else z is stored
// (in the place of n or y) and a second pass normalises and modulates, a warp a row.
#include "normalization.cuh"
#include "ordered_sum.cuh"
#include "product.cuh"

namespace nf::cuda {

namespace {

constexpr int kRowWarps = kThreads / 32;

// What the rows of a call have in common.
struct Call {
    ModulatedLayerShape shape;
    ModulatedLayer layer;

    // Where the scale (and the shift) of an element lies.
    __device__ __forceinline__ int64_t modulation(int64_t row, int64_t column) const {
        return shape.modulation > 1 ? row * shape.modulation + column : row;
    }
    __device__ __forceinline__ float argument(int64_t row, int64_t column, float normal) const {
        const int64_t at = modulation(row, column);
        return layer.gamma[at] * normal + layer.beta[at];
    }
    __device__ __forceinline__ float modulated(int64_t row, int64_t column, float normal) const {
        const float a = argument(row, column, normal);
        return shape.activation == kRelu && a <= 0.0f ? 0.0f : a;  // NaN stays NaN
    }
};

// What the forward pass fills; normal and scale may be null.
struct Outputs {
    float *y, *normal, *scale;
};

// z = W x + b, in the place of normal or y; without a norm all of the layer.
struct Linear : MultiplyAdd {
    static constexpr bool kLeftAlongDepth = true, kRightAlongDepth = true;
    Call call;
    Outputs to;

    __device__ __forceinline__ float left(int64_t row, int64_t k) const {
        return call.layer.x[row * call.shape.in + k];
    }
    __device__ __forceinline__ float right(int64_t k, int64_t column) const {
        return call.layer.weight[column * call.shape.in + k];
    }
    __device__ __forceinline__ void store(int64_t row, int64_t column, int64_t, float sum) const {
        const int64_t at = row * call.shape.out + column;
        const float z = sum + call.layer.bias[column];
        if (call.shape.norm != kNoNorm) {
            (to.normal ? to.normal : to.y)[at] = z;
            return;
        }
        if (to.normal) to.normal[at] = z;
        to.y[at] = call.modulated(row, column, z);
    }
};

// Runs body(row, lane) with a warp for every row.
template <class Body>
__global__ void rows_kernel(int64_t n, Body body) {
    const int64_t row = int64_t{blockIdx.x} * kRowWarps + threadIdx.x / 32;
    if (row < n) body(row, threadIdx.x % 32);
}

template <class Body>
void for_rows(int64_t n, const Body &body) {
    launch(rows_kernel<Body>, blocks(n, kRowWarps), kThreads, 0, n, body);
}

// n = (z - mean) scale of one element, and y.
__device__ __forceinline__ void modulate(const Call &call, const Outputs &to, int64_t row,
                                         int64_t column, float mean, float scale) {
    const int64_t at = row * call.shape.out + column;
    const float n = ((to.normal ? to.normal : to.y)[at] - mean) * scale;
    if (to.normal) to.normal[at] = n;
    to.y[at] = call.modulated(row, column, n);
}

void normalize_rows(const Call &call, int64_t n, const Outputs &to) {
    for_rows(n, [=] __device__(int64_t row, int lane) {
        const int64_t out = call.shape.out;
        const float *z = (to.normal ? to.normal : to.y) + row * out;
        float total = 0, squares = 0;
        for (int64_t c = lane; c < out; c += 32) total += z[c];
        const float mean = warp_sum(total) / out;
        for (int64_t c = lane; c < out; c += 32) squares += (z[c] - mean) * (z[c] - mean);
        const float scale = 1.0f / sqrtf(warp_sum(squares) / out + kEpsilon);
        if (to.scale && lane == 0) to.scale[row] = scale;
        for (int64_t c = lane; c < out; c += 32) modulate(call, to, row, c, mean, scale);
    });
}

void normalize_groups(const Call &call, int64_t n, const Outputs &to) {
    const ModulatedLayerShape &shape = call.shape;
    const Parts parts(shape, n);
    const Scratch<float> memory(parts.size()), mean(units(shape, n));
    const Scratch<float> dropped(to.scale ? 0 : units(shape, n));
    const int64_t out = shape.out;
    const float *z = to.normal ? to.normal : to.y, *means = mean;
    float *scales = to.scale ? to.scale : dropped;
    for_parts(parts, memory, [=] __device__(int64_t first, int64_t rows, int64_t c) {
        return moments(z + first * out + c, rows, out);
    });
    launch(statistics_kernel, static_cast<unsigned>(parts.groups), kThreads, 0, parts,
           shape.norm == kInstanceNorm, memory, mean, scales);
    for_each("modulated_layer_forward", n * out, [=] __device__(int64_t i) {
        const int64_t row = i / out, column = i % out, unit = unit_of(call.shape, row, column);
        modulate(call, to, row, column, means[unit], scales[unit]);
    });
}

// What the forward pass kept, and the gradient of y.
struct Kept {
    const float *normal, *scale, *dy;
};

// dn = gamma act'(gamma n + beta) dy of all rows, and what it leaves for gamma and beta; with the
// norm of a row, or none, dz.
void modulate_backward(const Call &call, int64_t n, const Kept &kept,
                       const ModulatedLayerGradients &to, float *d) {
    for_rows(n, [=] __device__(int64_t row, int lane) {
        const int64_t out = call.shape.out, first = row * out;
        const bool each = call.shape.modulation > 1;
        float scales = 0, shifts = 0, total = 0, slopes = 0;
        for (int64_t c = lane; c < out; c += 32) {
            const float normal = kept.normal[first + c], a = call.argument(row, c, normal);
            const float da =
                call.shape.activation == kRelu && a <= 0.0f ? 0.0f : kept.dy[first + c];
            const int64_t at = call.modulation(row, c);
            const float dn = call.layer.gamma[at] * da;
            d[first + c] = dn;
            if (each) to.dgamma[at] = da * normal, to.dbeta[at] = da;
            scales += da * normal, shifts += da;
            total += dn, slopes += dn * normal;
        }
        if (!each) {
            scales = warp_sum(scales), shifts = warp_sum(shifts);
            if (lane == 0) to.dgamma[row] = scales, to.dbeta[row] = shifts;
        }
        if (call.shape.norm != kLayerNorm) return;
        const float mean = warp_sum(total) / out, slope = warp_sum(slopes) / out;
        for (int64_t c = lane; c < out; c += 32)
            d[first + c] = (d[first + c] - mean - kept.normal[first + c] * slope) * kept.scale[row];
    });
}

// dz = scale (dn - mean(dn) - n mean(dn n)), in place; the means are over the element's unit.
void normalize_groups_backward(const ModulatedLayerShape &shape, int64_t n, const Kept &kept,
                               float *d) {
    const Parts parts(shape, n);
    const Scratch<float> memory(parts.size()), mean(units(shape, n)), slope(units(shape, n));
    const int64_t out = shape.out;
    const float *means = mean, *slopes = slope;
    for_parts(parts, memory, [=] __device__(int64_t first, int64_t rows, int64_t c) {
        float2 sums = make_float2(0, 0);
        for (int64_t at = first * out + c; at < (first + rows) * out; at += out)
            sums.x += d[at], sums.y += d[at] * kept.normal[at];
        return sums;
    });
    launch(slopes_kernel, static_cast<unsigned>(parts.groups), kThreads, 0, parts,
           shape.norm == kInstanceNorm, memory, mean, slope);
    for_each("modulated_layer_backward", n * out, [=] __device__(int64_t i) {
        const int64_t unit = unit_of(shape, i / out, i % out);
        d[i] = (d[i] - means[unit] - kept.normal[i] * slopes[unit]) * kept.scale[unit];
    });
}

// dx = dz W
struct InputGradient : MultiplyAdd {
    static constexpr bool kLeftAlongDepth = true, kRightAlongDepth = false;
    const float *dz, *weight;
    int64_t in, out;
    float *dx;

    __device__ __forceinline__ float left(int64_t row, int64_t k) const {
        return dz[row * out + k];
    }
    __device__ __forceinline__ float right(int64_t k, int64_t column) const {
        return weight[k * in + column];
    }
    __device__ __forceinline__ void store(int64_t row, int64_t column, int64_t, float sum) const {
        dx[row * in + column] = sum;
    }
};

void weight_gradient(const Call &call, int64_t n, const float *dz,
                     const ModulatedLayerGradients &to) {
    const int64_t in = call.shape.in, out = call.shape.out, size = out * (in + 1);
    const Chunks chunks(n, in + out, size);
    const Scratch<float> sums(chunks.splits * size);
    chunks.run([&](int64_t first, int64_t rows) {
        WeightGradient::run(
            {{}, dz + first * out, call.layer.x + first * in, out, in, {sums, size, first == 0}},
            rows, chunks.splits);
    });
    ordered_sum(
        size, chunks.splits, size, sums, [] __device__(int64_t i) { return i; },
        [=] __device__(int64_t i, float sum) {
            const int64_t row = i / (in + 1), column = i % (in + 1);
            if (column < in)
                to.dweight[row * in + column] = sum;
            else
                to.dbias[row] = sum;
        });
}

}  // namespace

void modulated_layer_forward(const ModulatedLayerShape &shape, int64_t n,
                             const ModulatedLayer &layer, float *y, float *normal, float *scale) {
    const Call call = {shape, layer};
    const Outputs to = {y, normal, scale};
    product(Linear{{}, call, to}, n, shape.out, shape.in);
    if (shape.norm == kLayerNorm) normalize_rows(call, n, to);
    if (shape.grouped()) normalize_groups(call, n, to);
    check_launch("modulated_layer_forward");
}

void modulated_layer_backward(const ModulatedLayerShape &shape, int64_t n,
                              const ModulatedLayer &layer, const float *normal, const float *scale,
                              const float *dy, const ModulatedLayerGradients &to) {
    const Call call = {shape, layer};
    const Kept kept = {normal, scale, dy};
    const Scratch<float> d(n * shape.out);
    modulate_backward(call, n, kept, to, d);
    if (shape.grouped()) normalize_groups_backward(shape, n, kept, d);
    if (to.dx)
        product(InputGradient{{}, d, layer.weight, shape.in, shape.out, to.dx}, n, shape.in,
                shape.out);
    weight_gradient(call, n, d, to);
    check_launch("modulated_layer_backward");
}

}  // namespace nf::cuda
