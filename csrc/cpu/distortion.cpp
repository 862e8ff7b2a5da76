// The distortion of packed samples, ray by ray.
#include "../math/distortion.h"

#include "kernels.h"
#include "opacity.h"

namespace nf::NF_ISA {

namespace {

constexpr int64_t kRays = 128;

}  // namespace

void distortion_forward(int64_t rays, const int64_t *offset, const float *sigma, const float *dt,
                        const float *s, const float *ds, float *alpha, float *loss) {
    parallel_for((rays + kRays - 1) / kRays, [&](int64_t b) {
        const int64_t first = b * kRays, last = least(rays, first + kRays);
        opacities(offset[first], offset[last], sigma, dt, alpha);
        for (int64_t r = first; r < last; ++r)
            loss[r] = distortion_ray(offset[r], offset[r + 1], alpha, s, ds);
    });
}

void distortion_backward(int64_t rays, const int64_t *offset, const float *alpha, const float *dt,
                         const float *s, const float *ds, const float *dloss, float *dsigma) {
    parallel_for((rays + kRays - 1) / kRays, [&](int64_t b) {
        for (int64_t r = b * kRays; r < least(rays, (b + 1) * kRays); ++r)
            distortion_ray_gradient(offset[r], offset[r + 1], alpha, s, ds, dt, dloss[r], dsigma);
    });
}

}  // namespace nf::NF_ISA
