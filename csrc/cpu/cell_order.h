// Points sorted by where they fall in a grid: so that layers of it can have one writer each, and so
// that points which read the same entries come after each other.
#pragma once

#include <omp.h>

#include "dense_grid.h"

namespace nf::NF_ISA {

constexpr int64_t kMostBuckets = 4096;

// A counting sort, stable: points of one bucket stay in the given order, whatever the threads.
class BucketOrder {
  public:
    // bucket(point, lanes): of a vector of points.
    template <class Bucket>
    BucketOrder(int64_t n, int64_t buckets, const Bucket &bucket)
        : buckets(buckets), start(buckets + 1), index(n) {
        const int64_t blocks = omp_get_max_threads(), share = round_up(n / blocks + 1, kLanes);
        const Scratch<int32_t> of(round_up(n, kLanes));
        const Scratch<int64_t> count(blocks * buckets);
        parallel_for(blocks, [&](int64_t b) {
            int64_t *own = count + b * buckets;
            std::memset(own, 0, buckets * sizeof(int64_t));
            for (int64_t i = b * share; i < least(n, (b + 1) * share); i += kLanes) {
                const int64_t lanes = least(kLanes, n - i);
                const VecI bin = bucket(i, lanes);
                for (int64_t p = 0; p < lanes; ++p) ++own[of[i + p] = bin[p]];
            }
        });
        accumulate(blocks, count);
        parallel_for(blocks, [&](int64_t b) {
            int64_t *next = count + b * buckets;
            for (int64_t i = b * share; i < least(n, (b + 1) * share); ++i)
                index[next[of[i]]++] = i;
        });
    }

    const int64_t buckets;
    Scratch<int64_t> start;  // [buckets + 1] into index
    Scratch<int64_t> index;  // [n]

  private:
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

// One coordinate of some points, `step` floats apart.
NF_INLINE Vec load_column(const float *x, int64_t step, int64_t lanes) {
    Vec at{};
    for (int64_t p = 0; p < lanes; ++p) at[p] = x[p * step];
    return at;
}

// By the cell along the first axis, then by slices of the second. A layer is one cell, or 2^shift
// cells of a very fine axis.
template <int D>
class LayerOrder {
  public:
    // x: the first point's coordinate along each axis; `step` floats further lies the next one's.
    LayerOrder(const DenseGridAxis *axis, int64_t n, const float *const *x, int64_t step)
        : shift(shift_to(axis[0], kMostBuckets)),
          layers(((axis[0].resolution - 1) >> shift) + 1),
          slices(D > 1 ? least(16, kMostBuckets / layers) : 1),
          points_(n, layers * slices, [&](int64_t i, int64_t lanes) {
              const Vec first = load_column(x[0] + i * step, step, lanes);
              const VecI layer = find_place(axis[0], first).cell >> shift;
              if (D == 1) return layer;
              const Vec second = load_column(x[D > 1] + i * step, step, lanes);
              const VecI cell = find_place(axis[D > 1], second).cell;
              return layer * int(slices) + (cell >> shift_to(axis[D > 1], slices));
          }) {}

    // The points of a layer, numbers [begin, begin + count) of all sorted.
    const int64_t *points(int64_t layer) const {
        return points_.index + points_.start[layer * slices];
    }
    int64_t count(int64_t layer) const {
        return points_.start[(layer + 1) * slices] - points_.start[layer * slices];
    }

    const int shift;
    const int64_t layers, slices;

  private:
    // Least shift that leaves at most so many cells.
    static int shift_to(const DenseGridAxis &axis, int64_t most) {
        int shift = 0;
        while ((axis.resolution - 1) >> shift >= most) ++shift;
        return shift;
    }

    BucketOrder points_;
};

// By cubes of space along Morton's curve: near points come after each other.
class SpaceOrder {
  public:
    SpaceOrder(int in, int64_t n, const float *x)
        : points_(n, kMostBuckets, [&](int64_t i, int64_t lanes) {
              const int bits = 12 / in;
              VecI key{};
              for (int a = 0; a < in; ++a) {
                  const Vec at = load_column(x + i * in + a, in, lanes);
                  const Vec low = at > 0.0f ? at : Vec{};  // NaN too
                  const VecI cell = to_int((low < 1.0f ? low : splat(0.9999f)) * float(1 << bits));
                  for (int bit = 0; bit < bits; ++bit) key |= (cell >> bit & 1) << (bit * in + a);
              }
              return key;
          }) {}
    const int64_t *points() const { return points_.index; }

  private:
    BucketOrder points_;
};

}  // namespace nf::NF_ISA
