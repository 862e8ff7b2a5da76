// Hash grid: one thread for a point in one level, level after level, so that a level's table stays
// in the second-level cache; the gradient of the points takes all levels in one thread.
#include "../cpu/kernels.h"
#include "../math/hash_grid.h"
#include "../math/hash_grid_shapes.h"
#include "scatter.cuh"

namespace nf::cuda {

namespace {

constexpr int kMostLevels = 64;
constexpr int64_t kChunk = 1 << 17;  // points whose rows of output stay in cache over all levels

struct Levels {
    HashGridLevel level[kMostLevels];
    int count;
    int64_t chunk;  // points, whole blocks
};

Levels levels_of(const HashGridShape &grid, int64_t n) {
    Levels levels{{}, grid.levels, std::min(kChunk, int64_t{blocks(n)} * kThreads)};
    for (int l = 0; l < grid.levels; ++l) levels.level[l] = grid.level[l];
    return levels;
}

// Blocks for every point and level: chunk after chunk, within a chunk level after level.
unsigned blocks_of(const Levels &levels, int64_t n) {
    const int64_t chunks = n ? (n + levels.chunk - 1) / levels.chunk : 0;
    return static_cast<unsigned>(chunks * levels.count * (levels.chunk / kThreads));
}

struct Task {
    int level;
    int64_t point;
};

__device__ Task task_of(const Levels &levels) {
    const int64_t width = levels.chunk / kThreads, unit = blockIdx.x / width;
    return {static_cast<int>(unit % levels.count),
            unit / levels.count * levels.chunk + blockIdx.x % width * kThreads + threadIdx.x};
}

template <int D>
struct Cell {
    uint32_t low[D], high[D];  // terms of the corners' index
    float fraction[D];
    bool inside[D];  // whether the coordinate was in [0, 1], not clamped
    bool hashed;

    // Comparisons with NaN are false: NaN becomes 0, and no index leaves the table.
    __device__ Cell(const HashGridLevel &level, const float *x) : hashed(level.hashed) {
        for (int d = 0; d < D; ++d) {
            float v = x[d] > 0.0f ? x[d] : 0.0f;
            v = v < 1.0f ? v : 1.0f;
            inside[d] = v == x[d];
            const float position = v * level.scale + 0.5f;
            const uint32_t cell = static_cast<uint32_t>(position);
            fraction[d] = position - static_cast<float>(cell);
            low[d] = hashed ? hash_grid_term<true>(level, d, cell)
                            : hash_grid_term<false>(level, d, cell);
            high[d] = hashed ? hash_grid_term<true>(level, d, cell + 1u)
                             : hash_grid_term<false>(level, d, cell + 1u);
        }
    }

    // Entry of the table of corner k, the upper one of axis d where bit d of k is set.
    __device__ int64_t entry(const HashGridLevel &level, int k) const {
        uint32_t index = k & 1 ? high[0] : low[0];
        for (int d = 1; d < D; ++d) {
            const uint32_t term = (k >> d) & 1 ? high[d] : low[d];
            index = hashed ? hash_grid_mix<true>(index, term) : hash_grid_mix<false>(index, term);
        }
        return int64_t{level.offset} +
               (hashed ? hash_grid_wrap<true>(level, index) : hash_grid_wrap<false>(level, index));
    }

    __device__ float weight(int k) const {
        float product = 1.0f;
        for (int d = 0; d < D; ++d) product *= (k >> d) & 1 ? fraction[d] : 1.0f - fraction[d];
        return product;
    }

    // d weight(k) / d fraction[axis]
    __device__ float slope(int k, int axis) const {
        float product = (k >> axis) & 1 ? 1.0f : -1.0f;
        for (int d = 0; d < D; ++d)
            if (d != axis) product *= (k >> d) & 1 ? fraction[d] : 1.0f - fraction[d];
        return product;
    }
};

template <int D, int F>
__global__ void forward_kernel(Levels levels, int64_t n, const float *x, const float *table,
                               float *y) {
    const Task task = task_of(levels);
    if (task.point >= n) return;
    const HashGridLevel &level = levels.level[task.level];
    const Cell<D> cell(level, x + task.point * D);
    Features<F> sum{};
#pragma unroll
    for (int k = 0; k < (1 << D); ++k) {
        const Features<F> entry = load_features<F>(table + cell.entry(level, k) * F);
        const float weight = cell.weight(k);
        for (int f = 0; f < F; ++f) sum.at[f] += weight * entry.at[f];
    }
    store_features<F>(y + (task.point * levels.count + task.level) * F, sum);
}

template <int D, int F>
__global__ void backward_table_kernel(Levels levels, int64_t n, const float *x, const float *dy,
                                      TableSums dtable) {
    const Task task = task_of(levels);
    if (task.point >= n) return;
    const HashGridLevel &level = levels.level[task.level];
    const Cell<D> cell(level, x + task.point * D);
    const Features<F> g = load_features<F>(dy + (task.point * levels.count + task.level) * F);
#pragma unroll
    for (int k = 0; k < (1 << D); ++k) {
        const float weight = cell.weight(k);
        Features<F> term;
        for (int f = 0; f < F; ++f) term.at[f] = weight * g.at[f];
        dtable.add(cell.entry(level, k) * F, term);
    }
}

template <int D, int F>
__global__ void backward_x_kernel(Levels levels, int64_t n, const float *x, const float *table,
                                  const float *dy, float *dx) {
    const int64_t i = int64_t{blockIdx.x} * kThreads + threadIdx.x;
    if (i >= n) return;
    float sum[D] = {};
    for (int l = 0; l < levels.count; ++l) {
        const HashGridLevel &level = levels.level[l];
        const Cell<D> cell(level, x + i * D);
        const Features<F> g = load_features<F>(dy + (i * levels.count + l) * F);
#pragma unroll
        for (int k = 0; k < (1 << D); ++k) {
            const Features<F> entry = load_features<F>(table + cell.entry(level, k) * F);
            float value = 0.0f;
            for (int f = 0; f < F; ++f) value += g.at[f] * entry.at[f];
            for (int d = 0; d < D; ++d)
                if (cell.inside[d]) sum[d] += value * level.scale * cell.slope(k, d);
        }
    }
    for (int d = 0; d < D; ++d) dx[i * D + d] = sum[d];
}

template <int D, int F>
void forward(const HashGridShape &grid, int64_t n, const float *x, const float *table, float *y) {
    const Levels levels = levels_of(grid, n);
    launch(forward_kernel<D, F>, blocks_of(levels, n), kThreads, 0, levels, n, x, table, y);
    check_launch("hash_grid");
}

template <int D, int F>
void backward_table(const HashGridShape &grid, int64_t n, const float *x, const float *dy,
                    float *dtable) {
    const Levels levels = levels_of(grid, n);
    const HashGridLevel &last = grid.level[grid.levels - 1];
    const int64_t size = (int64_t{last.offset} + last.size) * F, values = n * grid.levels * F;
    const Scatter scatter("hash_grid", size, dtable, n << D, {{dy, values}});
    launch(backward_table_kernel<D, F>, blocks_of(levels, n), kThreads, 0, levels, n, x, dy,
           scatter.sums());
    check_launch("hash_grid");
    scatter.finish();
}

template <int D, int F>
void backward_x(const HashGridShape &grid, int64_t n, const float *x, const float *table,
                const float *dy, float *dx) {
    launch(backward_x_kernel<D, F>, blocks(n), kThreads, 0, levels_of(grid, n), n, x, table, dy,
           dx);
    check_launch("hash_grid");
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

}  // namespace nf::cuda
