// Low-rank tensors on the CPU. Features of VM: rows of a plane are fetched some points ahead of
// their turn; points far from each other are sorted by tiles of the plane, whose entries then stay
// in the nearest cache. Gradients of planes: always in that order; a band of tile rows has one
// thread. Gradients of lines: sums over bands or shares of the points, added up in order. All
// divisions depend on sizes alone.
#include "lowrank.h"

#include <cstdlib>
#include <optional>

#include "piece.h"

namespace nf::NF_ISA {

namespace {

constexpr int64_t kBands = 32;   // of a mode, at most
constexpr int64_t kShares = 32;  // of the points, at most
constexpr int64_t kAhead = 8;    // points whose gradients and rows are fetched ahead

// Whether points that follow each other are mostly far apart, by some of them: points along rays
// are not.
bool scattered(int resolution, int64_t n, const float *x) {
    constexpr int kNear = 8;  // cells
    const int64_t count = least(kTile, n);
    Cells cells;
    find_cells(resolution, x, count, [](int64_t p) { return p; }, cells);
    int64_t far = 0;
    for (int64_t p = 1; p < count; ++p)
        far += std::abs(cells.low[0][p] - cells.low[0][p - 1]) > kNear;
    return 2 * far > count;
}

// target = sum of `parts` arrays of `size` floats.
void sum_parts(int64_t parts, int64_t size, const float *part, float *target) {
    constexpr int64_t kBlock = 4096;
    parallel_for((size + kBlock - 1) / kBlock, [&](int64_t b) {
        const int64_t first = b * kBlock, count = least(kBlock, size - first);
        std::memcpy(target + first, part + first, count * sizeof(float));
        for (int64_t k = 1; k < parts; ++k)
            for (int64_t i = first; i < first + count; ++i) target[i] += part[k * size + i];
    });
}

// The features of one mode: y and dy are the mode's of the first point.
struct Blend {
    const LowRankShape &shape;
    VmMode mode;
    const float *x, *plane, *line;
    float *y;

    template <bool kStream>
    void tile(int64_t count, const int64_t *point) const {
        const int64_t channels = shape.channels, row = shape.resolution * channels;
        Cells cells;
        find_cells(shape.resolution, x, count, [&](int64_t p) { return point[p]; }, cells);
        for (int64_t p = 0; p < count; ++p) {
            if (p + kAhead < count) fetch(Site(shape, mode, cells, p + kAhead));
            const Site s(shape, mode, cells, p);
            float *out = y + point[p] * 3 * channels;
            for_pieces(shape.channels, [&](auto piece, int c) NF_ALWAYS {
                using P = decltype(piece);
                const Corners4<P> corners(plane + s.plane + c, row, channels);
                const Ends<P> ends(line + s.line + c, channels);
                const auto value = corners.blend(s.weight) * ends.blend(s.w);
                if constexpr (kStream && sizeof(value) == 64)
                    stream_piece(out + c, value);
                else
                    piece.store(out + c, value);
            });
        }
        if (kStream) finish_streams();
    }

  private:
    // The rows of the plane around a point: two runs of two vertices.
    NF_ALWAYS inline void fetch(const Site &s) const {
        const float *low = plane + s.plane, *high = low + shape.resolution * shape.channels;
        for (int64_t c = 0; c < 2 * shape.channels; c += 16) {
            __builtin_prefetch(low + c);
            __builtin_prefetch(high + c);
        }
    }
};

// The gradients of one mode that one thread writes: rows of the plane below `high`, the row
// `high` that the next band adds to its own, and a part of the line's.
struct Band {
    const LowRankShape &shape;
    VmMode mode;
    const float *x, *plane, *line, *dy;
    float *dplane, *dline, *spill;
    int64_t high;

    void scatter(int64_t count, const int64_t *point) const;

