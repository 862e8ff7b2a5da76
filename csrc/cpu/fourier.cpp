// Sines and cosines of linear functions of coordinates.
//
//     t = B x,   y = [sin 2 pi t, cos 2 pi t]
//
// t is in turns and of float32: the product with one power of two is exact, and so is its
// reduction.
#include "kernels.h"
#include "piece.h"

namespace nf::NF_ISA {

namespace {

constexpr int64_t kBlock = 256;  // rows a thread takes at once
constexpr int64_t kGroups = 64;  // of rows, each with a gradient of the frequencies of its own

// B as D columns of whole vectors.
template <int D>
class Columns {
  public:
    Columns(int64_t k, const float *frequencies) : pad(round_up(k, kLanes)), memory_(D * pad) {
        std::memset(memory_, 0, D * pad * sizeof(float));
        for (int64_t i = 0; i < k; ++i)
            for (int d = 0; d < D; ++d) memory_[d * pad + i] = frequencies[i * D + d];
    }
    Vec operator()(int d, int64_t i) const { return load(memory_ + d * pad + i); }

    const int64_t pad;

  private:
    Scratch<float> memory_;
};

// Calls body(i, lanes) for the vectors of [0, k): the last one overlaps the one before it, unless
// it is the only one.
template <class Body>
NF_INLINE void for_vectors(int64_t k, const Body &body) {
    if (k < kLanes) return body(0, k);
    for (int64_t i = 0; i + kLanes <= k; i += kLanes) body(i, kLanes);
    if (k % kLanes) body(k - kLanes, kLanes);
}

template <int D, bool kStream>
void waves(int64_t n, int64_t k, const float *x, const float *frequencies, float *y) {
    const Columns<D> b(k, frequencies);
    parallel_for((n + kBlock - 1) / kBlock, [&](int64_t block) {
        for (int64_t row = block * kBlock; row < least(n, (block + 1) * kBlock); ++row) {
            float *sine = y + row * 2 * k, *cosine = sine + k;
            for_vectors(k, [&](int64_t i, int64_t lanes) NF_ALWAYS {
                Vec t = x[row * D] * b(0, i);
                for (int d = 1; d < D; ++d) t += x[row * D + d] * b(d, i);
                const SinCos v = sin_cos_turns(t);
                if (kStream) return stream(sine + i, v.sin), stream(cosine + i, v.cos);
                store_some(sine + i, v.sin, lanes);
                store_some(cosine + i, v.cos, lanes);
            });
        }
        if (kStream) finish_streams();
    });
}

template <int D>
void forward(int64_t n, int64_t k, const float *x, const float *frequencies, float *y) {
    if (streams(2 * n, k, y)) return waves<D, true>(n, k, x, frequencies, y);
    waves<D, false>(n, k, x, frequencies, y);
}

// dx of one row, and its share of the gradient of B's columns: with dt = 2 pi (cos dsin - sin
// dcos), dx = B^T dt and dB += dt x^T.
template <int D>
void backward_row(const Columns<D> &b, int64_t k, const float *x, const float *y, const float *dy,
                  float *dx, float *dcolumns) {
    Vec sum[D] = {};
    for (int64_t i = 0; i < k; i += kLanes) {
        const int64_t lanes = least(kLanes, k - i);
        const Vec dt = (load_some(y + k + i, lanes) * load_some(dy + i, lanes) -
                        load_some(y + i, lanes) * load_some(dy + k + i, lanes)) *
                       6.28318531f;
        for (int d = 0; d < D; ++d) {
            sum[d] += dt * b(d, i);
            float *column = dcolumns + d * b.pad + i;
            store(column, load(column) + dt * x[d]);
        }
    }
    if (!dx) return;
    for (int d = 0; d < D; ++d) {
        dx[d] = 0;
        for (int lane = 0; lane < kLanes; ++lane) dx[d] += sum[d][lane];
    }
}

template <int D>
void backward(int64_t n, int64_t k, const float *x, const float *frequencies, const float *y,
              const float *dy, float *dx, float *dfrequencies) {
    const Columns<D> b(k, frequencies);
    const int64_t groups = least(kGroups, (n + kBlock - 1) / kBlock), stride = D * b.pad;
    const Scratch<float> sums(groups * stride);
    parallel_for(groups, [&](int64_t g) {
        float *dcolumns = sums + g * stride;
        std::memset(dcolumns, 0, stride * sizeof(float));
        for (int64_t row = n * g / groups; row < n * (g + 1) / groups; ++row)
            backward_row<D>(b, k, x + row * D, y + row * 2 * k, dy + row * 2 * k,
                            dx ? dx + row * D : nullptr, dcolumns);
    });
    if (!dfrequencies) return;
    std::memset(dfrequencies, 0, k * D * sizeof(float));
    for (int64_t g = 0; g < groups; ++g)
        for (int64_t i = 0; i < k; ++i)
            for (int d = 0; d < D; ++d) dfrequencies[i * D + d] += sums[g * stride + d * b.pad + i];
}

}  // namespace

#define NF_FOR_DIMS(run, ...)           \
    switch (dims) {                     \
        case 1:                         \
            return run<1>(__VA_ARGS__); \
        case 2:                         \
            return run<2>(__VA_ARGS__); \
        case 3:                         \
            return run<3>(__VA_ARGS__); \
        case 4:                         \
            return run<4>(__VA_ARGS__); \
    }

void fourier_forward(int dims, int64_t n, int64_t k, const float *x, const float *frequencies,
                     float *y) {
    NF_FOR_DIMS(forward, n, k, x, frequencies, y)
}

void fourier_backward(int dims, int64_t n, int64_t k, const float *x, const float *frequencies,
                      const float *y, const float *dy, float *dx, float *dfrequencies) {
    NF_FOR_DIMS(backward, n, k, x, frequencies, y, dy, dx, dfrequencies)
}

}  // namespace nf::NF_ISA
