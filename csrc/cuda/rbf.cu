// Gaussian radial basis functions: tiles of points x kernels, never points x kernels x dimensions;
// formulas in cpu/rbf.cpp. Between products lie the Gaussians of a chunk of points; the backward
// pass computes them again. Weight gradients are sums of splits, added in their order.
#include "../cpu/kernels.h"
#include "ordered_sum.cuh"
#include "product.cuh"

namespace nf::cuda {

namespace {

// phi_k = exp(-sum_d (x_d s_kd - c_kd s_kd)^2), s = sqrt(e^lambda / 2): one difference and one
// square for every term, so that nothing cancels where a point sits on a center.
struct Gaussians {
    using Left = float;
    using Right = float2;
    using Cell = float;
    static constexpr bool kLeftAlongDepth = true, kRightAlongDepth = true;
    Rbf net;
    const float *x;
    float *phi;

    __device__ __forceinline__ float left(int64_t row, int64_t k) const {
        return x[row * net.in + k];
    }
    __device__ __forceinline__ float2 right(int64_t k, int64_t column) const {
        const int64_t at = column * net.in + k;
        const float scale = expf(0.5f * net.log_scales[at]) * 0.707106781f;
        return make_float2(scale, net.centers[at] * scale);
    }
    __device__ __forceinline__ float start(int64_t, int64_t) const { return 0.0f; }
    __device__ __forceinline__ static void add(float &cell, float x, float2 scale) {
        const float t = fmaf(x, scale.x, -scale.y);
        cell = fmaf(t, t, cell);
    }
    __device__ __forceinline__ void store(int64_t row, int64_t column, int64_t, float sum) const {
        phi[row * net.kernels + column] = expf(-sum);
    }
};

// y = W phi + b
struct Weighted : MultiplyAdd {
    static constexpr bool kLeftAlongDepth = true, kRightAlongDepth = true;
    Rbf net;
    const float *phi;
    float *y;

    __device__ __forceinline__ float left(int64_t row, int64_t k) const {
        return phi[row * net.kernels + k];
    }
    __device__ __forceinline__ float right(int64_t k, int64_t column) const {
        return net.weights[column * net.kernels + k];
    }
    __device__ __forceinline__ void store(int64_t row, int64_t column, int64_t, float sum) const {
        y[row * net.out + column] = sum + net.bias[column];
    }
};

// h = -phi (dy W), in the place of phi.
struct Slopes : MultiplyAdd {
    static constexpr bool kLeftAlongDepth = true, kRightAlongDepth = false;
    Rbf net;
    const float *dy;
    float *phi;

    __device__ __forceinline__ float left(int64_t row, int64_t k) const {
        return dy[row * net.out + k];
    }
    __device__ __forceinline__ float right(int64_t k, int64_t column) const {
        return net.weights[k * net.kernels + column];
    }
    __device__ __forceinline__ void store(int64_t row, int64_t column, int64_t, float sum) const {
        phi[row * net.kernels + column] *= -sum;
    }
};

// dx_d = sum_k h_k e^lambda_kd (x_d - c_kd)
struct PointGradient {
    using Left = float;
    using Right = float2;
    struct Cell {
        float sum, x;
    };
    static constexpr bool kLeftAlongDepth = true, kRightAlongDepth = false;
    Rbf net;
    const float *h, *x;
    float *dx;

    __device__ __forceinline__ float left(int64_t row, int64_t k) const {
        return h[row * net.kernels + k];
    }
    __device__ __forceinline__ float2 right(int64_t k, int64_t column) const {
        const int64_t at = k * net.in + column;
        return make_float2(expf(net.log_scales[at]), net.centers[at]);
    }
    __device__ __forceinline__ Cell start(int64_t row, int64_t column) const {
        return {0.0f, x[row * net.in + column]};
    }
    __device__ __forceinline__ static void add(Cell &cell, float h, float2 kernel) {
        cell.sum = fmaf((cell.x - kernel.y) * h, kernel.x, cell.sum);
    }
    __device__ __forceinline__ void store(int64_t row, int64_t column, int64_t,
                                          const Cell &cell) const {
        dx[row * net.in + column] = cell.sum;
    }
};

// sum_n h_nk e_nkd and sum_n h_nk e_nkd^2, e = x - c.
struct Moments {
    using Left = float;
    using Right = float;
    struct Cell {
        float first, second, center;
    };
    static constexpr bool kLeftAlongDepth = false, kRightAlongDepth = false;
    Rbf net;
    const float *h, *x;
    SplitSums sums;  // [kernels][in][2]

