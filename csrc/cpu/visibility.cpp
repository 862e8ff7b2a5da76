// Which samples of a ray can be seen: those in front of which enough light is left. Rays advance
// together, a window of samples at a time, until they are used up or dark.
#include "kernels.h"
#include "simd.h"

namespace nf::NF_ISA {

namespace {

// Runs body(r) for every ray.
template <class Body>
NF_INLINE void for_rays(int64_t rays, const Body &body) {
    constexpr int64_t kRays = 512;
    parallel_for((rays + kRays - 1) / kRays, [&](int64_t b) {
        for (int64_t r = b * kRays; r < least(rays, (b + 1) * kRays); ++r) body(r);
    });
}

}  // namespace

void window_counts(int64_t rays, const int64_t *offset, const int64_t *seen, const float *depth,
                   float most, int64_t width, int64_t *count) {
    for_rays(rays, [&](int64_t r) {
        count[r] = depth[r] <= most ? least(width, offset[r + 1] - offset[r] - seen[r]) : 0;
    });
}

void window_indices(int64_t rays, const int64_t *offset, const int64_t *seen, const int64_t *window,
                    int64_t *index) {
    for_rays(rays, [&](int64_t r) {
        const int64_t first = offset[r] + (seen ? seen[r] : 0) - window[r];
        for (int64_t k = window[r]; k < window[r + 1]; ++k) index[k] = first + k;
    });
}

void window_advance(int64_t rays, const int64_t *window, const float *thickness, float most,
                    int64_t *seen, float *depth) {
    for_rays(rays, [&](int64_t r) {
        for (int64_t k = window[r]; k < window[r + 1] && depth[r] <= most; ++k) {
            depth[r] += thickness[k];
            ++seen[r];
        }
    });
}

}  // namespace nf::NF_ISA
