// The distortion of packed samples, one ray a thread.
#include "../cpu/kernels.h"
#include "../math/distortion.h"
#include "launch.h"

namespace nf::cuda {

void distortion_forward(int64_t rays, const int64_t *offset, const float *sigma, const float *dt,
                        const float *s, const float *ds, float *alpha, float *loss) {
    for_each("distortion", rays, [=] __device__(int64_t r) {
        for (int64_t k = offset[r]; k < offset[r + 1]; ++k)
            alpha[k] = 1.0f - expf(-sigma[k] * dt[k]);
        loss[r] = distortion_ray(offset[r], offset[r + 1], alpha, s, ds);
    });
}

void distortion_backward(int64_t rays, const int64_t *offset, const float *alpha, const float *dt,
                         const float *s, const float *ds, const float *dloss, float *dsigma) {
    for_each("distortion", rays, [=] __device__(int64_t r) {
        distortion_ray_gradient(offset[r], offset[r + 1], alpha, s, ds, dt, dloss[r], dsigma);
    });
}

}  // namespace nf::cuda
