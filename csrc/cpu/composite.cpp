// Compositing of packed samples: the opacities of a block of rays as vectors, then ray by ray.
#include "../math/composite.h"

#include "kernels.h"
#include "opacity.h"

namespace nf::NF_ISA {

namespace {

constexpr int64_t kRays = 128;

}  // namespace

void composite_forward(int64_t rays, const int64_t *offset, const float *sigma, const float *rgb,
                       const float *t, const float *dt, float *alpha, float *color, float *opacity,
                       float *depth) {
    parallel_for((rays + kRays - 1) / kRays, [&](int64_t b) {
        const int64_t first = b * kRays, last = least(rays, first + kRays);
        opacities(offset[first], offset[last], sigma, dt, alpha);
        for (int64_t r = first; r < last; ++r) {
            const Composite out = composite_ray(offset[r], offset[r + 1], alpha, rgb, t);
            for (int i = 0; i < 3; ++i) color[3 * r + i] = out.color[i];
            opacity[r] = out.opacity;
            depth[r] = out.depth;
        }
    });
}

void composite_backward(int64_t rays, const int64_t *offset, const float *alpha, const float *rgb,
                        const float *t, const float *dt, const float *dcolor, const float *dopacity,
                        const float *ddepth, float *dsigma, float *drgb) {
    parallel_for((rays + kRays - 1) / kRays, [&](int64_t b) {
        for (int64_t r = b * kRays; r < least(rays, (b + 1) * kRays); ++r)
            composite_ray_gradient(offset[r], offset[r + 1], alpha, rgb, t, dt, dcolor + 3 * r,
                                   dopacity[r], ddepth[r], dsigma, drgb);
    });
}

}  // namespace nf::NF_ISA
