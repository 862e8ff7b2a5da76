// Gaussian radial basis functions: a tile of rows goes through distances, Gaussians and weights
// while it stays in cache.
//
//     phi_k = exp(-1/2 sum_d e^lambda_kd (x_d - c_kd)^2),   y = W phi + b
//
// With h_k = -phi_k sum_o W_ok dy_o and e_kd = x_d - c_kd, the gradients are
//
//     dx_d = sum_k h_k e^lambda_kd e_kd,   dc_kd = -e^lambda_kd sum_n h_k e_kd,
//     dlambda_kd = 1/2 e^lambda_kd sum_n h_k e_kd^2,   dW_ok = sum_n dy_o phi_k,   db_o = sum_n
//     dy_o
//
// Rows are split into groups whose number depends on the sizes alone; each group sums over its rows
// in their order, and the groups are added in theirs: the same bits come out whatever the number of
// threads.
#include "rbf.h"

namespace nf::NF_ISA {

namespace {

// What a group of rows sums up; all sizes padded.
struct Sums {
    Sums(const PackedRbf &net, float *memory)
        : first(memory),
          second(first + net.kernels_pad * net.in_pad),
          weights(second + net.kernels_pad * net.in_pad),
          bias(weights + net.out_pad * net.kernels_pad) {}
    static int64_t size(const PackedRbf &net) {
        return net.kernels_pad * (2 * net.in_pad + net.out_pad) + net.out_pad;
    }

