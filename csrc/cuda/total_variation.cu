// Total variation: the gradient one value a thread; sums in blocks of values, then the blocks in
// their order, so that the bits are the same every time.
#include "../cpu/kernels.h"
#include "warp.cuh"

namespace nf::cuda {

namespace {

constexpr int kRun = 16;  // values a thread sums

struct Axes {
    int64_t size[3], step[3];  // vertices, and values from one to the next
};

Axes axes_of(const TotalVariationShape &shape) {
    const int64_t row = shape.size[2] * shape.channels;
    return {{shape.size[0], shape.size[1], shape.size[2]},
            {shape.size[1] * row, row, shape.channels}};
}

// Where value i lies along an axis.
__device__ int64_t place_along(const Axes &axes, int a, int64_t i) {
    return i / axes.step[a] % axes.size[a];
}

__global__ void sum_kernel(Axes axes, int64_t n, const float *v, double *parts) {
    double sum[3] = {};
    for (int k = 0; k < kRun; ++k) {
        const int64_t i = (int64_t{blockIdx.x} * kRun + k) * kThreads + threadIdx.x;
        if (i >= n) continue;
        for (int a = 0; a < 3; ++a) {
            if (place_along(axes, a, i) + 1 == axes.size[a]) continue;
            const double difference = v[i + axes.step[a]] - v[i];
            sum[a] += difference * difference;
        }
    }
    for (int a = 0; a < 3; ++a) {
        const double total = block_sum(sum[a]);
        if (threadIdx.x == 0) parts[3 * int64_t{blockIdx.x} + a] = total;
    }
}

}  // namespace

void total_variation_forward(const TotalVariationShape &shape, const float *v, double *sums) {
    const Axes axes = axes_of(shape);
    const int64_t n = shape.grids * axes.size[0] * axes.step[0];
    const int64_t count = blocks(n, kThreads * kRun);
    const Scratch<double> memory(3 * count);
    double *parts = memory;
    launch(sum_kernel, blocks(n, kThreads * kRun), kThreads, 0, axes, n, v, parts);
    for_each("total_variation", 3, [=] __device__(int64_t a) {
        double sum = 0;
        for (int64_t b = 0; b < count; ++b) sum += parts[3 * b + a];
        sums[a] = sum;
    });
}

void total_variation_backward(const TotalVariationShape &shape, const float *scale, const float *v,
                              float *dv) {
    const Axes axes = axes_of(shape);
    for_each("total_variation", shape.grids * axes.size[0] * axes.step[0],
             [=] __device__(int64_t i) {
                 float sum = 0;
                 for (int a = 0; a < 3; ++a) {
                     const int64_t at = place_along(axes, a, i), step = axes.step[a];
                     const float before = at > 0 ? v[i] - v[i - step] : 0.0f;
                     const float after = at + 1 < axes.size[a] ? v[i + step] - v[i] : 0.0f;
                     sum += scale[a] * (before - after);
                 }
                 dv[i] = sum;
             });
}

}  // namespace nf::cuda
