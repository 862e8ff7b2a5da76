// Spherical harmonics, one direction a thread.
#include "../cpu/kernels.h"
#include "../math/spherical_harmonics.h"
#include "launch.h"

namespace nf::cuda {

namespace {

template <int kDegree>
struct Bands {
    static constexpr int kTerms = kDegree * kDegree;

    static void forward(int64_t n, const float *d, float *y) {
        for_each("spherical_harmonics", n, [=] __device__(int64_t i) {
            float terms[kTerms];
            spherical_harmonics<kDegree, float>(d[3 * i], d[3 * i + 1], d[3 * i + 2], terms);
            for (int k = 0; k < kTerms; ++k) y[i * kTerms + k] = terms[k];
        });
    }

    static void backward(int64_t n, const float *d, const float *dy, float *dd) {
        for_each("spherical_harmonics", n, [=] __device__(int64_t i) {
            float g[3] = {};
            spherical_harmonics_gradient<kDegree, float>(d[3 * i], d[3 * i + 1], d[3 * i + 2],
                                                         dy + i * kTerms, g[0], g[1], g[2]);
            for (int a = 0; a < 3; ++a) dd[3 * i + a] = g[a];
        });
    }
};

}  // namespace

void spherical_harmonics_forward(int degree, int64_t n, const float *d, float *y) {
    switch (degree) {
        case 1:
            return Bands<1>::forward(n, d, y);
        case 2:
            return Bands<2>::forward(n, d, y);
        case 3:
            return Bands<3>::forward(n, d, y);
        case 4:
            return Bands<4>::forward(n, d, y);
    }
}

void spherical_harmonics_backward(int degree, int64_t n, const float *d, const float *dy,
                                  float *dd) {
    switch (degree) {
        case 1:
            return Bands<1>::backward(n, d, dy, dd);
        case 2:
            return Bands<2>::backward(n, d, dy, dd);
        case 3:
            return Bands<3>::backward(n, d, dy, dd);
        case 4:
            return Bands<4>::backward(n, d, dy, dd);
    }
}

}  // namespace nf::cuda
