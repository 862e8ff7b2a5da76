// Normalisation n = (z - mean) / sqrt(variance + epsilon) and its gradient. Statistics are taken
// over a row's channels (layer), or over a group of consecutive rows: all channels together (ray),
// or each by itself (instance). Groups are cut into chunks of a fixed size, whose statistics are
// joined in their order: the same bits whatever the number of threads.
#pragma once

#include <cmath>

#include "kernels.h"
#include "simd.h"

namespace nf::NF_ISA {

constexpr float kEpsilon = 1e-5f;
constexpr int64_t kChunk = 256;  // most rows of a chunk

// The vectors of a row: body(column, lanes).
template <class Body>
NF_INLINE void for_columns(int64_t columns, const Body &body) {
    int64_t c = 0;
    for (; c + kLanes <= columns; c += kLanes) body(c, kLanes);
    if (c < columns) body(c, columns - c);
}

// One number for all channels of a row, or one for each.
struct Channels {
    const float *value;
    bool each;
    NF_ALWAYS inline Vec at(int64_t column, int64_t lanes) const {
        return each ? load_some(value + column, lanes) : splat(*value);
    }
};

// Of an array with one number for every group (or one for each of its channels), the row's.
NF_INLINE Channels of_group(const ModulatedLayerShape &shape, const float *values, int64_t row) {
    const bool each = shape.norm == kInstanceNorm;
    return {values + row / shape.group * (each ? shape.out : 1), each};
}

// Numbers of such an array.
NF_INLINE int64_t units(const ModulatedLayerShape &shape, int64_t n) {
    if (!shape.grouped()) return 0;
    return n / shape.group * (shape.norm == kInstanceNorm ? shape.out : 1);
}

struct RowStatistics {
    float mean, scale;  // scale = 1 / deviation
};

NF_INLINE RowStatistics row_statistics(const float *z, int64_t columns) {
    Vec total{}, squares{};
    for_columns(columns,
                [&](int64_t c, int64_t lanes) NF_ALWAYS { total += load_some(z + c, lanes); });
    const float mean = sum(total) / columns;
    for_columns(columns, [&](int64_t c, int64_t lanes) NF_ALWAYS {
        const Vec deviation = first_lanes(load_some(z + c, lanes) - mean, lanes);
        squares += deviation * deviation;
    });
    return {mean, 1.0f / std::sqrt(sum(squares) / columns + kEpsilon)};
}

// Runs body(group, first row, rows, chunk) for every chunk of the groups.
struct Chunks {
    Chunks(const ModulatedLayerShape &shape, int64_t n)
        : group(shape.group), each((group + kChunk - 1) / kChunk), groups(n / group) {}

    template <class Body>
    void run(const Body &body) const {
        parallel_for(groups * each, [&](int64_t chunk) {
            const int64_t first = chunk % each * kChunk;
            body(chunk, chunk / each * group + first, least(kChunk, group - first));
        });
    }

    int64_t group, each, groups;  // rows of a group, chunks of a group
};

// Mean and summed squared deviation of every channel of some rows; sums are of differences from the
// first row, so that a large mean costs no digits.
inline void moments(const float *z, int64_t rows, int64_t columns, float *__restrict mean,
                    float *__restrict squares) {
    std::memset(mean, 0, columns * sizeof(float));
    std::memset(squares, 0, columns * sizeof(float));
    for (int64_t r = 0; r < rows; ++r)
        for (int64_t c = 0; c < columns; ++c) mean[c] += z[r * columns + c] - z[c];
    for (int64_t c = 0; c < columns; ++c) mean[c] = z[c] + mean[c] / rows;
    for (int64_t r = 0; r < rows; ++r)
        for (int64_t c = 0; c < columns; ++c) {
            const float deviation = z[r * columns + c] - mean[c];
            squares[c] += deviation * deviation;
        }
}

// Moments of `count` rows, joined with those of `more` rows (Chan, Golub and LeVeque 1983).
inline void join_moments(int64_t count, int64_t more, int64_t columns, float *__restrict mean,
                         float *__restrict squares, const float *mean_more,
                         const float *squares_more) {
    const float share = static_cast<float>(more) / (count + more);
    for (int64_t c = 0; c < columns; ++c) {
        const float step = mean_more[c] - mean[c];
        mean[c] += step * share;
        squares[c] += squares_more[c] + step * step * share * count;
    }
}

// The moments of all channels together, from those of each; `rows` is what each was taken over.
inline RowStatistics joined_channels(const float *mean, const float *squares, int64_t columns,
                                     int64_t rows) {
    double center = 0, spread = 0;
    for (int64_t c = 0; c < columns; ++c) center += mean[c];
    center /= columns;
    for (int64_t c = 0; c < columns; ++c)
        spread += squares[c] + rows * (mean[c] - center) * (mean[c] - center);
    const double variance = spread / (rows * columns);
    return {static_cast<float>(center), static_cast<float>(1 / std::sqrt(variance + kEpsilon))};
}

// Mean and 1 / deviation of every unit of z: [N][out].
inline void group_statistics(const ModulatedLayerShape &shape, int64_t n, const float *z,
                             float *mean, float *scale) {
    const int64_t columns = shape.out;
    const Chunks chunks(shape, n);
    const Scratch<float> memory(2 * chunks.groups * chunks.each * columns);
    const auto part = [&](int64_t chunk) { return memory + 2 * chunk * columns; };
    chunks.run([&](int64_t chunk, int64_t first, int64_t rows) {
        moments(z + first * columns, rows, columns, part(chunk), part(chunk) + columns);
    });
    parallel_for(chunks.groups, [&](int64_t g) {
        float *means = part(g * chunks.each), *squares = means + columns;
        for (int64_t k = 1; k < chunks.each; ++k) {
            const float *more = part(g * chunks.each + k);
            join_moments(k * kChunk, least(kChunk, shape.group - k * kChunk), columns, means,
                         squares, more, more + columns);
        }
        if (shape.norm == kRayNorm) {
            const RowStatistics all = joined_channels(means, squares, columns, shape.group);
            mean[g] = all.mean, scale[g] = all.scale;
            return;
        }
        for (int64_t c = 0; c < columns; ++c) {
            mean[g * columns + c] = means[c];
            scale[g * columns + c] = 1.0f / std::sqrt(squares[c] / shape.group + kEpsilon);
        }
    });
}

// Over every unit the means of dn and of dn n, the two numbers the gradient of a norm subtracts,
// from their sums over the chunks: [chunks][2][out].
inline void group_means(const ModulatedLayerShape &shape, const Chunks &chunks, float *sums,
                        float *mean, float *slope) {
    const int64_t columns = shape.out;
    parallel_for(chunks.groups, [&](int64_t g) {
        float *all = sums + 2 * g * chunks.each * columns;
        for (int64_t k = 1; k < chunks.each; ++k)
            for (int64_t c = 0; c < 2 * columns; ++c) all[c] += all[2 * k * columns + c];
        if (shape.norm == kRayNorm) {
            double total[2] = {};
            for (int64_t c = 0; c < columns; ++c) total[0] += all[c], total[1] += all[columns + c];
            mean[g] = static_cast<float>(total[0] / (shape.group * columns));
            slope[g] = static_cast<float>(total[1] / (shape.group * columns));
            return;
        }
        for (int64_t c = 0; c < columns; ++c) {
            mean[g * columns + c] = all[c] / shape.group;
            slope[g * columns + c] = all[columns + c] / shape.group;
        }
    });
}

}  // namespace nf::NF_ISA
