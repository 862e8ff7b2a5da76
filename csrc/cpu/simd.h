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
NF_INLINE Vec splat(float x) {
    return x - Vec{};
}
NF_INLINE VecI to_int(Vec x) {
    return __builtin_convertvector(x, VecI);
}
NF_INLINE Vec to_float(VecI x) {
    return __builtin_convertvector(x, Vec);
}
NF_INLINE Vec max(Vec a, Vec b) {
    return a > b ? a : b;
}
NF_INLINE Vec min(Vec a, Vec b) {
    return a < b ? a : b;
}

NF_INLINE Vec floor(Vec x) {
    const Vec t = to_float(to_int(x));
    return t - (t > x ? splat(1.0f) : Vec{});
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

// exp to 2 units in the last place on [-87, 88]; clamped outside.
NF_INLINE Vec exp(Vec x) {
    const Vec given = x;
    x = min(max(x, splat(-87.0f)), splat(88.0f));
    const Vec n = floor(x * 1.44269504f + 0.5f);
    const Vec r = x - n * 0.693359375f + n * 2.12194440e-4f;
    Vec p = splat(1.0f / 5040.0f);
    p = p * r + 1.0f / 720.0f;
    p = p * r + 1.0f / 120.0f;
    p = p * r + 1.0f / 24.0f;
    p = p * r + 1.0f / 6.0f;
    p = p * r + 0.5f;
    p = p * r + 1.0f;
    p = p * r + 1.0f;
    return given == given ? p * (Vec)((to_int(n) + 127) << 23) : given;  // NaN stays NaN
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

// sin(x + quarter_turns pi / 2) for |x| < 1e4: reduction by pi / 2 in three parts, then Taylor's
// polynomials on [-pi/4, pi/4].
NF_INLINE Vec sin(Vec x, int quarter_turns = 0) {
    const Vec n = floor(x * 0.636619772f + 0.5f);
    const Vec r = ((x - n * 1.5703125f) - n * 4.83751297e-4f) - n * 7.54978995e-8f;
    const VecI quadrant = to_int(n) + quarter_turns;
    const Vec z = r * r;
    const Vec s =
        r + r * z * (-1.0f / 6 + z * (1.0f / 120 + z * (-1.0f / 5040 + z * (1.0f / 362880))));
    const Vec c = 1.0f - 0.5f * z + z * z * (1.0f / 24 + z * (-1.0f / 720 + z * (1.0f / 40320)));
    const Vec v = (quadrant & 1) != 0 ? c : s;
    return (quadrant & 2) != 0 ? -v : v;
}

// Pairs of floats at 8-byte entries: lanes 2i and 2i + 1 of the result hold entry index[first + i].
NF_INLINE Vec gather_pairs(const float *table, VecIndex index, bool upper) {
#if defined(__AVX512F__)
    const __m256i half = upper ? _mm512_extracti64x4_epi64((__m512i)index, 1)
                               : _mm512_castsi512_si256((__m512i)index);
    return (Vec)_mm512_i32gather_pd(half, table, 8);
#elif defined(__AVX2__)
    const __m128i half = upper ? _mm256_extracti128_si256((__m256i)index, 1)
                               : _mm256_castsi256_si128((__m256i)index);
    return (Vec)_mm256_i32gather_pd((const double *)table, half, 8);
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