    float *first, *second;  // [kernels_pad][in_pad]: sum_n h e, sum_n h e^2
    float *weights, *bias;  // [out_pad][kernels_pad], [out_pad]
};

// W's sums += dy^T phi, b's += the column sums of dy.
void add_linear(const PackedRbf &net, const float *dy, const float *phi, const Sums &sums) {
    gemm(
        {dy, 1, net.out_pad}, phi, net.kernels_pad, round_up(net.out, kRowStep), net.kernels_pad,
        kTile,
        [&](int64_t row, int64_t column)
            NF_ALWAYS { return load(sums.weights + row * net.kernels_pad + column); },
        [&](Vec sum, int64_t row, int64_t column)
            NF_ALWAYS { store(sums.weights + row * net.kernels_pad + column, sum); });
    for (int64_t r = 0; r < kTile; ++r)
        for (int64_t o = 0; o < net.out_pad; o += kLanes)
            store(sums.bias + o, load(sums.bias + o) + load(dy + r * net.out_pad + o));
}

// Of kBlock kernels and one vector of dimensions: dx += the kernels' share, the kernels' sums +=
// the rows' share.
template <int kBlock>
NF_INLINE void add_moments_block(const PackedRbf &net, const float *__restrict x,
                                 const float *__restrict h, float *__restrict dx, const Sums &sums,
                                 int64_t k, int64_t d) {
    Vec first[kBlock], second[kBlock], center[kBlock], precision[kBlock];
    const int64_t at = k * net.in_pad + d;
#pragma GCC unroll 8
    for (int b = 0; b < kBlock; ++b) {
        first[b] = load(sums.first + at + b * net.in_pad);
        second[b] = load(sums.second + at + b * net.in_pad);
        center[b] = load(net.center + at + b * net.in_pad);
        precision[b] = load(net.precision + at + b * net.in_pad);
    }
    for (int64_t r = 0; r < kTile; ++r) {
        const Vec value = load(x + r * net.in_pad + d);
        Vec slope = load(dx + r * net.in_pad + d);
#pragma GCC unroll 8
        for (int b = 0; b < kBlock; ++b) {
            const Vec e = value - center[b], u = e * h[r * net.kernels_pad + k + b];
            first[b] += u;
            second[b] += u * e;
            slope += u * precision[b];
        }
        store(dx + r * net.in_pad + d, slope);
    }
#pragma GCC unroll 8
    for (int b = 0; b < kBlock; ++b) {
        store(sums.first + at + b * net.in_pad, first[b]);
        store(sums.second + at + b * net.in_pad, second[b]);
    }
}

void add_moments(const PackedRbf &net, const float *x, const float *h, float *dx,
                 const Sums &sums) {
    constexpr int kBlock = kLanes == 16 ? 8 : 4;
    std::memset(dx, 0, kTile * net.in_pad * sizeof(float));
    for (int64_t d = 0; d < net.in_pad; d += kLanes)
        for (int64_t k = 0; k < net.kernels_pad; k += kBlock)
            add_moments_block<kBlock>(net, x, h, dx, sums, k, d);
}

struct BackwardTile {
    explicit BackwardTile(const PackedRbf &net)
        : x(kTile * net.in_pad),
          phi(kTile * net.kernels_pad),
          dy(kTile * net.out_pad),
          dx(kTile * net.in_pad) {}
    Scratch<float> x, phi, dy, dx;
};

// The Gaussians are computed again: cheaper than to store them for all rows and to read them back,
// which the memory does not keep up with.
void backward_tile(const PackedRbf &net, const float *x, const float *dy, float *dx, int64_t rows,
                   const BackwardTile &tile, const Sums &sums) {
    x = load_tile(x, rows, net.in, net.in_pad, kTile, tile.x);
    dy = load_tile(dy, rows, net.out, net.out_pad, kTile, tile.dy);
    gaussians(net, x, tile.phi);
    add_linear(net, dy, tile.phi, sums);
    float *h = tile.phi;
    gemm({dy, net.out_pad, 1}, net.weights, net.kernels_pad, kTile, net.kernels_pad, net.out, zero,
         [&](Vec sum, int64_t row, int64_t column) NF_ALWAYS {
             float *at = h + row * net.kernels_pad + column;
             store(at, -sum * load(at));
         });
    const bool direct = net.in == net.in_pad && rows == kTile;
    add_moments(net, x, h, direct ? dx : tile.dx, sums);
    if (!direct) store_tile(tile.dx, rows, net.in, net.in_pad, dx);
}

// The groups' sums, in their order, into those of the first.
void add_groups(float *sums, int64_t size, int64_t groups) {
    constexpr int64_t kBlock = 1024;
    parallel_for((size + kBlock - 1) / kBlock, [&](int64_t b) {
        for (int64_t g = 1; g < groups; ++g)
            for (int64_t i = b * kBlock; i < least(size, (b + 1) * kBlock); ++i)
                sums[i] += sums[g * size + i];
    });
}

void store_parameters(const PackedRbf &net, const Sums &sums, const RbfGradients &gradients) {
    for (int64_t k = 0; k < net.kernels; ++k)
        for (int64_t d = 0; d < net.in; ++d) {
            const int64_t to = k * net.in + d, from = k * net.in_pad + d;
            gradients.centers[to] = -net.precision[from] * sums.first[from];
            gradients.log_scales[to] = 0.5f * net.precision[from] * sums.second[from];
        }
    for (int64_t o = 0; o < net.out; ++o)
        std::memcpy(gradients.weights + o * net.kernels, sums.weights + o * net.kernels_pad,
                    net.kernels * sizeof(float));
    std::memcpy(gradients.bias, sums.bias, net.out * sizeof(float));
}

}  // namespace

void rbf_forward(const Rbf &given, int64_t n, const float *x, float *y) {
    const PackedRbf net(given);
    const int64_t count = tiles(n, kTile), groups = groups_of_tiles(count);
    parallel_for(groups, [&](int64_t g) {
        const Scratch<float> copy(kTile * net.in_pad), phi(kTile * net.kernels_pad),
            output(kTile * net.out_pad);
        for (int64_t t = count * g / groups; t < count * (g + 1) / groups; ++t) {
            const int64_t first = t * kTile, rows = least(kTile, n - first);
            gaussians(net, load_tile(x + first * net.in, rows, net.in, net.in_pad, kTile, copy),
                      phi);
            gemm(
                {phi, net.kernels_pad, 1}, net.transposed, net.out_pad, kTile, net.out_pad,
                net.kernels,
                [&](int64_t, int64_t column) NF_ALWAYS { return load(net.bias + column); },
                [&](Vec sum, int64_t row, int64_t column)
                    NF_ALWAYS { store(output + row * net.out_pad + column, sum); });
            store_tile(output, rows, net.out, net.out_pad, y + first * net.out);
        }
    });
}

void rbf_backward(const Rbf &given, int64_t n, const float *x, const float *dy,
                  const RbfGradients &gradients) {
    const PackedRbf net(given);
    const int64_t size = Sums::size(net);
    const int64_t groups = row_groups(n, kTile, size) > 0 ? row_groups(n, kTile, size) : 1;
    const Scratch<float> memory(groups * size);
    parallel_for(groups, [&](int64_t g) {
        std::memset(memory + g * size, 0, size * sizeof(float));
        const Sums sums(net, memory + g * size);
        const BackwardTile tile(net);
        for (int64_t t = tiles(n, kTile) * g / groups; t < tiles(n, kTile) * (g + 1) / groups;
             ++t) {
            const int64_t first = t * kTile;
            backward_tile(net, x + first * net.in, dy + first * net.out,
                          gradients.x + first * net.in, least(kTile, n - first), tile, sums);
        }
    });
    add_groups(memory, size, groups);
    store_parameters(net, Sums(net, memory), gradients);
}

}  // namespace nf::NF_ISA
