// Normalisation over groups of consecutive rows, as in cpu/normalization.h: all channels together
// (ray), or each by itself (instance). Groups are cut into parts of a fixed size, whose statistics
// are joined in their order.
#pragma once

#include "../cpu/kernels.h"
#include "warp.cuh"

namespace nf::cuda {

constexpr float kEpsilon = 1e-5f;
constexpr int64_t kPart = 256;  // most rows of a part

// Of an array with one number for every group (or one for each of its channels), the element's.
NF_HD int64_t unit_of(const ModulatedLayerShape &shape, int64_t row, int64_t column) {
    const int64_t group = row / shape.group;
    return shape.norm == kInstanceNorm ? group * shape.out + column : group;
}

// Numbers of such an array.
inline int64_t units(const ModulatedLayerShape &shape, int64_t n) {
    if (!shape.grouped()) return 0;
    return n / shape.group * (shape.norm == kInstanceNorm ? shape.out : 1);
}

struct Parts {
    Parts(const ModulatedLayerShape &shape, int64_t n)
        : group(shape.group),
          of_group((group + kPart - 1) / kPart),
          groups(shape.grouped() ? n / group : 0),
          columns(shape.out) {}

    // Two numbers of every channel for each part.
    int64_t size() const { return 2 * groups * of_group * columns; }
    NF_HD int64_t rows(int64_t k) const {
        return k < of_group - 1 ? kPart : group - (of_group - 1) * kPart;
    }

    int64_t group, of_group, groups, columns;
};

// Of every channel of part (blockIdx.x), body(first row, rows, column) gives the two numbers.
template <class Body>
__global__ void parts_kernel(Parts parts, float *memory, Body body) {
    const int64_t part = blockIdx.x, k = part % parts.of_group;
    const int64_t first = part / parts.of_group * parts.group + k * kPart;
    float *to = memory + 2 * part * parts.columns;
    for (int64_t c = threadIdx.x; c < parts.columns; c += kThreads) {
        const float2 two = body(first, parts.rows(k), c);
        to[c] = two.x, to[parts.columns + c] = two.y;
    }
}

template <class Body>
void for_parts(const Parts &parts, float *memory, const Body &body) {
    launch(parts_kernel<Body>, static_cast<unsigned>(parts.groups * parts.of_group), kThreads, 0,
           parts, memory, body);
}

// Mean and summed squared deviation of a channel of some rows; sums are of differences from the
// first row, so that a large mean costs no digits.
__device__ inline float2 moments(const float *z, int64_t rows, int64_t stride) {
    float mean = 0, squares = 0;
    for (int64_t r = 0; r < rows; ++r) mean += z[r * stride] - z[0];
    mean = z[0] + mean / rows;
    for (int64_t r = 0; r < rows; ++r) {
        const float deviation = z[r * stride] - mean;
        squares += deviation * deviation;
    }
    return make_float2(mean, squares);
}

// Those of a group's parts, joined (Chan, Golub and LeVeque 1983); `part` is the first's channel.
__device__ inline float2 joined_moments(const Parts &parts, const float *part) {
    float2 all = make_float2(part[0], part[parts.columns]);
    for (int64_t k = 1; k < parts.of_group; ++k) {
        const float *more = part + 2 * k * parts.columns;
        const float before = k * kPart, share = parts.rows(k) / (before + parts.rows(k));
        const float step = more[0] - all.x;
        all.x += step * share;
        all.y += more[parts.columns] + step * step * share * before;
    }
    return all;
}

// Mean and 1 / deviation of the units of group blockIdx.x, from its parts' moments; the joined
// moments of its channels take the place of the first part's.
static __global__ void statistics_kernel(Parts parts, bool each_channel, float *memory, float *mean,
                                         float *scale) {
    const int64_t group = blockIdx.x, columns = parts.columns;
    float *part = memory + 2 * group * parts.of_group * columns;
    double total = 0, spread = 0;
    for (int64_t c = threadIdx.x; c < columns; c += kThreads) {
        const float2 all = joined_moments(parts, part + c);
        part[c] = all.x, part[columns + c] = all.y;
        total += all.x;
        if (!each_channel) continue;
        mean[group * columns + c] = all.x;
        scale[group * columns + c] = 1.0f / sqrtf(all.y / parts.group + kEpsilon);
    }
    if (each_channel) return;
    const double center = block_sum(total) / columns;
    for (int64_t c = threadIdx.x; c < columns; c += kThreads)
        spread += part[columns + c] + parts.group * (part[c] - center) * (part[c] - center);
    const double variance = block_sum(spread) / (static_cast<double>(parts.group) * columns);
    if (threadIdx.x > 0) return;
    mean[group] = static_cast<float>(center);
    scale[group] = static_cast<float>(1 / sqrt(variance + kEpsilon));
}

// Over every unit the means of dn and of dn n, the two numbers the gradient of a norm subtracts,
// from their sums over the parts.
static __global__ void slopes_kernel(Parts parts, bool each_channel, const float *memory,
                                     float *mean, float *slope) {
    const int64_t group = blockIdx.x, columns = parts.columns;
    double totals = 0, slopes = 0;
    for (int64_t c = threadIdx.x; c < columns; c += kThreads) {
        const float *part = memory + 2 * group * parts.of_group * columns + c;
        float sum = 0, weighted = 0;
        for (int64_t k = 0; k < parts.of_group; ++k, part += 2 * columns)
            sum += part[0], weighted += part[columns];
        totals += sum, slopes += weighted;
        if (!each_channel) continue;
        mean[group * columns + c] = sum / parts.group;
        slope[group * columns + c] = weighted / parts.group;
    }
    if (each_channel) return;
    const double values = static_cast<double>(parts.group) * columns;
    const double total = block_sum(totals) / values, weighted = block_sum(slopes) / values;
    if (threadIdx.x == 0) mean[group] = total, slope[group] = weighted;
}

}  // namespace nf::cuda
