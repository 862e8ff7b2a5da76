// Which samples of a ray can be seen: those in front of which enough light is left.
#include "kernels.h"
#include "simd.h"

namespace nf::NF_ISA {

namespace {

constexpr int64_t kRays = 256;

}  // namespace

void visible_counts(int64_t rays, const int64_t *offset, const float *thickness, float most,
                    int64_t *count) {
    parallel_for((rays + kRays - 1) / kRays, [&](int64_t b) {
        for (int64_t r = b * kRays; r < least(rays, (b + 1) * kRays); ++r) {
            float depth = 0.0f;  // optical depth in front of the sample
            int64_t k = offset[r];
            for (; k < offset[r + 1] && depth <= most; ++k) depth += thickness[k];
            count[r] = k - offset[r];
        }
    });
}

void visible_indices(int64_t rays, const int64_t *offset, const int64_t *kept_offset,
                     int64_t *index) {
    parallel_for((rays + kRays - 1) / kRays, [&](int64_t b) {
        for (int64_t r = b * kRays; r < least(rays, (b + 1) * kRays); ++r)
            for (int64_t k = kept_offset[r]; k < kept_offset[r + 1]; ++k)
                index[k] = offset[r] + k - kept_offset[r];
    });
}

}  // namespace nf::NF_ISA
