// Low-rank tensors: one thread has one point, one mode and V channels; of the gradient of the
// points, one point.
#include "../cpu/kernels.h"
#include "../math/lowrank.h"
#include "grid_sum.cuh"

namespace nf::cuda {

namespace {

// Where a point lies along the sides of the tensor.
struct Cell {
    GridPlace place[3];

    __device__ Cell(const LowRankShape &shape, const float *x) {
        for (int a = 0; a < 3; ++a) place[a] = find_place({shape.resolution, 1, false}, x[a]);
    }

    // d position / d x
    __device__ float scale(const LowRankShape &shape, int a) const {
        return place[a].inside ? static_cast<float>(shape.resolution - 1) : 0.0f;
    }
};

// The ends of a line's cell, V channels from `first`.
template <int V>
struct Ends {
    int64_t low, high;  // entries
    float fraction;
    Features<V> at[2];

    __device__ Ends(const LowRankShape &shape, const GridPlace &place, int line, int64_t first,
                    const float *lines)
        : low((int64_t{line} * shape.resolution + place.cell) * shape.channels + first),
          high(low + shape.channels),
          fraction(place.fraction),
          at{load_features<V>(lines + low), load_features<V>(lines + high)} {}

    __device__ float step(int c) const { return at[1].at[c] - at[0].at[c]; }
    __device__ float blend(int c) const { return at[0].at[c] + fraction * step(c); }

    __device__ void add(const TableSums &sums, const Features<V> &gradient) const {
        Features<V> near, far;
        for (int c = 0; c < V; ++c) {
            far.at[c] = fraction * gradient.at[c];
            near.at[c] = gradient.at[c] - far.at[c];
        }
        sums.add(low, near);
        sums.add(high, far);
    }
};

// The corners of a plane's cell, V channels from `first`.
template <int V>
struct Corners {
    int64_t entry[4];
    float u, v, weight[4];
    Features<V> at[4];

    __device__ Corners(const LowRankShape &shape, const Cell &cell, int m, int64_t first,
                       const float *planes)
        : u(cell.place[vm_mode(m).row].fraction), v(cell.place[vm_mode(m).column].fraction) {
        const int64_t side = shape.resolution;
        const int row = cell.place[vm_mode(m).row].cell;
        const int column = cell.place[vm_mode(m).column].cell;
        bilinear_weights(u, v, weight);
        for (int k = 0; k < 4; ++k) {
            const int64_t vertex = (m * side + row + k / 2) * side + column + k % 2;
            entry[k] = vertex * shape.channels + first;
            at[k] = load_features<V>(planes + entry[k]);
        }
    }

    __device__ float blend(int c) const {
        float sum = 0;
        for (int k = 0; k < 4; ++k) sum += weight[k] * at[k].at[c];
        return sum;
    }
    __device__ float row_slope(int c) const {
        const float left = at[2].at[c] - at[0].at[c], right = at[3].at[c] - at[1].at[c];
        return left + v * (right - left);
    }
    __device__ float column_slope(int c) const {
        const float lower = at[1].at[c] - at[0].at[c], upper = at[3].at[c] - at[2].at[c];
        return lower + u * (upper - lower);
    }
};

// A thread's point, mode and first channel.
template <int V>
struct Unit {
    int64_t point, first;
    int mode;

    __device__ Unit(const LowRankShape &shape, int modes, int64_t unit)
        : point(unit / (shape.channels / V * modes)),
          first(unit % (shape.channels / V) * V),
          mode(static_cast<int>(unit / (shape.channels / V) % modes)) {}

    // Of its values among the rows of features.
    __device__ int64_t place(const LowRankShape &shape, int modes) const {
        return (point * modes + mode) * shape.channels + first;
    }
};

template <int V>
struct Vm {
    static void forward(const LowRankShape &shape, int64_t n, const float *x, const float *planes,
                        const float *lines, float *y) {
        for_each("vm", n * 3 * (shape.channels / V), [=] __device__(int64_t i) {
            const Unit<V> unit(shape, 3, i);
            const Cell cell(shape, x + 3 * unit.point);
            const Corners<V> corners(shape, cell, unit.mode, unit.first, planes);
            const Ends<V> ends(shape, cell.place[vm_mode(unit.mode).line], unit.mode, unit.first,
                               lines);
            Features<V> value;
            for (int c = 0; c < V; ++c) value.at[c] = corners.blend(c) * ends.blend(c);
            store_features<V>(y + unit.place(shape, 3), value);
        });
    }

    static void scatter(const LowRankShape &shape, int64_t n, const float *x, const float *planes,
                        const float *lines, const float *dy, const TableSums &dplanes,
                        const TableSums &dlines) {
        for_each("vm", n * 3 * (shape.channels / V), [=] __device__(int64_t i) {
            const Unit<V> unit(shape, 3, i);
            const Cell cell(shape, x + 3 * unit.point);
            const Corners<V> corners(shape, cell, unit.mode, unit.first, planes);
            const Ends<V> ends(shape, cell.place[vm_mode(unit.mode).line], unit.mode, unit.first,
                               lines);
            const Features<V> g = load_features<V>(dy + unit.place(shape, 3));
            Features<V> gradient;
            for (int c = 0; c < V; ++c) gradient.at[c] = g.at[c] * corners.blend(c);
            ends.add(dlines, gradient);
            for (int k = 0; k < 4; ++k) {
                for (int c = 0; c < V; ++c)
                    gradient.at[c] = corners.weight[k] * g.at[c] * ends.blend(c);
                dplanes.add(corners.entry[k], gradient);
            }
        });
    }
};

template <int V>
struct Cp {
    static void forward(const LowRankShape &shape, int64_t n, const float *x, const float *lines,
                        float *y) {
        for_each("cp", n * (shape.channels / V), [=] __device__(int64_t i) {
            const Unit<V> unit(shape, 1, i);
            const Cell cell(shape, x + 3 * unit.point);
            Features<V> value;
            for (int c = 0; c < V; ++c) value.at[c] = 1.0f;
            for (int m = 0; m < 3; ++m) {
                const Ends<V> ends(shape, cell.place[2 - m], m, unit.first, lines);
                for (int c = 0; c < V; ++c) value.at[c] *= ends.blend(c);
            }
            store_features<V>(y + unit.place(shape, 1), value);
        });
    }

