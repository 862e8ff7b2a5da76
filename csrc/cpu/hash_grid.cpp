// Hash grid on the CPU. Forward: blocks of points small enough for their output to stay in cache,
// all levels of a block on one thread. Backward: one thread per level, so that every table entry
// has one writer and sums in the order of the points (deterministic, no atomics).
#include "hash_grid.h"

#include "../math/hash_grid_shapes.h"

namespace nf::NF_ISA {

namespace {

// Floats between the sequences of two levels: not a power of two, or all would share cache sets.
int64_t level_stride(int64_t rows, int features) {
    return round_up(rows, kLanes) * features + 80;
}

constexpr int64_t kBlock = 8192;  // rows of 32 features: 1 MB, half a second-level cache

// Rows a thread takes at once: no result depends on it.
int64_t block_rows(int64_t n) {
    const int64_t share = round_up((n + omp_get_max_threads() - 1) / omp_get_max_threads(), kLanes);
    return share < kBlock ? (share < 256 ? 256 : share) : kBlock;
}

// One level of a block of points, to y [rows rounded up to vectors][F].
template <int D, int F>
void forward_level(const HashGridLevel &level, const float *const *x, const float *table,
                   int64_t rows, float *y) {
    const float *entries = table + static_cast<int64_t>(level.offset) * F;
    const auto sum = [&](int64_t i, const Corners<D> &c) NF_ALWAYS {
        if constexpr (F == 2) {
            Vec low{}, high{};
            for (int k = 0; k < (1 << D); ++k) {
                low += gather_pairs(entries, c.index[k], false) * twice(c.weight[k], false);
                high += gather_pairs(entries, c.index[k], true) * twice(c.weight[k], true);
            }
            store(y + 2 * i, low);
            store(y + 2 * i + kLanes, high);
        } else {
            for (int p = 0; p < kLanes; ++p) {
                float sum[F] = {};
                for (int k = 0; k < (1 << D); ++k)
                    for (int f = 0; f < F; ++f)
                        sum[f] += c.weight[k][p] * entries[c.index[k][p] * F + f];
                std::memcpy(y + (i + p) * F, sum, sizeof(sum));
            }
        }
    };
    for_corners<D, F, false>(level, x, rows, entries, sum);
}

// Levels are computed one after the other, so that a level's table stays in cache, and written as
// sequences; the rows [N][L * F] are woven from them at the end.
template <int D, int F>
void forward(const HashGridShape &grid, int64_t n, const float *x, const float *table, float *y) {
    const int64_t block = block_rows(n);
    parallel_for((n + block - 1) / block, [&](int64_t b) {
        const int64_t first = b * block, rows = least(block, n - first);
        const int64_t stride = level_stride(rows, F);
        const Columns<D> columns(x + first * D, rows);
        const Scratch<float> levels(grid.levels * stride);
        for (int l = 0; l < grid.levels; ++l)
            forward_level<D, F>(grid.level[l], columns.data, table, rows, levels + l * stride);
        float *out = y + first * grid.levels * F;
        for (int64_t i = 0; i < rows; ++i)
            for (int l = 0; l < grid.levels; ++l, out += F)
                std::memcpy(out, levels + l * stride + i * F, F * sizeof(float));
    });
}

// Coordinates as columns, and dy level after level [N][F], so that a level reads its own in
// sequence.
template <int D, int F>
void split_levels(int levels, int64_t n, const float *x, const float *dy, int64_t padded,
                  float *columns, float *out) {
    const int64_t stride = level_stride(n, F);
    parallel_for((n + 1023) / 1024, [&](int64_t b) {
        const int64_t first = b * 1024, last = least(n, first + 1024);
        for (int64_t i = first; i < last; ++i) {
            for (int d = 0; d < D; ++d) columns[d * padded + i] = x[i * D + d];
            for (int l = 0; l < levels; ++l)
                std::memcpy(out + l * stride + i * F, dy + (i * levels + l) * F, F * sizeof(float));
        }
    });
}

// Adds dy [N][F] to the entries of one level.
template <int D, int F>
void scatter_level(const HashGridLevel &level, const float *const *x, int64_t n, const float *dy,
                   float *entries) {
    typedef float Features __attribute__((vector_size(F * 4), aligned(4), may_alias));
    const auto add = [&](int64_t i, const Corners<D> &c) NF_ALWAYS {
        for (int64_t p = 0; p < least(kLanes, n - i); ++p) {
            const Features g = *reinterpret_cast<const Features *>(dy + (i + p) * F);
#pragma GCC unroll 8
            for (int k = 0; k < (1 << D); ++k)
                *reinterpret_cast<Features *>(entries + c.index[k][p] * F) += g * c.weight[k][p];
        }
    };
    for_corners<D, F, true>(level, x, n, entries, add);
}

template <int D, int F>
void backward_table(const HashGridShape &grid, int64_t n, const float *x, const float *dy,
                    float *dtable) {
    const int64_t padded = round_up(n, kLanes);
    const Scratch<float> columns(D * padded), dy_level(grid.levels * level_stride(n, F));
    split_levels<D, F>(grid.levels, n, x, dy, padded, columns, dy_level);
    const float *column[D];
    for (int d = 0; d < D; ++d) {
        column[d] = columns + d * padded;
        for (int64_t i = n; i < padded; ++i) columns[d * padded + i] = 0.5f;
    }
    parallel_for(grid.levels, [&](int64_t unit) {
        const int64_t l = grid.levels - 1 - unit;  // the finest is the slowest: first
        const HashGridLevel &level = grid.level[l];
        float *entries = dtable + static_cast<int64_t>(level.offset) * F;
        std::memset(entries, 0, static_cast<int64_t>(level.size) * F * sizeof(float));
        scatter_level<D, F>(level, column, n, dy_level + l * level_stride(n, F), entries);
    });
}

template <int D, int F>
void backward_x(const HashGridShape &grid, int64_t n, const float *x, const float *table,
                const float *dy, float *dx) {
    const int64_t block = block_rows(n);
    const int stride = grid.levels * F;
    parallel_for((n + block - 1) / block, [&](int64_t b) {
        const int64_t first = b * block, rows = least(block, n - first);
        const Columns<D> columns(x + first * D, rows);
        std::memset(dx + first * D, 0, rows * D * sizeof(float));
        for (int l = 0; l < grid.levels; ++l) {
            const HashGridLevel &level = grid.level[l];
            const float *entries = table + static_cast<int64_t>(level.offset) * F;
            const auto add = [&](int64_t i, const Corners<D> &c) NF_ALWAYS {
                for (int64_t p = 0; p < least(kLanes, rows - i); ++p) {
                    const float *g = dy + (first + i + p) * stride + l * F;
                    for (int k = 0; k < (1 << D); ++k) {
                        float value = 0;
                        for (int f = 0; f < F; ++f) value += g[f] * entries[c.index[k][p] * F + f];
                        for (int d = 0; d < D; ++d)
                            dx[(first + i + p) * D + d] +=
                                value * level.scale * c.slope(k, d)[p] * c.inside[d][p];
                    }
                }
            };
            for_corners<D, F, false>(level, columns.data, rows, entries, add);
        }
    });
}

}  // namespace

void hash_grid_forward(const HashGridShape &grid, int64_t n, const float *x, const float *table,
                       float *y) {
    NF_FOR_SHAPE(forward, grid, n, x, table, y)
}

void hash_grid_backward_table(const HashGridShape &grid, int64_t n, const float *x, const float *dy,
                              float *dtable) {
    NF_FOR_SHAPE(backward_table, grid, n, x, dy, dtable)
}

void hash_grid_backward_x(const HashGridShape &grid, int64_t n, const float *x, const float *table,
                          const float *dy, float *dx) {
    NF_FOR_SHAPE(backward_x, grid, n, x, table, dy, dx)
}

}  // namespace nf::NF_ISA
