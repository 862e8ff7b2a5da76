// Sines and cosines of linear functions of coordinates: one value a thread, frequencies fastest.
// t is in turns and of float32, so that its reduction is exact.
#include "../cpu/kernels.h"
#include "launch.h"

namespace nf::cuda {

namespace {

constexpr int64_t kGroups = 256;  // of rows, each with a gradient of the frequencies of its own

// 2 pi (cos dsin - sin dcos) of one value.
__device__ float turn_gradient(int64_t k, const float *y, const float *dy, int64_t i) {
    return (y[k + i] * dy[i] - y[i] * dy[k + i]) * 6.28318531f;
}

template <int D>
struct Waves {
    static void forward(int64_t n, int64_t k, const float *x, const float *frequencies, float *y) {
        for_each("fourier", n * k, [=] __device__(int64_t unit) {
            const int64_t row = unit / k, i = unit % k;
            float t = x[row * D] * frequencies[i * D];
            for (int d = 1; d < D; ++d) t += x[row * D + d] * frequencies[i * D + d];
            float *sine = y + row * 2 * k + i;
            sincospif(2.0f * t, sine, sine + k);
        });
    }

    static void backward_x(int64_t n, int64_t k, const float *frequencies, const float *y,
                           const float *dy, float *dx) {
        for_each("fourier", n, [=] __device__(int64_t row) {
            float sum[D] = {};
            for (int64_t i = 0; i < k; ++i) {
                const float dt = turn_gradient(k, y + row * 2 * k, dy + row * 2 * k, i);
                for (int d = 0; d < D; ++d) sum[d] += dt * frequencies[i * D + d];
            }
            for (int d = 0; d < D; ++d) dx[row * D + d] = sum[d];
        });
    }

    // Groups of rows, then the groups in their order: the same bits every time.
    static void backward_frequencies(int64_t n, int64_t k, const float *x, const float *y,
                                     const float *dy, float *dfrequencies) {
        const Scratch<float> memory(kGroups * k * D);
        float *parts = memory;
        for_each("fourier", kGroups * k, [=] __device__(int64_t unit) {
            const int64_t g = unit / k, i = unit % k;
            float sum[D] = {};
            for (int64_t row = n * g / kGroups; row < n * (g + 1) / kGroups; ++row) {
                const float dt = turn_gradient(k, y + row * 2 * k, dy + row * 2 * k, i);
                for (int d = 0; d < D; ++d) sum[d] += dt * x[row * D + d];
            }
            for (int d = 0; d < D; ++d) parts[unit * D + d] = sum[d];
        });
        for_each("fourier", k * D, [=] __device__(int64_t i) {
            float sum = 0;
            for (int64_t g = 0; g < kGroups; ++g) sum += parts[g * k * D + i];
            dfrequencies[i] = sum;
        });
    }

    static void backward(int64_t n, int64_t k, const float *x, const float *frequencies,
                         const float *y, const float *dy, float *dx, float *dfrequencies) {
        if (dx) backward_x(n, k, frequencies, y, dy, dx);
        if (dfrequencies) backward_frequencies(n, k, x, y, dy, dfrequencies);
    }
};

#define NF_FOR_DIMS(run, ...)                  \
    switch (dims) {                            \
        case 1:                                \
            return Waves<1>::run(__VA_ARGS__); \
        case 2:                                \
            return Waves<2>::run(__VA_ARGS__); \
        case 3:                                \
            return Waves<3>::run(__VA_ARGS__); \
        case 4:                                \
            return Waves<4>::run(__VA_ARGS__); \
    }

}  // namespace

void fourier_forward(int dims, int64_t n, int64_t k, const float *x, const float *frequencies,
                     float *y) {
    NF_FOR_DIMS(forward, n, k, x, frequencies, y)
}

void fourier_backward(int dims, int64_t n, int64_t k, const float *x, const float *frequencies,
                      const float *y, const float *dy, float *dx, float *dfrequencies) {
    NF_FOR_DIMS(backward, n, k, x, frequencies, y, dy, dx, dfrequencies)
}

}  // namespace nf::cuda
