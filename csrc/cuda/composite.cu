// Compositing of packed samples, one ray a thread.
#include "../cpu/kernels.h"
#include "../math/composite.h"
#include "launch.h"

namespace nf::cuda {

void composite_forward(int64_t rays, const int64_t *offset, const float *sigma, const float *rgb,
                       const float *t, const float *dt, float *alpha, float *color, float *opacity,
                       float *depth) {
    for_each("composite", rays, [=] __device__(int64_t r) {
        for (int64_t k = offset[r]; k < offset[r + 1]; ++k)
            alpha[k] = 1.0f - expf(-sigma[k] * dt[k]);
        const Composite out = composite_ray(offset[r], offset[r + 1], alpha, rgb, t);
        for (int i = 0; i < 3; ++i) color[3 * r + i] = out.color[i];
        opacity[r] = out.opacity;
        depth[r] = out.depth;
    });
}

void composite_backward(int64_t rays, const int64_t *offset, const float *alpha, const float *rgb,
                        const float *t, const float *dt, const float *dcolor, const float *dopacity,
                        const float *ddepth, float *dsigma, float *drgb) {
    for_each("composite", rays, [=] __device__(int64_t r) {
        composite_ray_gradient(offset[r], offset[r + 1], alpha, rgb, t, dt, dcolor + 3 * r,
                               dopacity[r], ddepth[r], dsigma, drgb);
    });
}

}  // namespace nf::cuda
