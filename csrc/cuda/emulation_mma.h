// Tensor cores on the CPU: what mma.cuh asks of them, each lane with its share of the documented
// layout. Lanes show what they hold in two places by turns, so that one barrier is enough.
#pragma once

#include "emulation.h"

namespace nf::emulation {

inline uint32_t pack_halves(float low, float high) {
    const _Float16 pair[2] = {static_cast<_Float16>(low), static_cast<_Float16>(high)};
    uint32_t bits;
    std::memcpy(&bits, pair, sizeof(bits));
    return bits;
}

inline float2 unpack_halves(uint32_t bits) {
    _Float16 pair[2];
    std::memcpy(pair, &bits, sizeof(bits));
    return {static_cast<float>(pair[0]), static_cast<float>(pair[1])};
}

struct Shown {
    float left[32][8], right[32][8];
};

// What the lanes of the warp show each other, all of them.
template <class Show>
const Shown &shown(const Show &show) {
    static thread_local Shown places[32][2];
    static thread_local unsigned turns[32][32];
    const int thread = threadIdx.x, warp = thread / 32, lane = thread % 32;
    Shown &place = places[warp][turns[warp][lane]++ % 2];
    show(place, lane);
    __syncwarp();
    return place;
}

inline void unpack(const uint32_t *from, int count, float *to) {
    for (int r = 0; r < count; ++r) {
        const float2 pair = unpack_halves(from[r]);
        to[2 * r] = pair.x, to[2 * r + 1] = pair.y;
    }
}

inline void multiply_tiles(float *sums, const uint32_t *left, const uint32_t *right) {
    const Shown &all = shown([&](Shown &place, int lane) {
        unpack(left, 4, place.left[lane]);
        unpack(right, 4, place.right[lane]);
    });
    const int lane = threadIdx.x % 32;
    for (int e = 0; e < 8; ++e) {
        const int high = e / 2 % 2, column = lane % 4 * 2 + e % 2;  // of 8, in the block e / 4
        float sum = sums[e];
        for (int k = 0; k < 16; ++k) {
            const float a = all.left[lane / 4 * 4 + k % 8 / 2][4 * (k / 8) + 2 * high + k % 2];
            const float b = all.right[4 * column + k % 8 / 2][4 * (e / 4) + 2 * (k / 8) + k % 2];
            sum += a * b;
        }
        sums[e] = sum;
    }
}

inline uint32_t transposed_block(uint32_t block) {
    const Shown &all = shown([&](Shown &place, int lane) { unpack(&block, 1, place.left[lane]); });
    const int lane = threadIdx.x % 32, column = lane / 4, row = lane % 4 * 2;
    return pack_halves(all.left[4 * row + column / 2][column % 2],
                       all.left[4 * (row + 1) + column / 2][column % 2]);
}

}  // namespace nf::emulation