    __device__ __forceinline__ float left(int64_t row, int64_t k) const {
        return h[k * net.kernels + row];
    }
    __device__ __forceinline__ float right(int64_t k, int64_t column) const {
        return x[k * net.in + column];
    }
    __device__ __forceinline__ Cell start(int64_t row, int64_t column) const {
        return {0.0f, 0.0f, net.centers[row * net.in + column]};
    }
    __device__ __forceinline__ static void add(Cell &cell, float h, float x) {
        const float e = x - cell.center, u = e * h;
        cell.first += u;
        cell.second = fmaf(u, e, cell.second);
    }
    __device__ __forceinline__ void store(int64_t row, int64_t column, int64_t split,
                                          const Cell &cell) const {
        const int64_t at = 2 * (row * net.in + column);
        sums.add(split, at, cell.first);
        sums.add(split, at + 1, cell.second);
    }
};

void add_splits(const Rbf &net, const Chunks &chunks, const float *moments, const float *weights,
                const RbfGradients &to) {
    const int64_t splits = chunks.splits, in = net.in, kernels = net.kernels, out = net.out;
    ordered_sum(
        2 * kernels * in, splits, 2 * kernels * in, moments, [] __device__(int64_t i) { return i; },
        [=] __device__(int64_t i, float sum) {
            const float precision = expf(net.log_scales[i / 2]);
            if (i % 2)
                to.log_scales[i / 2] = 0.5f * precision * sum;
            else
                to.centers[i / 2] = -precision * sum;
        });
    ordered_sum(
        out * (kernels + 1), splits, out * (kernels + 1), weights,
        [] __device__(int64_t i) { return i; },
        [=] __device__(int64_t i, float sum) {
            const int64_t row = i / (kernels + 1), column = i % (kernels + 1);
            if (column < kernels)
                to.weights[row * kernels + column] = sum;
            else
                to.bias[row] = sum;
        });
}

}  // namespace

void rbf_forward(const Rbf &net, int64_t n, const float *x, float *y) {
    const Chunks chunks(n, net.kernels, 1);
    const Scratch<float> phi(std::min(n, chunks.rows) * net.kernels);
    chunks.run([&](int64_t first, int64_t rows) {
        product(Gaussians{net, x + first * net.in, phi}, rows, net.kernels, net.in);
        product(Weighted{{}, net, phi, y + first * net.out}, rows, net.out, net.kernels);
    });
    check_launch("rbf_forward");
}

void rbf_backward(const Rbf &net, int64_t n, const float *x, const float *dy,
                  const RbfGradients &to) {
    const int64_t moments_size = int64_t{2} * net.kernels * net.in;
    const int64_t weights_size = int64_t{net.out} * (net.kernels + 1);
    const Chunks chunks(n, net.kernels, moments_size + weights_size);
    const Scratch<float> phi(std::min(n, chunks.rows) * net.kernels);
    const Scratch<float> moments(chunks.splits * moments_size);
    const Scratch<float> weights(chunks.splits * weights_size);
    chunks.run([&](int64_t first, int64_t rows) {
        const float *points = x + first * net.in, *upstream = dy + first * net.out;
        product(Gaussians{net, points, phi}, rows, net.kernels, net.in);
        const SplitSums linear = {weights, weights_size, first == 0};
        WeightGradient::run({{}, upstream, phi, net.out, net.kernels, linear}, rows, chunks.splits);
        product(Slopes{{}, net, upstream, phi}, rows, net.kernels, net.out);
        product(PointGradient{net, phi, points, to.x + first * net.in}, rows, net.in, net.kernels);
        product(Moments{net, phi, points, {moments, moments_size, first == 0}}, net.kernels, net.in,
                rows, chunks.splits);
    });
    add_splits(net, chunks, moments, weights, to);
    check_launch("rbf_backward");
}

}  // namespace nf::cuda
