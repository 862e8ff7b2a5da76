// Points sorted by their cell along one axis, so that layers of a grid can have one writer each.
#pragma once

#include <omp.h>

#include "dense_grid.h"

namespace nf::NF_ISA {

// A counting sort, stable: points of one bucket stay in the given order, whatever the threads.
// A bucket is one cell, or 2^shift cells of a very fine axis.
class CellOrder {
  public:
    // x: the first point's coordinate along the axis; `step` floats further lies the next point's.
    CellOrder(const DenseGridAxis &axis, int64_t n, const float *x, int64_t step)
        : shift(shift_of(axis)),
          buckets(((axis.resolution - 1) >> shift) + 1),
          start(buckets + 1),
          index(n) {
        const int64_t blocks = omp_get_max_threads(), share = round_up(n / blocks + 1, kLanes);
        const Scratch<int32_t> bucket(round_up(n, kLanes));
        const Scratch<int64_t> count(blocks * buckets);
        parallel_for(blocks, [&](int64_t b) {
            int64_t *own = count + b * buckets;
            std::memset(own, 0, buckets * sizeof(int64_t));
            for (int64_t i = b * share; i < least(n, (b + 1) * share); i += kLanes) {
                const int64_t lanes = least(kLanes, n - i);
                Vec at{};
                for (int64_t p = 0; p < lanes; ++p) at[p] = x[(i + p) * step];
                const VecI cell = find_place(axis, at).cell >> shift;
                for (int64_t p = 0; p < lanes; ++p) ++own[bucket[i + p] = cell[p]];
            }
        });
        accumulate(blocks, count);
        parallel_for(blocks, [&](int64_t b) {
            int64_t *next = count + b * buckets;
            for (int64_t i = b * share; i < least(n, (b + 1) * share); ++i)
                index[next[bucket[i]]++] = i;
        });
    }

    const int shift;
    const int64_t buckets;
    Scratch<int64_t> start;  // [buckets + 1] into index
    Scratch<int64_t> index;  // [n]

  private:
    static int shift_of(const DenseGridAxis &axis) {
        int shift = 0;
        while ((axis.resolution - 1) >> shift >= 4096) ++shift;
        return shift;
    }

    // Counts of the blocks to first positions.
    void accumulate(int64_t blocks, int64_t *count) {
        int64_t total = 0;
        for (int64_t k = 0; k < buckets; ++k) {
            start[k] = total;
            for (int64_t b = 0; b < blocks; ++b) {
                const int64_t here = count[b * buckets + k];
                count[b * buckets + k] = total;
                total += here;
            }
        }
        start[buckets] = total;
    }
};

}  // namespace nf::NF_ISA
