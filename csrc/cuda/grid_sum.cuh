// The sum of G dense grids of D axes, each over coordinates of its own: values and gradients. One
// thread has one point and V channels, so that neighbours read and write side by side.
#pragma once

#include "../math/dense_grid.h"
#include "scatter.cuh"

namespace nf::cuda {

template <int G, int D>
struct GridSum {
    DenseGridAxis axis[D];  // of each grid
    int channels;
    int in;          // coordinates of a point
    int from[G][D];  // the coordinate along each axis of each grid

    NF_HD int64_t entries() const {  // of one grid
        return static_cast<int64_t>(axis[0].resolution) * axis[0].stride;
    }
};

struct GridPlace {
    int cell, next;
    float fraction;
    bool inside;
};

// Comparisons with NaN are false: NaN becomes 0, and no index leaves the table.
__device__ inline GridPlace find_place(const DenseGridAxis &axis, float x) {
    GridPlace place;
    if (axis.wrap) {
        // Beyond 2^23 floats are whole numbers (and do not fit an int32).
        const float whole = x < 8388608.0f && x > -8388608.0f ? x : 0.0f;
        const float position = (whole - floorf(whole)) * dense_grid_scale(axis);
        const int cell = static_cast<int>(position);
        place.fraction = position - static_cast<float>(cell);
        place.cell = cell < axis.resolution ? cell : 0;
        place.next = place.cell + 1 < axis.resolution ? place.cell + 1 : 0;
        place.inside = true;
    } else {
        float v = x > 0.0f ? x : 0.0f;
        v = v < 1.0f ? v : 1.0f;
        const float position = v * dense_grid_scale(axis);
        const int cell = static_cast<int>(position);
        place.cell = cell < axis.resolution - 1 ? cell : axis.resolution - 2;
        place.next = place.cell + 1;
        place.fraction = position - static_cast<float>(place.cell);
        place.inside = v == x;
    }
    return place;
}

template <int D>
struct GridCell {
    GridPlace place[D];

    template <int G>
    __device__ GridCell(const GridSum<G, D> &grids, int g, const float *x) {
        for (int d = 0; d < D; ++d) place[d] = find_place(grids.axis[d], x[grids.from[g][d]]);
    }

    // Entry of corner k, the upper one of axis d where bit d of k is set.
    template <int G>
    __device__ int64_t entry(const GridSum<G, D> &grids, int g, int k) const {
        int64_t index = g * grids.entries();
        for (int d = 0; d < D; ++d)
            index += int64_t{(k >> d) & 1 ? place[d].next : place[d].cell} * grids.axis[d].stride;
        return index;
    }

    __device__ float factor(int k, int d) const {
        return (k >> d) & 1 ? place[d].fraction : 1.0f - place[d].fraction;
    }

    __device__ float weight(int k) const {
        float product = 1.0f;
        for (int d = 0; d < D; ++d) product *= factor(k, d);
        return product;
    }

    // d weight(k) / d fraction[axis]
    __device__ float slope(int k, int axis) const {
        float product = (k >> axis) & 1 ? 1.0f : -1.0f;
        for (int d = 0; d < D; ++d)
            if (d != axis) product *= factor(k, d);
        return product;
    }
};

template <int V, int G, int D>
void grid_sum_values(const char *operation, const GridSum<G, D> &grids, int64_t n, const float *x,
                     const float *table, float *y) {
    const int pieces = grids.channels / V;
    for_each(operation, n * pieces, [=] __device__(int64_t unit) {
        const int64_t i = unit / pieces, first = unit % pieces * V;
        Features<V> sum{};
        for (int g = 0; g < G; ++g) {
            const GridCell<D> cell(grids, g, x + i * grids.in);
#pragma unroll
            for (int k = 0; k < (1 << D); ++k) {
                const int64_t entry = cell.entry(grids, g, k) * grids.channels + first;
                const Features<V> row = load_features<V>(table + entry);
                const float weight = cell.weight(k);
                for (int c = 0; c < V; ++c) sum.at[c] += weight * row.at[c];
            }
        }
        store_features<V>(y + i * grids.channels + first, sum);
    });
}

template <int V, int G, int D>
void grid_sum_scatter(const char *operation, const GridSum<G, D> &grids, int64_t n, const float *x,
                      const float *dy, const TableSums &dtable) {
    const int pieces = grids.channels / V;
    for_each(operation, n * pieces, [=] __device__(int64_t unit) {
        const int64_t i = unit / pieces, first = unit % pieces * V;
        const Features<V> gradient = load_features<V>(dy + i * grids.channels + first);
        for (int g = 0; g < G; ++g) {
            const GridCell<D> cell(grids, g, x + i * grids.in);
#pragma unroll
            for (int k = 0; k < (1 << D); ++k) {
                Features<V> term;
                for (int c = 0; c < V; ++c) term.at[c] = cell.weight(k) * gradient.at[c];
                dtable.add(cell.entry(grids, g, k) * grids.channels + first, term);
            }
        }
    });
}

template <int G, int D>
void grid_sum_forward(const char *operation, const GridSum<G, D> &grids, int64_t n, const float *x,
                      const float *table, float *y) {
    if (grids.channels % 4 == 0) return grid_sum_values<4>(operation, grids, n, x, table, y);
    grid_sum_values<1>(operation, grids, n, x, table, y);
}

template <int G, int D>
void grid_sum_backward_table(const char *operation, const GridSum<G, D> &grids, int64_t n,
                             const float *x, const float *dy, float *dtable) {
    const Scatter scatter(operation, G * grids.entries() * grids.channels, dtable, n << D,
                          {{dy, n * grids.channels}});
    if (grids.channels % 4 == 0)
        grid_sum_scatter<4>(operation, grids, n, x, dy, scatter.sums());
    else
        grid_sum_scatter<1>(operation, grids, n, x, dy, scatter.sums());
    scatter.finish();
}

// One thread a point: the corners' products with the gradient, then their slopes.
template <int G, int D>
void grid_sum_backward_x(const char *operation, const GridSum<G, D> &grids, int64_t n,
                         const float *x, const float *table, const float *dy, float *dx) {
    for_each(operation, n, [=] __device__(int64_t i) {
        float sum[3] = {};
        for (int g = 0; g < G; ++g) {
            const GridCell<D> cell(grids, g, x + i * grids.in);
            float slope[D] = {};
#pragma unroll
            for (int k = 0; k < (1 << D); ++k) {
                const float *row = table + cell.entry(grids, g, k) * grids.channels;
                float product = 0.0f;
                for (int c = 0; c < grids.channels; ++c)
                    product += dy[i * grids.channels + c] * row[c];
                for (int d = 0; d < D; ++d) slope[d] += product * cell.slope(k, d);
            }
            for (int d = 0; d < D; ++d)
                if (cell.place[d].inside)
                    sum[grids.from[g][d]] += slope[d] * dense_grid_scale(grids.axis[d]);
        }
        for (int a = 0; a < grids.in; ++a) dx[i * grids.in + a] = sum[a];
    });
}

}  // namespace nf::cuda
