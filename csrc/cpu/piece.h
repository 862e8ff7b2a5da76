// Any number of channels as vectors of 16, 8, 4, 2 and 1 floats.
#pragma once

#include "simd.h"

namespace nf::NF_ISA {

// W neighbouring channels.
template <int W>
struct Piece {
    typedef float Floats __attribute__((vector_size(W * 4), aligned(4), may_alias));
    static NF_HD Floats load(const float *p) { return *reinterpret_cast<const Floats *>(p); }
    static NF_HD void store(float *p, Floats v) { *reinterpret_cast<Floats *>(p) = v; }
    static NF_HD float sum(Floats v) {
        typename Piece<W / 2>::Floats half[2];
        std::memcpy(half, &v, sizeof(v));
        return Piece<W / 2>::sum(half[0] + half[1]);
    }
};

template <>
struct Piece<1> {
    typedef float Floats;
    static NF_HD float load(const float *p) { return *p; }
    static NF_HD void store(float *p, float v) { *p = v; }
    static NF_HD float sum(float v) { return v; }
};

constexpr int64_t kNearBytes = 1 << 23;  // results up to this size are found in cache again
constexpr int64_t kFarBytes = 1 << 24;   // tables beyond this size stay in no cache

// Whether rows of results should go past the caches, and whether they may.
NF_INLINE bool streams(int64_t rows, int64_t channels, const float *y) {
    return rows * channels * int64_t{sizeof(float)} > kNearBytes && channels % 16 == 0 &&
           reinterpret_cast<uintptr_t>(y) % 64 == 0;
}

// A piece of whole vectors, past the caches.
template <class Floats>
NF_INLINE void stream_piece(float *p, Floats value) {
    Vec part[sizeof(Floats) / sizeof(Vec)];
    std::memcpy(part, &value, sizeof(value));
    for (const Vec &v : part) {
        stream(p, v);
        p += kLanes;
    }
}

// Calls body(piece, first channel) for each of the pieces that make up the channels.
template <class Body>
NF_INLINE void for_pieces(int channels, const Body &body) {
    int c = 0;
    for (; c + 16 <= channels; c += 16) body(Piece<16>{}, c);
    if (channels & 8) body(Piece<8>{}, c), c += 8;
    if (channels & 4) body(Piece<4>{}, c), c += 4;
    if (channels & 2) body(Piece<2>{}, c), c += 2;
    if (channels & 1) body(Piece<1>{}, c);
}

}  // namespace nf::NF_ISA
