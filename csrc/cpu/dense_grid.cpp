// Dense grid on the CPU. Forward and slopes: blocks of points. Gradient of the table: points sorted
// by their cell along the first axis; a run of layers has one thread, which sums in that order.
#include "dense_grid.h"

#include "cell_order.h"

namespace nf::NF_ISA {

namespace {

constexpr int64_t kBlock = 1024;

// Calls body(i, lanes, corners) for every vector of points i .. i + lanes, blocks in parallel.
template <int D, class Body>
NF_INLINE void for_blocks(const DenseGridShape &grid, int64_t n, const float *x, const Body &body) {
    parallel_for((n + kBlock - 1) / kBlock, [&](int64_t b) {
        const int64_t first = b * kBlock, rows = least(kBlock, n - first);
        const Columns<D> columns(x + first * D, rows);
        Corners<D> c;
        for (int64_t i = 0; i < rows; i += kLanes) {
            find_corners<D>(grid.axis, columns.data, i, c);
            body(first + i, least(kLanes, rows - i), c);
        }
    });
}

template <int D>
void forward(const DenseGridShape &grid, int64_t n, const float *x, const float *table, float *y) {
    const int64_t channels = grid.channels;
    for_blocks<D>(grid, n, x, [&](int64_t i, int64_t lanes, const Corners<D> &c) NF_ALWAYS {
        for (int64_t p = 0; p < lanes; ++p)
            for_pieces(grid.channels, [&](auto piece, int first) NF_ALWAYS {
                typename decltype(piece)::Floats sum{};
                for (int k = 0; k < (1 << D); ++k)
                    sum += c.weight[k][p] *
                           piece.load(table + int64_t{c.index[k][p]} * channels + first);
                piece.store(y + (i + p) * channels + first, sum);
            });
    });
}

template <int D>
void backward_x(const DenseGridShape &grid, int64_t n, const float *x, const float *table,
                const float *dy, float *dx) {
    const int64_t channels = grid.channels;
    for_blocks<D>(grid, n, x, [&](int64_t i, int64_t lanes, const Corners<D> &c) NF_ALWAYS {
        Vec product[1 << D]{};  // of the gradient and each corner's entry
        for (int64_t p = 0; p < lanes; ++p)
            for_pieces(grid.channels, [&](auto piece, int first) NF_ALWAYS {
                const auto g = piece.load(dy + (i + p) * channels + first);
                for (int k = 0; k < (1 << D); ++k)
                    product[k][p] += piece.sum(
                        g * piece.load(table + int64_t{c.index[k][p]} * channels + first));
            });
        for (int d = 0; d < D; ++d) {
            Vec slope{};
            for (int k = 0; k < (1 << D); ++k) slope += product[k] * c.slope(k, d);
            slope *= dense_grid_scale(grid.axis[d]) * c.inside[d];
            for (int64_t p = 0; p < lanes; ++p) dx[(i + p) * D + d] = slope[p];
        }
    });
}

// Adds the gradients of some points to the entries begin .. begin + size.
template <int D>
void scatter(const DenseGridShape &grid, int64_t count, const int64_t *points, const float *x,
             const float *dy, uint32_t begin, uint32_t size, float *dtable) {
    const int64_t channels = grid.channels;
    float column[D][kLanes];
    const float *columns[D];
    for (int d = 0; d < D; ++d) columns[d] = column[d];
    Corners<D> c;
    for (int64_t i = 0; i < count; i += kLanes) {
        const int64_t lanes = least(kLanes, count - i);
        for (int d = 0; d < D; ++d)
            for (int64_t p = 0; p < kLanes; ++p)
                column[d][p] = p < lanes ? x[points[i + p] * D + d] : 0.0f;
        find_corners<D>(grid.axis, columns, 0, c);
        for (int64_t p = 0; p < lanes; ++p) {
            const float *g = dy + points[i + p] * channels;
            for (int half = 0; half < 2; ++half) {  // corners that are low or high on axis 0
                if (c.index[half][p] - begin >= size) continue;
                for_pieces(grid.channels, [&](auto piece, int first) NF_ALWAYS {
                    const auto gradient = piece.load(g + first);
                    for (int k = half; k < (1 << D); k += 2) {
                        float *entry = dtable + int64_t{c.index[k][p]} * channels + first;
                        piece.store(entry, piece.load(entry) + c.weight[k][p] * gradient);
                    }
                });
            }
        }
    }
}

// A unit owns the layers of some buckets. It also takes the points of the bucket before, whose
// upper corners may be its own; so every entry sums in the order of the sorted points.
template <int D>
void backward_table(const DenseGridShape &grid, int64_t n, const float *x, const float *dy,
                    float *dtable) {
    const DenseGridAxis &axis = grid.axis[0];
    const CellOrder order(axis, n, x, D);
    const int64_t units = least(order.buckets, 8 * omp_get_max_threads());
    parallel_for(units, [&](int64_t u) {
        const int64_t a = u * order.buckets / units, b = (u + 1) * order.buckets / units;
        const int64_t low = a << order.shift, high = least(axis.resolution, b << order.shift);
        const uint32_t begin = low * axis.stride, size = (high - low) * axis.stride;
        std::memset(dtable + int64_t{begin} * grid.channels, 0,
                    int64_t{size} * grid.channels * sizeof(float));
        const auto add = [&](int64_t from, int64_t to) {
            scatter<D>(grid, order.start[to] - order.start[from], order.index + order.start[from],
                       x, dy, begin, size, dtable);
        };
        add(a > 0 ? a - 1 : 0, b);
        if (axis.wrap && a == 0 && b < order.buckets) add(order.buckets - 1, order.buckets);
    });
}

#define NF_FOR_DIMENSIONS(run, ...)     \
    switch (grid.dims) {                \
        case 1:                         \
            return run<1>(__VA_ARGS__); \
        case 2:                         \
            return run<2>(__VA_ARGS__); \
        case 3:                         \
            return run<3>(__VA_ARGS__); \
    }

}  // namespace

void dense_grid_forward(const DenseGridShape &grid, int64_t n, const float *x, const float *table,
                        float *y) {
    NF_FOR_DIMENSIONS(forward, grid, n, x, table, y)
}

void dense_grid_backward_table(const DenseGridShape &grid, int64_t n, const float *x,
                               const float *dy, float *dtable) {
    NF_FOR_DIMENSIONS(backward_table, grid, n, x, dy, dtable)
}

void dense_grid_backward_x(const DenseGridShape &grid, int64_t n, const float *x,
                           const float *table, const float *dy, float *dx) {
    NF_FOR_DIMENSIONS(backward_x, grid, n, x, table, dy, dx)
}

}  // namespace nf::NF_ISA
