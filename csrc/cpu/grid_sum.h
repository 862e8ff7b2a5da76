// The sum of G dense grids of D axes, each over coordinates of its own: values and gradients.
//
// Values and slopes: blocks of points. Rows of tables that do not stay in a near cache are fetched
// one vector of points ahead of their turn; where several tables that stay in no cache serve each
// point, near points come after each other.
// Gradient of the tables: points sorted by their cell along a grid's first axis; a run of layers
// has one thread, which sums its entries in that order.
#pragma once

#include <optional>

#include "cell_order.h"
#include "piece.h"

namespace nf::NF_ISA {

template <int G, int D>
struct GridSum {
    const DenseGridAxis *axis;  // of each grid
    int channels;
    int in;          // coordinates of a point
    int from[G][D];  // the coordinate along each axis of each grid

    uint32_t entries() const {  // of one grid
        return axis[0].resolution * axis[0].stride;
    }
};

constexpr int64_t kPointBlock = 2048;
constexpr int64_t kGroup = 64;  // points whose corners are found together
constexpr int64_t kFewPoints = 4096;
constexpr int64_t kNearTable = 1 << 20;  // bytes: read at once, without being fetched

// Fetches the rows of a table around a vector of points.
template <int G, int D>
NF_INLINE void fetch_rows(const Corners<D> *c, const float *table, int64_t channels) {
    for (int64_t p = 0; p < kLanes; ++p)
        for (int g = 0; g < G; ++g)
            for (int k = 0; k < (1 << D); ++k) {
                const float *row = table + int64_t{c[g].index[k][p]} * channels;
                for (int64_t f = 0; f < channels; f += 16) __builtin_prefetch(row + f);
                if (channels % 16 != 0) __builtin_prefetch(row + channels - 1);
            }
}

// Calls body(point, lanes, corners) for every vector of points, blocks in parallel.
template <int G, int D, class Body>
NF_INLINE void for_corners(const GridSum<G, D> &grids, int64_t n, const float *x,
                           const float *table, const Body &body) {
    const int64_t bytes = int64_t{grids.entries()} * G * grids.channels * sizeof(float);
    std::optional<SpaceOrder> order;
    const bool fetches = bytes > kNearTable;
    if (G > 1 && n >= kFewPoints && bytes > kFarBytes) order.emplace(grids.in, n, x);
    parallel_for((n + kPointBlock - 1) / kPointBlock, [&](int64_t b) {
        const int64_t last = least(n, (b + 1) * kPointBlock);
        float column[3][kGroup] = {};
        Corners<D> corners[kGroup / kLanes][G];
        for (int64_t i = b * kPointBlock; i < last; i += kGroup) {
            const int64_t points = least(kGroup, last - i);
            int64_t point[kGroup];
            for (int64_t p = 0; p < points; ++p) point[p] = order ? order->points()[i + p] : i + p;
            for (int a = 0; a < grids.in; ++a)
                for (int64_t p = 0; p < points; ++p) column[a][p] = x[point[p] * grids.in + a];
            for (int64_t p = 0; p < points; p += kLanes)
                for (int g = 0; g < G; ++g) {
                    Vec own[D];
                    for (int d = 0; d < D; ++d) own[d] = load(column[grids.from[g][d]] + p);
                    find_corners<D>(grids.axis, own, g * grids.entries(), corners[p / kLanes][g]);
                }
            for (int64_t p = 0; p < points; p += kLanes) {
                if (fetches && p + kLanes < points)
                    fetch_rows<G, D>(corners[p / kLanes + 1], table, grids.channels);
                body(point + p, least(kLanes, points - p), corners[p / kLanes]);
            }
        }
        finish_streams();
    });
}

// The rows of a table around one point, held apart from the vectors so that stores of results do
// not force them to be read again.
template <int K, class T>
struct Rows {
    template <int D>
    NF_HD void set(int first, const Corners<D> &c, int64_t p, T *table, int64_t channels) {
#pragma GCC unroll 8
        for (int k = 0; k < (1 << D); ++k) {
            row[first + k] = table + int64_t{c.index[k][p]} * channels;
            weight[first + k] = c.weight[k][p];
        }
    }
    T *row[K];
    float weight[K];
};

template <int G, int D, bool kStream>
void sum_rows(const GridSum<G, D> &grids, int64_t n, const float *x, const float *table, float *y) {
    constexpr int kRows = G << D;
    const int64_t channels = grids.channels;
    const auto blend = [&](const int64_t *i, int64_t lanes, const Corners<D> *c) NF_ALWAYS {
        for (int64_t p = 0; p < lanes; ++p) {
            Rows<kRows, const float> rows;
#pragma GCC unroll 3
            for (int g = 0; g < G; ++g) rows.set(g << D, c[g], p, table, channels);
            float *out = y + i[p] * channels;
            for_pieces(grids.channels, [&](auto piece, int first) NF_ALWAYS {
                auto sum = rows.weight[0] * piece.load(rows.row[0] + first);
#pragma GCC unroll 12
                for (int k = 1; k < kRows; ++k)
                    sum += rows.weight[k] * piece.load(rows.row[k] + first);
                if constexpr (kStream && sizeof(sum) == 64)
                    stream_piece(out + first, sum);
                else
                    piece.store(out + first, sum);
            });
        }
    };
    for_corners(grids, n, x, table, blend);
}

template <int G, int D>
void grid_sum_forward(const GridSum<G, D> &grids, int64_t n, const float *x, const float *table,
                      float *y) {
    if (streams(n, grids.channels, y)) return sum_rows<G, D, true>(grids, n, x, table, y);
    sum_rows<G, D, false>(grids, n, x, table, y);
}

template <int G, int D>
void grid_sum_backward_x(const GridSum<G, D> &grids, int64_t n, const float *x, const float *table,
                         const float *dy, float *dx) {
    const int64_t channels = grids.channels;
    const auto add = [&](const int64_t *i, int64_t lanes, const Corners<D> *c) NF_ALWAYS {
        Vec slope[3] = {};
        for (int g = 0; g < G; ++g) {
            Vec product[1 << D] = {};  // of the gradient and each corner's entry
            for (int64_t p = 0; p < lanes; ++p)
                for_pieces(grids.channels, [&](auto piece, int first) NF_ALWAYS {
                    const auto up = piece.load(dy + i[p] * channels + first);
                    for (int k = 0; k < (1 << D); ++k)
                        product[k][p] += piece.sum(
                            up * piece.load(table + int64_t{c[g].index[k][p]} * channels + first));
                });
            for (int d = 0; d < D; ++d) {
                Vec sum{};
                for (int k = 0; k < (1 << D); ++k) sum += product[k] * c[g].slope(k, d);
                slope[grids.from[g][d]] += sum * c[g].inside[d] * dense_grid_scale(grids.axis[d]);
            }
        }
        for (int64_t p = 0; p < lanes; ++p)
            for (int a = 0; a < grids.in; ++a) dx[i[p] * grids.in + a] = slope[a][p];
    };
    for_corners(grids, n, x, table, add);
}

// Layers of a grid that one thread writes.
struct Layers {
    uint32_t begin, size;  // entries
    bool hold(uint32_t entry) const { return entry - begin < size; }
};

// Adds the gradients of some points to a grid's entries that lie in the layers.
template <int D>
void scatter(const DenseGridAxis *axis, int channels, int64_t count, const int64_t *point,
             const float *const *x, int64_t in, const float *dy, Layers layers, float *dtable) {
    Corners<D> c;
    for (int64_t i = 0; i < count; i += kLanes) {
        const int64_t lanes = least(kLanes, count - i);
        Vec coordinate[D] = {};
        for (int64_t p = 0; p < lanes; ++p) {
            for (int d = 0; d < D; ++d) coordinate[d][p] = x[d][point[i + p] * in];
            if (i + p + kLanes < count)
                for (int f = 0; f < channels; f += 16)
                    __builtin_prefetch(dy + point[i + p + kLanes] * channels + f);
        }
        find_corners<D>(axis, coordinate, 0, c);
        for (int64_t p = 0; p < lanes; ++p) {
            const float *up = dy + point[i + p] * channels;
            for (int half = 0; half < 2; ++half) {  // the lower and the upper layer of the cell
                if (!layers.hold(c.index[half][p])) continue;
                for_pieces(channels, [&](auto piece, int first) NF_ALWAYS {
                    const auto gradient = piece.load(up + first);
                    for (int k = half; k < (1 << D); k += 2) {
                        float *entry = dtable + int64_t{c.index[k][p]} * channels + first;
                        piece.store(entry, piece.load(entry) + c.weight[k][p] * gradient);
                    }
                });
            }
        }
    }
}

// A unit owns some layers. It also takes the points of the layer before, whose upper corners may be
// its own; so every entry sums in the order of the sorted points. Layers are cleared just before
// the first point that may add to them, and are then still in cache.
template <int D>
void scatter_by_layers(const DenseGridAxis *axis, int channels, const LayerOrder<D> &order,
                       const float *const *x, int64_t in, const float *dy, float *dtable) {
    const int64_t units = least(order.layers, 8 * omp_get_max_threads());
    const auto entries = [&](int64_t a, int64_t b) {  // of layers [a, b)
        const int64_t low = a << order.shift, high = least(axis->resolution, b << order.shift);
        return Layers{static_cast<uint32_t>(low * axis->stride),
                      static_cast<uint32_t>((high - low) * axis->stride)};
    };
    parallel_for(units, [&](int64_t u) {
        const int64_t a = u * order.layers / units, b = (u + 1) * order.layers / units;
        const Layers own = entries(a, b);
        const auto clear = [&](int64_t layer) {
            const Layers one = entries(layer, layer + 1);
            std::memset(dtable + int64_t{one.begin} * channels, 0,
                        int64_t{one.size} * channels * sizeof(float));
        };
        const auto add = [&](int64_t layer) {
            scatter<D>(axis, channels, order.count(layer), order.points(layer), x, in, dy, own,
                       dtable);
        };
        clear(a);
        if (a > 0) add(a - 1);
        for (int64_t layer = a; layer < b; ++layer) {
            if (layer + 1 < b) clear(layer + 1);
            add(layer);
        }
        if (axis->wrap && a == 0 && b < order.layers) add(order.layers - 1);
    });
}

template <int G, int D>
void grid_sum_backward_table(const GridSum<G, D> &grids, int64_t n, const float *x, const float *dy,
                             float *dtable) {
    for (int g = 0; g < G; ++g) {
        const float *column[D];
        for (int d = 0; d < D; ++d) column[d] = x + grids.from[g][d];
        const LayerOrder<D> order(grids.axis, n, column, grids.in);
        scatter_by_layers<D>(grids.axis, grids.channels, order, column, grids.in, dy,
                             dtable + int64_t{grids.entries()} * g * grids.channels);
    }
}

}  // namespace nf::NF_ISA
