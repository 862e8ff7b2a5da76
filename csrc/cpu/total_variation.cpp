// Total variation on the CPU: one layer of the first axis a unit, sums in the order of the layers.
#include "kernels.h"
#include "simd.h"

namespace nf::NF_ISA {

namespace {

constexpr int64_t kRun = 4096;

// In runs short enough for sums in single precision.
double squared_distance(int64_t n, const float *a, const float *b) {
    double total = 0;
    for (int64_t first = 0; first < n; first += kRun) {
        const int64_t last = least(n, first + kRun);
        Vec sum{};
        int64_t i = first;
        for (; i + kLanes <= last; i += kLanes) {
            const Vec d = load(a + i) - load(b + i);
            sum += d * d;
        }
        for (int p = 0; p < kLanes; ++p) total += sum[p];
        for (; i < last; ++i) total += (a[i] - b[i]) * (a[i] - b[i]);
    }
    return total;
}

// Of a row and its neighbours along an axis; the row itself stands for a missing one.
struct Neighbours {
    const float *before, *after;
    float scale;
};

NF_INLINE void bend(int64_t n, const float *v, const Neighbours *axis, float *out) {
    for (int64_t i = 0; i < n; ++i) {
        float sum = 0;
        for (int d = 0; d < 3; ++d)
            sum += axis[d].scale * ((v[i] - axis[d].before[i]) - (axis[d].after[i] - v[i]));
        out[i] = sum;
    }
}

}  // namespace

void total_variation_forward(const TotalVariationShape &shape, const float *v, double *sums) {
    const auto &[grids, size, channels] = shape;
    const int64_t layers = grids * size[0], row = size[2] * channels, layer = size[1] * row;
    const Scratch<double> parts(layers * 3);
    parallel_for(layers, [&](int64_t u) {
        const float *own = v + u * layer;
        double sum[3] = {};
        for (int64_t j = 0; j < size[1]; ++j) {
            const float *p = own + j * row;
            if (u % size[0] + 1 < size[0]) sum[0] += squared_distance(row, p, p + layer);
            if (j + 1 < size[1]) sum[1] += squared_distance(row, p, p + row);
            sum[2] += squared_distance(row - channels, p, p + channels);
        }
        for (int d = 0; d < 3; ++d) parts[3 * u + d] = sum[d];
    });
    for (int d = 0; d < 3; ++d) sums[d] = 0;
    for (int64_t u = 0; u < layers; ++u)
        for (int d = 0; d < 3; ++d) sums[d] += parts[3 * u + d];
}

void total_variation_backward(const TotalVariationShape &shape, const float *scale, const float *v,
                              float *dv) {
    const auto &[grids, size, channels] = shape;
    const int64_t row = size[2] * channels, layer = size[1] * row, step = channels;
    parallel_for(grids * size[0], [&](int64_t u) {
        const int64_t i = u % size[0];
        for (int64_t j = 0; j < size[1]; ++j) {
            const float *own = v + u * layer + j * row;
            float *out = dv + u * layer + j * row;
            const auto part = [&](int64_t first, int64_t last) NF_ALWAYS {
                if (first >= last) return;
                const float *p = own + first;
                const Neighbours axis[3] = {
                    {i > 0 ? p - layer : p, i + 1 < size[0] ? p + layer : p, scale[0]},
                    {j > 0 ? p - row : p, j + 1 < size[1] ? p + row : p, scale[1]},
                    {first > 0 ? p - step : p, last < row ? p + step : p, scale[2]}};
                bend(last - first, p, axis, out + first);
            };
            part(0, step);
            part(step, row - step);
            if (row > step) part(row - step, row);
        }
    });
}

}  // namespace nf::NF_ISA