    static void scatter(const LowRankShape &shape, int64_t n, const float *x, const float *lines,
                        const float *dy, const TableSums &dlines) {
        for_each("cp", n * (shape.channels / V), [=] __device__(int64_t i) {
            const Unit<V> unit(shape, 1, i);
            const Cell cell(shape, x + 3 * unit.point);
            const Ends<V> ends[3] = {{shape, cell.place[2], 0, unit.first, lines},
                                     {shape, cell.place[1], 1, unit.first, lines},
                                     {shape, cell.place[0], 2, unit.first, lines}};
            const Features<V> g = load_features<V>(dy + unit.place(shape, 1));
            for (int m = 0; m < 3; ++m) {
                Features<V> gradient;
                for (int c = 0; c < V; ++c)
                    gradient.at[c] =
                        g.at[c] * ends[(m + 1) % 3].blend(c) * ends[(m + 2) % 3].blend(c);
                ends[m].add(dlines, gradient);
            }
        });
    }
};

int64_t line_values(const LowRankShape &shape) {
    return int64_t{3} * shape.resolution * shape.channels;
}

bool in_fours(const LowRankShape &shape) {
    return shape.channels % 4 == 0;
}

}  // namespace

void vm_forward(const LowRankShape &shape, int64_t n, const float *x, const float *planes,
                const float *lines, float *y) {
    const auto run = in_fours(shape) ? Vm<4>::forward : Vm<1>::forward;
    run(shape, n, x, planes, lines, y);
}

void vm_backward_tables(const LowRankShape &shape, int64_t n, const float *x, const float *planes,
                        const float *lines, const float *dy, float *dplanes, float *dlines) {
    const int64_t line = line_values(shape), plane = line * shape.resolution;
    const Factor gradient{dy, n * 3 * shape.channels};
    const Scatter of_planes("vm", plane, dplanes, 4 * n, {gradient, {lines, line}});
    const Scatter of_lines("vm", line, dlines, 2 * n, {gradient, {planes, plane}});
    const auto run = in_fours(shape) ? Vm<4>::scatter : Vm<1>::scatter;
    run(shape, n, x, planes, lines, dy, of_planes.sums(), of_lines.sums());
    of_planes.finish();
    of_lines.finish();
}

void vm_backward_x(const LowRankShape &shape, int64_t n, const float *x, const float *planes,
                   const float *lines, const float *dy, float *dx) {
    for_each("vm", n, [=] __device__(int64_t i) {
        const Cell cell(shape, x + 3 * i);
        float sum[3] = {};
        for (int m = 0; m < 3; ++m) {
            const VmMode mode = vm_mode(m);
            for (int c = 0; c < shape.channels; ++c) {
                const Corners<1> corners(shape, cell, m, c, planes);
                const Ends<1> ends(shape, cell.place[mode.line], m, c, lines);
                const float g = dy[(i * 3 + m) * shape.channels + c], slope = g * ends.blend(0);
                sum[mode.row] += slope * corners.row_slope(0);
                sum[mode.column] += slope * corners.column_slope(0);
                sum[mode.line] += g * corners.blend(0) * ends.step(0);
            }
        }
        for (int a = 0; a < 3; ++a) dx[3 * i + a] = sum[a] * cell.scale(shape, a);
    });
}

void cp_forward(const LowRankShape &shape, int64_t n, const float *x, const float *lines,
                float *y) {
    const auto run = in_fours(shape) ? Cp<4>::forward : Cp<1>::forward;
    run(shape, n, x, lines, y);
}

void cp_backward_lines(const LowRankShape &shape, int64_t n, const float *x, const float *lines,
                       const float *dy, float *dlines) {
    const int64_t values = line_values(shape);
    const Scatter scatter("cp", values, dlines, 2 * n,
                          {{dy, n * shape.channels}, {lines, values}, {lines, values}});
    const auto run = in_fours(shape) ? Cp<4>::scatter : Cp<1>::scatter;
    run(shape, n, x, lines, dy, scatter.sums());
    scatter.finish();
}

void cp_backward_x(const LowRankShape &shape, int64_t n, const float *x, const float *lines,
                   const float *dy, float *dx) {
    for_each("cp", n, [=] __device__(int64_t i) {
        const Cell cell(shape, x + 3 * i);
        float sum[3] = {};
        for (int c = 0; c < shape.channels; ++c) {
            const Ends<1> ends[3] = {{shape, cell.place[0], 2, c, lines},
                                     {shape, cell.place[1], 1, c, lines},
                                     {shape, cell.place[2], 0, c, lines}};
            for (int a = 0; a < 3; ++a)
                sum[a] += dy[i * shape.channels + c] * ends[(a + 1) % 3].blend(0) *
                          ends[(a + 2) % 3].blend(0) * ends[a].step(0);
        }
        for (int a = 0; a < 3; ++a) dx[3 * i + a] = sum[a] * cell.scale(shape, a);
    });
}

}  // namespace nf::cuda
