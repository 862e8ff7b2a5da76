// The matrix unit of x86 (AMX): products of tiles of bfloat16 into float32 sums, at float32's
// precision. A float32 is the exact sum of three bfloat16 (8 bits each, cut off from the top):
//
//     x = x0 + x1 + x2,   x y = x0 y0 + x0 y1 + x1 y0 + x1 y1 + x0 y2 + x2 y0 + O(2^-24) x y
//
// (Henry, Tang and Heinecke 2019, arXiv:1904.06376). A block of 32 steps of the sum is stored as
// 16 rows of pairs (step j, step j + 16), for the unit takes steps in pairs; three pieces of a
// block lie together.
#pragma once

#include <immintrin.h>

#include "simd.h"

namespace nf::NF_ISA {

constexpr int64_t kSteps = 32;           // of the sum in a block
constexpr int64_t kSide = 16;            // rows and columns of a tile of sums
constexpr int64_t kPiece = 16 * 16;      // pairs
constexpr int64_t kPieces = 3 * kPiece;  // pairs of a block
typedef int32_t Pair;

// The compiler does not know that the unit reads memory: what was written to `data` is there.
NF_INLINE void settle(const void *data) {
    __asm__ volatile("" ::"r"(data) : "memory");
}

// All tiles have 16 rows of 64 bytes while alive.
class MatrixUnit {
  public:
    MatrixUnit() {
        alignas(64) uint8_t setting[64] = {1};
        for (int tile = 0; tile < 8; ++tile) setting[16 + 2 * tile] = 64, setting[48 + tile] = 16;
        settle(setting);
        _tile_loadconfig(setting);
    }
    ~MatrixUnit() { _tile_release(); }
    MatrixUnit(const MatrixUnit &) = delete;
    MatrixUnit &operator=(const MatrixUnit &) = delete;
};

// The pieces of pairs (low, high), kPiece apart.
NF_INLINE void store_pieces(Pair *to, Vec low, Vec high) {
#pragma GCC unroll 3
    for (int piece = 0; piece < 3; ++piece) {
        const VecI a = (VecI)low & ~0xffff, b = (VecI)high & ~0xffff;
        store((float *)to + piece * kPiece, (Vec)((VecI)((VecIndex)a >> 16) | b));
        low -= (Vec)a, high -= (Vec)b;
    }
}

// sum[kRows][kColumns] tiles, 16 floats a row, `stride` floats from row to row: C (+)= A B over
// `blocks` blocks of steps; tiles of A and of B lie a_next and b_next pairs apart.
template <bool kAdds, int kRows, int kColumns>
NF_INLINE void multiply_tiles(int64_t blocks, const Pair *a, int64_t a_next, const Pair *b,
                              int64_t b_next, float *sum, int64_t stride) {
    const int64_t bytes = stride * sizeof(float);
    float *below = sum + kSide * stride;
    settle(a), settle(b), settle(sum);
    if (kAdds) {
        _tile_loadd(0, sum, bytes);
        if (kColumns > 1) _tile_loadd(1, sum + kSide, bytes);
        if (kRows > 1) _tile_loadd(2, below, bytes);
        if (kRows > 1 && kColumns > 1) _tile_loadd(3, below + kSide, bytes);
    } else {
        _tile_zero(0);
        if (kColumns > 1) _tile_zero(1);
        if (kRows > 1) _tile_zero(2);
        if (kRows > 1 && kColumns > 1) _tile_zero(3);
    }
    const auto take_a = [&](int piece) NF_ALWAYS {
        _tile_loadd(4, a + piece * kPiece, 64);
        if (kRows > 1) _tile_loadd(5, a + a_next + piece * kPiece, 64);
    };
    const auto take_b = [&](int piece) NF_ALWAYS {
        _tile_loadd(6, b + piece * kPiece, 64);
        if (kColumns > 1) _tile_loadd(7, b + b_next + piece * kPiece, 64);
    };
    const auto add = [&]() NF_ALWAYS {
        _tile_dpbf16ps(0, 4, 6);
        if (kColumns > 1) _tile_dpbf16ps(1, 4, 7);
        if (kRows > 1) _tile_dpbf16ps(2, 5, 6);
        if (kRows > 1 && kColumns > 1) _tile_dpbf16ps(3, 5, 7);
    };
    for (int64_t k = 0; k < blocks; ++k, a += kPieces, b += kPieces) {
        take_a(1), take_b(1), add();
        take_b(0), add();
        take_a(2), add();
        take_a(0), add();
        take_b(2), add();
        take_b(1), add();
    }
    _tile_stored(0, sum, bytes);
    if (kColumns > 1) _tile_stored(1, sum + kSide, bytes);
    if (kRows > 1) _tile_stored(2, below, bytes);
    if (kRows > 1 && kColumns > 1) _tile_stored(3, below + kSide, bytes);
}

// The same for any number of tiles: at most two rows and two columns at a time, row by row.
template <bool kAdds>
NF_INLINE void multiply_band(int64_t rows, int64_t columns, int64_t blocks, const Pair *a,
                             int64_t a_next, const Pair *b, int64_t b_next, float *sum,
                             int64_t stride) {
    for (int64_t j = 0; j < columns; j += 2) {
        const Pair *right = b + j * b_next;
        float *to = sum + j * kSide;
        if (rows > 1 && j + 1 < columns)
            multiply_tiles<kAdds, 2, 2>(blocks, a, a_next, right, b_next, to, stride);
        else if (rows > 1)
            multiply_tiles<kAdds, 2, 1>(blocks, a, a_next, right, b_next, to, stride);
        else if (j + 1 < columns)
            multiply_tiles<kAdds, 1, 2>(blocks, a, a_next, right, b_next, to, stride);
        else
            multiply_tiles<kAdds, 1, 1>(blocks, a, a_next, right, b_next, to, stride);
    }
}

}  // namespace nf::NF_ISA