  private:
    void add_point(const Cells &cells, int64_t p, const float *up) const;
};

void Band::add_point(const Cells &cells, int64_t p, const float *up) const {
    const int64_t channels = shape.channels, row = shape.resolution * channels;
    const Site s(shape, mode, cells, p);
    float *lower = dplane + s.plane;
    float *upper = cells.low[mode.row][p] + 1 < high
                       ? lower + row
                       : spill + int64_t{cells.low[mode.column][p]} * channels;
    for_pieces(shape.channels, [&](auto piece, int c) NF_ALWAYS {
        using P = decltype(piece);
        const Ends<P> ends(line + s.line + c, channels);
        const Corners4<P> corners(plane + s.plane + c, row, channels);
        const auto g = piece.load(up + c), slope = g * ends.blend(s.w);
        const auto end = g * corners.blend(s.weight), far = s.w * end;
        add(piece, dline + s.line + c, end - far);
        add(piece, dline + s.line + channels + c, far);
        add(piece, lower + c, s.weight[0] * slope);
        add(piece, lower + channels + c, s.weight[1] * slope);
        add(piece, upper + c, s.weight[2] * slope);
        add(piece, upper + channels + c, s.weight[3] * slope);
    });
}

void Band::scatter(int64_t count, const int64_t *point) const {
    const int64_t stride = 3 * shape.channels;
    Cells cells;
    for (int64_t first = 0; first < count; first += kTile) {
        const int64_t *tile = point + first, left = count - first;
        find_cells(
            shape.resolution, x, least(kTile, left), [&](int64_t p) { return tile[p]; }, cells);
        for (int64_t p = 0; p < least(kTile, left); ++p) {
            if (p + kAhead < left)
                for (int64_t c = 0; c < shape.channels; c += 16)
                    __builtin_prefetch(dy + tile[p + kAhead] * stride + c);
            add_point(cells, p, dy + tile[p] * stride);
        }
    }
}

// Adds the gradients of points [first, last) to the lines'.
void cp_scatter(const LowRankShape &shape, const float *x, int64_t first, int64_t last,
                const float *lines, const float *dy, float *dlines) {
    const int64_t channels = shape.channels, line = shape.resolution * channels;
    Cells cells;
    for (int64_t tile = first; tile < last; tile += kTile) {
        const int64_t count = least(kTile, last - tile);
        find_cells(shape.resolution, x + 3 * tile, count, [](int64_t p) { return p; }, cells);
        for (int64_t p = 0; p < count; ++p) {
            int64_t at[3];
            for (int m = 0; m < 3; ++m) at[m] = m * line + cells.low[2 - m][p] * channels;
            for_pieces(shape.channels, [&](auto piece, int c) NF_ALWAYS {
                typename decltype(piece)::Floats value[3];
                for (int m = 0; m < 3; ++m)
                    value[m] = Ends<decltype(piece)>(lines + at[m] + c, channels)
                                   .blend(cells.fraction[2 - m][p]);
                const auto g = piece.load(dy + (tile + p) * channels + c);
                for (int m = 0; m < 3; ++m) {
                    const auto end = g * value[(m + 1) % 3] * value[(m + 2) % 3];
                    const auto far = cells.fraction[2 - m][p] * end;
                    add(piece, dlines + at[m] + c, end - far);
                    add(piece, dlines + at[m] + channels + c, far);
                }
            });
        }
    }
}

}  // namespace

void vm_forward(const LowRankShape &shape, int64_t n, const float *x, const float *planes,
                const float *lines, float *y) {
    const int64_t row = int64_t{shape.resolution} * shape.channels;
    const bool past = streams(3 * n, shape.channels, y);
    std::optional<TileOrders> orders;
    if (3 * shape.resolution * row * int64_t{sizeof(float)} > kFarBytes &&
        scattered(shape.resolution, n, x))
        orders.emplace(shape.resolution, n, x);
    const int64_t tiles = (n + kTile - 1) / kTile;
    parallel_for(3 * tiles, [&](int64_t unit) {
        const int64_t m = unit / tiles, first = unit % tiles * kTile;
        const int64_t count = least(kTile, n - first);
        int64_t point[kTile];
        for (int64_t p = 0; p < count; ++p)
            point[p] = orders ? orders->of[m]->index[first + p] : first + p;
        const Blend blend{shape,
                          vm_mode(m),
                          x,
                          planes + m * shape.resolution * row,
                          lines + m * row,
                          y + m * shape.channels};
        if (past)
            blend.tile<true>(count, point);
        else
            blend.tile<false>(count, point);
    });
}

void vm_backward_tables(const LowRankShape &shape, int64_t n, const float *x, const float *planes,
                        const float *lines, const float *dy, float *dplanes, float *dlines) {
    const int64_t row = int64_t{shape.resolution} * shape.channels, plane = shape.resolution * row;
    const TileOrders orders(shape.resolution, n, x);
    const int shift = orders.of[0]->shift;
    const int64_t side = orders.of[0]->side, bands = least(kBands, side);
    const Scratch<float> parts(bands * 3 * row);   // lines of every band
    const Scratch<float> spills(bands * 3 * row);  // of every band, the row after its last
    parallel_for(3 * bands, [&](int64_t unit) {
        const int64_t band = unit / 3, m = unit % 3;
        const int64_t begin = band * side / bands, end = (band + 1) * side / bands;
        const int64_t low = begin << shift;
        const int64_t high = band + 1 < bands ? end << shift : shape.resolution;
        const TileOrder &order = *orders.of[m];
        const Band own{shape,
                       vm_mode(m),
                       x,
                       planes + m * plane,
                       lines + m * row,
                       dy + m * shape.channels,
                       dplanes + m * plane,
                       parts + unit * row,
                       spills + unit * row,
                       high};
        std::memset(own.dplane + low * row, 0, (high - low) * row * sizeof(float));
        std::memset(own.dline, 0, row * sizeof(float));
        std::memset(own.spill, 0, row * sizeof(float));
        const int64_t from = order.start[begin * side];
        own.scatter(order.start[end * side] - from, order.index + from);
    });
    parallel_for(3 * (bands - 1), [&](int64_t unit) {
        const int64_t end = (unit / 3 + 1) * side / bands;
        float *target = dplanes + (unit % 3) * plane + (end << shift) * row;
        for (int64_t i = 0; i < row; ++i) target[i] += spills[unit * row + i];
    });
    sum_parts(bands, 3 * row, parts, dlines);
}

void vm_backward_x(const LowRankShape &shape, int64_t n, const float *x, const float *planes,
                   const float *lines, const float *dy, float *dx) {
    const int64_t channels = shape.channels, row = shape.resolution * channels;
    for_tiles(shape.resolution, n, x, [&](int64_t first, int64_t count, const Cells &cells) {
        const float *up = dy + first * 3 * channels;
        for (int64_t p = 0; p < count; ++p) {
            float sum[3][16] = {};  // over modes, of every sixteenth channel
            for (int m = 0; m < 3; ++m, up += channels) {
                const VmMode mode = vm_mode(m);
                const Site s(shape, mode, cells, p);
                const float *plane = planes + m * shape.resolution * row + s.plane;
                const float *line = lines + m * row + s.line;
                for_pieces(shape.channels, [&](auto piece, int c) NF_ALWAYS {
                    using P = decltype(piece);
                    const Corners4<P> corners(plane + c, row, channels);
                    const Ends<P> ends(line + c, channels);
                    const auto g = piece.load(up + c), slope = g * ends.blend(s.w);
                    const auto left = corners.at[2] - corners.at[0];
                    const auto right = corners.at[3] - corners.at[1];
                    const auto lower = corners.at[1] - corners.at[0];
                    const auto upper = corners.at[3] - corners.at[2];
                    add(piece, sum[mode.row], slope * (left + s.v * (right - left)));
                    add(piece, sum[mode.column], slope * (lower + s.u * (upper - lower)));
                    add(piece, sum[mode.line], g * corners.blend(s.weight) * ends.step);
                });
            }
            for (int a = 0; a < 3; ++a)
                dx[(first + p) * 3 + a] = Piece<16>::sum(Piece<16>::load(sum[a])) *
                                          (shape.resolution - 1) * cells.inside[a][p];
        }
    });
}

void cp_forward(const LowRankShape &shape, int64_t n, const float *x, const float *lines,
                float *y) {
    const int64_t channels = shape.channels, line = shape.resolution * channels;
    for_tiles(shape.resolution, n, x, [&](int64_t first, int64_t count, const Cells &cells) {
        for (int64_t p = 0; p < count; ++p)
            for_pieces(shape.channels, [&](auto piece, int c) NF_ALWAYS {
                using P = decltype(piece);
                const auto blend = [&](int m) NF_ALWAYS {
                    return Ends<P>(lines + m * line + cells.low[2 - m][p] * channels + c, channels)
                        .blend(cells.fraction[2 - m][p]);
                };
                piece.store(y + (first + p) * channels + c, blend(0) * blend(1) * blend(2));
            });
    });
}

void cp_backward_lines(const LowRankShape &shape, int64_t n, const float *x, const float *lines,
                       const float *dy, float *dlines) {
    const int64_t size = int64_t{3} * shape.resolution * shape.channels;
    // As many shares as have more points than there are vertices to sum up.
    const int64_t wanted = n / (3 * shape.resolution);
    const int64_t shares = wanted < 1 ? 1 : least(wanted, kShares);
    const Scratch<float> parts(shares * size);
    parallel_for(shares, [&](int64_t k) {
        std::memset(parts + k * size, 0, size * sizeof(float));
        cp_scatter(shape, x, k * n / shares, (k + 1) * n / shares, lines, dy, parts + k * size);
    });
    sum_parts(shares, size, parts, dlines);
}

void cp_backward_x(const LowRankShape &shape, int64_t n, const float *x, const float *lines,
                   const float *dy, float *dx) {
    const int64_t channels = shape.channels, line = shape.resolution * channels;
    for_tiles(shape.resolution, n, x, [&](int64_t first, int64_t count, const Cells &cells) {
        for (int64_t p = 0; p < count; ++p) {
            float sum[3][16] = {};  // of every sixteenth channel
            for_pieces(shape.channels, [&](auto piece, int c) NF_ALWAYS {
                using P = decltype(piece);
                const auto ends = [&](int a) NF_ALWAYS {
                    return Ends<P>(lines + (2 - a) * line + cells.low[a][p] * channels + c,
                                   channels);
                };
                const Ends<P> e[3] = {ends(0), ends(1), ends(2)};
                typename P::Floats value[3];
                for (int a = 0; a < 3; ++a) value[a] = e[a].blend(cells.fraction[a][p]);
                const auto g = piece.load(dy + (first + p) * channels + c);
                for (int a = 0; a < 3; ++a)
                    add(piece, sum[a], g * value[(a + 1) % 3] * value[(a + 2) % 3] * e[a].step);
            });
            for (int a = 0; a < 3; ++a)
                dx[(first + p) * 3 + a] = Piece<16>::sum(Piece<16>::load(sum[a])) *
                                          (shape.resolution - 1) * cells.inside[a][p];
        }
    });
}

}  // namespace nf::NF_ISA
