// Vectors of floats through the compiler's vector extension: one source for every instruction set.
// Everything here lies in the namespace of its instruction set, so that no function compiled for a
// wide machine can be linked into the code that serves a narrow one.
#pragma once

#include <cstring>

#if defined(__AVX512F__) || defined(__AVX2__)
#include <immintrin.h>
#endif

#include "../core.h"
#include "../memory.h"

namespace nf::NF_ISA {

#if defined(__AVX512F__)
constexpr int kLanes = 16;
#elif defined(__AVX2__)
constexpr int kLanes = 8;
#else
constexpr int kLanes = 4;
#endif

typedef float Vec __attribute__((vector_size(kLanes * 4)));
typedef float VecU __attribute__((vector_size(kLanes * 4), aligned(4), may_alias));
typedef int32_t VecI __attribute__((vector_size(kLanes * 4)));
typedef uint32_t VecIndex __attribute__((vector_size(kLanes * 4)));

#define NF_INLINE static inline __attribute__((always_inline))
#define NF_ALWAYS __attribute__((always_inline))  // for lambdas in inner loops

NF_INLINE Vec load(const float *p) {
    return *reinterpret_cast<const VecU *>(p);
}
NF_INLINE void store(float *p, Vec v) {
    *reinterpret_cast<VecU *>(p) = v;
}
// The first lanes of a vector; the others are loaded as zero.
NF_INLINE Vec load_some(const float *p, int64_t lanes) {
    if (lanes == kLanes) return load(p);
    float padded[kLanes] = {};
    std::memcpy(padded, p, lanes * sizeof(float));
    return load(padded);
}
NF_INLINE void store_some(float *p, Vec v, int64_t lanes) {
    if (lanes == kLanes) return store(p, v);
    float padded[kLanes];
    store(padded, v);
    std::memcpy(p, padded, lanes * sizeof(float));
}
// Store past the caches: for whole lines of results too large to be found there again. `p` is
// aligned to the vector; `finish_streams` comes before another thread reads.
NF_INLINE void stream(float *p, Vec v) {
#if defined(__AVX512F__)
    _mm512_stream_ps(p, (__m512)v);
#elif defined(__AVX2__)
    _mm256_stream_ps(p, (__m256)v);
#else
    store(p, v);
#endif
}
NF_INLINE void finish_streams() {
#if defined(__AVX2__)
    _mm_sfence();
#endif
}
NF_INLINE Vec splat(float x) {
    return x - Vec{};
}
NF_INLINE VecI to_int(Vec x) {
    return __builtin_convertvector(x, VecI);
}
NF_INLINE Vec to_float(VecI x) {
    return __builtin_convertvector(x, Vec);
}
// b where either is NaN.
NF_INLINE Vec max(Vec a, Vec b) {
#if defined(__AVX512F__)
    return (Vec)_mm512_max_ps((__m512)a, (__m512)b);
#elif defined(__AVX2__)
    return (Vec)_mm256_max_ps((__m256)a, (__m256)b);
#else
    return a > b ? a : b;
#endif
}
NF_INLINE Vec min(Vec a, Vec b) {
#if defined(__AVX512F__)
    return (Vec)_mm512_min_ps((__m512)a, (__m512)b);
#elif defined(__AVX2__)
    return (Vec)_mm256_min_ps((__m256)a, (__m256)b);
#else
    return a < b ? a : b;
#endif
}
// The vector with zeros after its first lanes.
NF_INLINE Vec first_lanes(Vec v, int64_t lanes) {
    if (lanes == kLanes) return v;
    for (int64_t i = lanes; i < kLanes; ++i) v[i] = 0;
    return v;
}
// The sum of all lanes, by halves.
NF_INLINE float sum(Vec v) {
    float lane[kLanes];
    store(lane, v);
#pragma GCC unroll 4
    for (int half = kLanes / 2; half > 0; half /= 2)
#pragma GCC unroll 8
        for (int i = 0; i < half; ++i) lane[i] += lane[i + half];
    return lane[0];
}

NF_INLINE Vec floor(Vec x) {
    const Vec t = to_float(to_int(x));
    return t - (t > x ? splat(1.0f) : Vec{});
}

// The nearest integer, of two equally near ones the even one; any magnitude.
NF_INLINE Vec round(Vec x) {
#if defined(__AVX512F__)
    return (Vec)_mm512_roundscale_ps((__m512)x, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
#elif defined(__AVX2__)
    return (Vec)_mm256_round_ps((__m256)x, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
#else
    // Adding 2^23 leaves no bits behind the point; from there on all floats are integers.
    const Vec whole = splat(8388608.0f), sized = x < 0.0f ? -whole : whole;
    return max(x, -x) < whole ? (x + sized) - sized : x;
#endif
}

NF_INLINE Vec sqrt(Vec x) {
#if defined(__AVX512F__)
    return (Vec)_mm512_sqrt_ps((__m512)x);
#elif defined(__AVX2__)
    return (Vec)_mm256_sqrt_ps((__m256)x);
#else
    for (int i = 0; i < kLanes; ++i) x[i] = __builtin_sqrtf(x[i]);
    return x;
#endif
}

// exp to 2 units in the last place on [-87, 88]; clamped outside; NaN stays NaN. Adding 1.5 2^23
// rounds to an integer and leaves it in the lowest bits.
NF_INLINE Vec exp(Vec x) {
    x = min(splat(88.0f), max(splat(-87.0f), x));
    const Vec rounded = x * 1.44269504f + 12582912.0f, n = rounded - 12582912.0f;
    const Vec r = x - n * 0.693359375f + n * 2.12194440e-4f;
    Vec p = splat(1.0f / 5040.0f);
    p = p * r + 1.0f / 720.0f;
    p = p * r + 1.0f / 120.0f;
    p = p * r + 1.0f / 24.0f;
    p = p * r + 1.0f / 6.0f;
    p = p * r + 0.5f;
    p = p * r + 1.0f;
    p = p * r + 1.0f;
    return p * (Vec)(((VecI)rounded + 127) << 23);
}

// log of x > 0: split x = 2^e m with m in [sqrt(1/2), sqrt(2)), then 2 artanh((m - 1) / (m + 1)).
NF_INLINE Vec log(Vec x) {
    VecI bits = (VecI)x;
    VecI e = (bits - 0x3f3504f3) >> 23;
    const Vec m = (Vec)(bits - (e << 23));
    const Vec s = (m - 1.0f) / (m + 1.0f), z = s * s;
    const Vec p = (((2.0f / 9.0f * z + 2.0f / 7.0f) * z + 0.4f) * z + 2.0f / 3.0f) * z + 2.0f;
    return to_float(e) * 0.693147181f + s * p;
}

// log(1 + x) for x >= 0, exact to rounding for small x (Kahan's correction of 1 + x).
NF_INLINE Vec log1p(Vec x) {
    const Vec u = 1.0f + x, d = u - 1.0f;
    return d == 0.0f ? x : log(u) * (x / d);
}

struct SinCos {
    Vec sin, cos;
};

// Taylor's polynomials on [-pi/4, pi/4].
NF_INLINE SinCos sin_cos_octant(Vec r) {
    const Vec z = r * r;
    return {r + r * z * (-1.0f / 6 + z * (1.0f / 120 + z * (-1.0f / 5040 + z * (1.0f / 362880)))),
            1.0f - 0.5f * z + z * z * (1.0f / 24 + z * (-1.0f / 720 + z * (1.0f / 40320)))};
}

// sin(x + quarter_turns pi / 2) for |x| < 1e4: reduction by pi / 2 in three parts.
NF_INLINE Vec sin(Vec x, int quarter_turns = 0) {
    const Vec n = floor(x * 0.636619772f + 0.5f);
    const Vec r = ((x - n * 1.5703125f) - n * 4.83751297e-4f) - n * 7.54978995e-8f;
    const VecI quadrant = to_int(n) + quarter_turns;
    const SinCos v = sin_cos_octant(r);
    const Vec value = (quadrant & 1) != 0 ? v.cos : v.sin;
    return (quadrant & 2) != 0 ? -value : value;
}

// sin(2 pi t) and cos(2 pi t) of any finite t: whole and quarter turns are taken off exactly.
NF_INLINE SinCos sin_cos_turns(Vec t) {
    const Vec turn = t - round(t), quarters = round(4.0f * turn);
    const VecI quadrant = to_int(quarters);
    const SinCos v = sin_cos_octant((turn - 0.25f * quarters) * 6.28318531f);
    const auto odd = (quadrant & 1) != 0;
    const Vec sine = odd ? v.cos : v.sin, cosine = odd ? v.sin : v.cos;
    return {(Vec)((VecI)sine ^ ((quadrant & 2) << 30)),
            (Vec)((VecI)cosine ^ (((quadrant + 1) & 2) << 30))};
}

// Pairs of floats at 8-byte entries: lanes 2i and 2i + 1 of the result hold entry index[first + i].
NF_INLINE Vec gather_pairs(const float *table, VecIndex index, bool upper) {
#if defined(__AVX512F__)
    const __m256i half = upper ? _mm512_extracti64x4_epi64((__m512i)index, 1)
                               : _mm512_castsi512_si256((__m512i)index);
    return (Vec)_mm512_i32gather_pd(half, table, 8);
#elif defined(__AVX2__)
    // Four loads: the instruction that gathers is slower (Zen 3).
    uint32_t at[kLanes];
    std::memcpy(at, &index, sizeof(at));
    const auto *entry = reinterpret_cast<const double *>(table);
    const uint32_t *half = at + (upper ? 4 : 0);
    const __m128d low = _mm_loadh_pd(_mm_load_sd(entry + half[0]), entry + half[1]);
    const __m128d high = _mm_loadh_pd(_mm_load_sd(entry + half[2]), entry + half[3]);
    return (Vec)_mm256_set_m128d(high, low);
#else
    Vec v;
    for (int i = 0; i < kLanes / 2; ++i)
        std::memcpy((char *)&v + 8 * i, table + 2 * index[i + (upper ? kLanes / 2 : 0)], 8);
    return v;
#endif
}

// Each of the lower (or upper) half of the lanes, twice.
NF_INLINE Vec twice(Vec v, bool upper) {
#if defined(__AVX512F__)
    const VecI low = {0, 0, 1, 1, 2, 2, 3, 3, 4, 4, 5, 5, 6, 6, 7, 7};
#elif defined(__AVX2__)
    const VecI low = {0, 0, 1, 1, 2, 2, 3, 3};
#else
    const VecI low = {0, 0, 1, 1};
#endif
    return __builtin_shuffle(v, upper ? low + kLanes / 2 : low);
}

// Treat denormal numbers as zero while alive: they cost a hundred cycles each in decayed optimizer
// moments, and no result here depends on them.
class FlushDenormals {
  public:
#if defined(__SSE2__)
    FlushDenormals() : saved_(__builtin_ia32_stmxcsr()) { __builtin_ia32_ldmxcsr(saved_ | 0x8040); }
    ~FlushDenormals() { __builtin_ia32_ldmxcsr(saved_); }

  private:
    unsigned saved_;
#endif
};

// Runs body(i) for every i in [0, n), each on one thread. Results must not depend on which.
template <class Body>
NF_INLINE void parallel_for(int64_t n, const Body &body) {
#pragma omp parallel if (n > 1)
    {
        const FlushDenormals flush;
#pragma omp for schedule(dynamic, 1)
        for (int64_t i = 0; i < n; ++i) body(i);
    }
}

NF_INLINE int64_t round_up(int64_t n, int64_t multiple) {
    return (n + multiple - 1) / multiple * multiple;
}
NF_INLINE int64_t least(int64_t a, int64_t b) {
    return a < b ? a : b;
}

// Aligned memory for the time of a call.
template <class T>
class Scratch {
  public:
    explicit Scratch(int64_t n) : block_(take_block(n * static_cast<int64_t>(sizeof(T)) + 1)) {}
    ~Scratch() { give_block(block_); }
    Scratch(const Scratch &) = delete;
    Scratch &operator=(const Scratch &) = delete;
    operator T *() const { return static_cast<T *>(block_.data); }

  private:
    Block block_;
};

}  // namespace nf::NF_ISA
