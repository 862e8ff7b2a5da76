// What low-rank tensors share: where a tile of points falls, and the entries blended there.
#pragma once

#include <memory>

#include "../math/lowrank.h"
#include "cell_order.h"
#include "piece.h"

namespace nf::NF_ISA {

constexpr int64_t kTile = 256;

// Cells of some points along the three coordinates.
struct Cells {
    int32_t low[3][kTile];
    float fraction[3][kTile];
    float inside[3][kTile];  // 1 where the coordinate was in [0, 1], 0 where it was clamped
};

// Cells of the points point(0) .. point(count - 1).
template <class Point>
NF_INLINE void find_cells(int resolution, const float *x, int64_t count, const Point &point,
                          Cells &cells) {
    const DenseGridAxis axis{resolution, 1, false};
    for (int a = 0; a < 3; ++a) {
        float column[kTile];
        for (int64_t p = 0; p < count; ++p) column[p] = x[3 * point(p) + a];
        for (int64_t p = count; p < round_up(count, kLanes); ++p) column[p] = 0.0f;
        for (int64_t p = 0; p < count; p += kLanes) {
            const Place place = find_place(axis, load(column + p));
            std::memcpy(cells.low[a] + p, &place.cell, sizeof(place.cell));
            store(cells.fraction[a] + p, place.fraction);
            store(cells.inside[a] + p, place.inside);
        }
    }
}

// Calls body(first, count, cells) for every tile of points, tiles in parallel.
template <class Body>
NF_INLINE void for_tiles(int resolution, int64_t n, const float *x, const Body &body) {
    parallel_for((n + kTile - 1) / kTile, [&](int64_t t) {
        const int64_t first = t * kTile, count = least(kTile, n - first);
        Cells cells;
        find_cells(resolution, x + 3 * first, count, [](int64_t p) { return p; }, cells);
        body(first, count, cells);
    });
}

// Points sorted by the tile of cells of a plane that they fall into, tile row by tile row: a tile's
// entries stay in the first-level cache. Stable, so that the order does not depend on the threads.
class TileOrder {
  public:
    TileOrder(int resolution, const VmMode &mode, int64_t n, const float *x)
        : shift(shift_of(resolution)),
          side(((resolution - 2) >> shift) + 1),
          start(side * side + 1),
          index(n) {
        const Scratch<int32_t> tile(n);
        std::memset(start, 0, (side * side + 1) * sizeof(int64_t));
        Cells cells;
        for (int64_t first = 0; first < n; first += kTile) {
            const int64_t count = least(kTile, n - first);
            find_cells(resolution, x + 3 * first, count, [](int64_t p) { return p; }, cells);
            for (int64_t p = 0; p < count; ++p) {
                const int32_t row = cells.low[mode.row][p] >> shift;
                tile[first + p] = row * side + (cells.low[mode.column][p] >> shift);
                ++start[tile[first + p] + 1];
            }
        }
        for (int64_t t = 0; t < side * side; ++t) start[t + 1] += start[t];
        const Scratch<int64_t> next(side * side);
        std::memcpy(next, start, side * side * sizeof(int64_t));
        for (int64_t i = 0; i < n; ++i) index[next[tile[i]]++] = i;
    }

    const int shift;         // a tile is 2^shift cells wide
    const int64_t side;      // tiles along each axis
    Scratch<int64_t> start;  // [side * side + 1] into index
    Scratch<int64_t> index;  // [n]

  private:
    static int shift_of(int resolution) {
        int shift = 3;
        while ((resolution - 2) >> shift >= 64) ++shift;
        return shift;
    }
};

// The orders of the three planes, each found by one thread.
struct TileOrders {
    TileOrders(int resolution, int64_t n, const float *x) {
        parallel_for(3, [&](int64_t m) {
            of[m] = std::make_unique<TileOrder>(resolution, vm_mode(m), n, x);
        });
    }
    std::unique_ptr<TileOrder> of[3];
};

// One mode at one point: the first entries of its cell, and the weights of the corners.
struct Site {
    Site(const LowRankShape &shape, const VmMode &mode, const Cells &cells, int64_t p)
        : plane((int64_t{cells.low[mode.row][p]} * shape.resolution + cells.low[mode.column][p]) *
                shape.channels),
          line(int64_t{cells.low[mode.line][p]} * shape.channels),
          u(cells.fraction[mode.row][p]),
          v(cells.fraction[mode.column][p]),
          w(cells.fraction[mode.line][p]) {
        bilinear_weights(u, v, weight);
    }
    int64_t plane, line;
    float u, v, w, weight[4];
};

// The entries of a plane's cell, some channels of them.
template <class P>
struct Corners4 {
    typename P::Floats at[4];
    Corners4(const float *corner, int64_t row, int64_t channels)
        : at{P::load(corner), P::load(corner + channels), P::load(corner + row),
             P::load(corner + row + channels)} {}
    typename P::Floats blend(const float *weight) const {
        return weight[0] * at[0] + weight[1] * at[1] + weight[2] * at[2] + weight[3] * at[3];
    }
};

// The entries of a line's cell, some channels of them.
template <class P>
struct Ends {
    typename P::Floats low, step;
    Ends(const float *end, int64_t channels)
        : low(P::load(end)), step(P::load(end + channels) - low) {}
    typename P::Floats blend(float w) const { return low + w * step; }
};

template <class P>
NF_INLINE void add(P, float *entry, typename P::Floats value) {
    P::store(entry, P::load(entry) + value);
}

}  // namespace nf::NF_ISA
