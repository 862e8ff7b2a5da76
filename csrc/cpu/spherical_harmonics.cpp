// Spherical harmonics of many directions, a vector of them at a time.
#include "../math/spherical_harmonics.h"

#include "kernels.h"
#include "simd.h"

namespace nf::NF_ISA {

namespace {

constexpr int64_t kBlock = 1024;

struct Directions {
    Vec x, y, z;
};

Directions load_directions(const float *d, int64_t lanes) {
    Directions v{};
    for (int64_t p = 0; p < lanes; ++p) {
        v.x[p] = d[3 * p];
        v.y[p] = d[3 * p + 1];
        v.z[p] = d[3 * p + 2];
    }
    return v;
}

template <int kDegree>
void forward(int64_t n, const float *d, float *y) {
    constexpr int kTerms = kDegree * kDegree;
    parallel_for((n + kBlock - 1) / kBlock, [&](int64_t b) {
        for (int64_t i = b * kBlock; i < least(n, (b + 1) * kBlock); i += kLanes) {
            const int64_t lanes = least(kLanes, n - i);
            const Directions v = load_directions(d + 3 * i, lanes);
            Vec terms[kTerms];
            spherical_harmonics<kDegree, Vec>(v.x, v.y, v.z, terms);
            for (int64_t p = 0; p < lanes; ++p)
                for (int k = 0; k < kTerms; ++k) y[(i + p) * kTerms + k] = terms[k][p];
        }
    });
}

template <int kDegree>
void backward(int64_t n, const float *d, const float *dy, float *dd) {
    constexpr int kTerms = kDegree * kDegree;
    parallel_for((n + kBlock - 1) / kBlock, [&](int64_t b) {
        for (int64_t i = b * kBlock; i < least(n, (b + 1) * kBlock); ++i) {
            float *out = dd + 3 * i;
            out[0] = out[1] = out[2] = 0;
            spherical_harmonics_gradient<kDegree, float>(d[3 * i], d[3 * i + 1], d[3 * i + 2],
                                                         dy + i * kTerms, out[0], out[1], out[2]);
        }
    });
}

}  // namespace

void spherical_harmonics_forward(int degree, int64_t n, const float *d, float *y) {
    switch (degree) {
        case 1:
            return forward<1>(n, d, y);
        case 2:
            return forward<2>(n, d, y);
        case 3:
            return forward<3>(n, d, y);
        case 4:
            return forward<4>(n, d, y);
    }
}

void spherical_harmonics_backward(int degree, int64_t n, const float *d, const float *dy,
                                  float *dd) {
    switch (degree) {
        case 1:
            return backward<1>(n, d, dy, dd);
        case 2:
            return backward<2>(n, d, dy, dd);
        case 3:
            return backward<3>(n, d, dy, dd);
        case 4:
            return backward<4>(n, d, dy, dd);
    }
}

}  // namespace nf::NF_ISA
