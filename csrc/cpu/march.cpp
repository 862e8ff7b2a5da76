// Samples of many rays inside the occupied cells (math/march.h).
#include "kernels.h"
#include "simd.h"

namespace nf::NF_ISA {

namespace {

constexpr int64_t kRays = 64;

}  // namespace

void march(const MarchShape &shape, int64_t rays, const float *origin, const float *direction,
           const float *jitter, float *t, int64_t *count) {
    parallel_for((rays + kRays - 1) / kRays, [&](int64_t b) {
        for (int64_t r = b * kRays; r < least(rays, (b + 1) * kRays); ++r)
            count[r] = march_ray(shape, clip_ray(shape, origin + 3 * r, direction + 3 * r),
                                 jitter[r], t + r * shape.capacity);
    });
}

void pack_samples(const MarchShape &shape, int64_t rays, const float *origin,
                  const float *direction, const float *t, const int64_t *offset, float *x,
                  float *t_packed, float *dt, int32_t *ray_index) {
    parallel_for((rays + kRays - 1) / kRays, [&](int64_t b) {
        for (int64_t r = b * kRays; r < least(rays, (b + 1) * kRays); ++r) {
            const Ray ray = clip_ray(shape, origin + 3 * r, direction + 3 * r);
            for (int64_t s = offset[r]; s < offset[r + 1]; ++s) {
                const float distance = t[r * shape.capacity + s - offset[r]];
                place_sample(shape, ray, distance, x + 3 * s, dt[s]);
                t_packed[s] = distance;
                ray_index[s] = static_cast<int32_t>(r);
            }
        }
    });
}

}  // namespace nf::NF_ISA
