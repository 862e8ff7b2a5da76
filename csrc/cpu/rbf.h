// Gaussian radial basis functions: the parameters as the kernels read them, and the Gaussians of a
// tile of rows.
#pragma once

#include "gemm.h"
#include "kernels.h"
#include "tile.h"

namespace nf::NF_ISA {

constexpr int64_t kTile = 96;  // rows that pass through all of the operation together

struct Zeros : Scratch<float> {
    explicit Zeros(int64_t n) : Scratch(n) { std::memset(*this, 0, n * sizeof(float)); }
};

// Rows of whole vectors, zeros where they are padded: a padded kernel has weight zero.
struct PackedRbf {
    explicit PackedRbf(const Rbf &net)
        : in(net.in),
          kernels(net.kernels),
          out(net.out),
          in_pad(round_up(in, kLanes)),
          kernels_pad(round_up(kernels, kLanes)),
          out_pad(round_up(out, kLanes)),
          scale(in * kernels_pad),
          shift(in * kernels_pad),
          center(kernels_pad * in_pad),
          precision(kernels_pad * in_pad),
          weights(out * kernels_pad),
          transposed(kernels * out_pad),
          bias(out_pad) {
        for (int64_t k = 0; k < kernels; ++k) {
            for (int64_t d = 0; d < in; ++d) {
                const float c = net.centers[k * in + d];
                const float s = __builtin_expf(0.5f * net.log_scales[k * in + d]) * 0.707106781f;
                scale[d * kernels_pad + k] = s;
                shift[d * kernels_pad + k] = c * s;
                center[k * in_pad + d] = c;
                precision[k * in_pad + d] = 2.0f * s * s;
            }
            for (int64_t o = 0; o < out; ++o)
                weights[o * kernels_pad + k] = transposed[k * out_pad + o] =
                    net.weights[o * kernels + k];
        }
        std::memcpy(bias, net.bias, out * sizeof(float));
    }

    int64_t in, kernels, out, in_pad, kernels_pad, out_pad;
    Zeros scale, shift;         // [in][kernels_pad]: s = sqrt(e^lambda / 2), c s
    Zeros center, precision;    // [kernels_pad][in_pad]: c, e^lambda
    Zeros weights, transposed;  // [out][kernels_pad], [kernels][out_pad]
    Zeros bias;                 // [out_pad]
};

// phi_k = exp(-sum_d (x_d s_kd - c_kd s_kd)^2): one difference and one square for every term, so
// that nothing cancels where a row sits on a center.
template <int kRows, int kVectors>
NF_INLINE void gaussians_block(const PackedRbf &net, const float *__restrict x, int64_t row,
                               int64_t column, float *__restrict phi) {
    Vec distance[kRows][kVectors] = {};
    for (int64_t d = 0; d < net.in; ++d) {
        Vec s[kVectors], shift[kVectors];
#pragma GCC unroll 4
        for (int v = 0; v < kVectors; ++v) {
            const int64_t at = d * net.kernels_pad + column + v * kLanes;
            s[v] = load(net.scale + at), shift[v] = load(net.shift + at);
        }
#pragma GCC unroll 8
        for (int m = 0; m < kRows; ++m) {
            const Vec value = splat(x[(row + m) * net.in_pad + d]);
#pragma GCC unroll 4
            for (int v = 0; v < kVectors; ++v) {
                const Vec t = value * s[v] - shift[v];
                distance[m][v] += t * t;
            }
        }
    }
#pragma GCC unroll 8
    for (int m = 0; m < kRows; ++m)
#pragma GCC unroll 4
        for (int v = 0; v < kVectors; ++v)
            store(phi + (row + m) * net.kernels_pad + column + v * kLanes, exp(-distance[m][v]));
}

// phi [kTile][kernels_pad] of x [kTile][in_pad].
NF_INLINE void gaussians(const PackedRbf &net, const float *x, float *phi) {
    constexpr int kRows = kLanes == 16 ? 8 : 4;  // accumulators fill half the registers
    int64_t column = 0;
    for (; column + 2 * kLanes <= net.kernels_pad; column += 2 * kLanes)
        for (int64_t row = 0; row < kTile; row += kRows)
            gaussians_block<kRows, 2>(net, x, row, column, phi);
    for (; column < net.kernels_pad; column += kLanes)
        for (int64_t row = 0; row < kTile; row += kRows)
            gaussians_block<kRows, 1>(net, x, row, column, phi);
}

}  // namespace nf::NF_ISA
