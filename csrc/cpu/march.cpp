// Samples of many rays inside the occupied cells (math/occupancy.h).
//
// Candidates lie on a lattice t_0 = entry + jitter * s_0, t_{k+1} = t_k + s_k with
// s_k = max(step, cone * t_k). An empty cell is left by whole steps, so that a sample's place does
// not depend on what was skipped before it.
#include "kernels.h"
#include "simd.h"

namespace nf::NF_ISA {

namespace {

constexpr int64_t kRays = 64;

struct Ray {
    float origin[3], direction[3], inverse[3];  // model space
    float begin, end;
};

Ray clip_ray(const MarchShape &shape, const float *origin, const float *direction) {
    const float half = static_cast<float>(1 << (shape.occupancy.levels - 1));
    Ray ray{{}, {}, {}, shape.near, INFINITY};
    for (int i = 0; i < 3; ++i) {
        ray.origin[i] = (origin[i] - shape.center[i]) / shape.half_size;
        const float d = direction[i] / shape.half_size;
        ray.direction[i] = std::fabs(d) < 1e-12f ? 1e-12f : d;
        ray.inverse[i] = 1.0f / ray.direction[i];
        const float a = (-half - ray.origin[i]) * ray.inverse[i];
        const float b = (half - ray.origin[i]) * ray.inverse[i];
        ray.begin = std::fmax(ray.begin, std::fmin(a, b));
        ray.end = std::fmin(ray.end, std::fmax(a, b));
    }
    return ray;
}

inline float step_at(const MarchShape &shape, float t) {
    return std::fmax(shape.step, shape.cone * t);
}

inline void point_at(const Ray &ray, float t, float p[3]) {
    for (int i = 0; i < 3; ++i) p[i] = ray.origin[i] + t * ray.direction[i];
}

int64_t march_ray(const MarchShape &shape, const Ray &ray, float jitter, float *t_out) {
    int64_t count = 0;
    float t = ray.begin + jitter * step_at(shape, ray.begin);
    // A ray so far away that a step is lost in the rounding of t holds no samples.
    if (ray.end + step_at(shape, ray.end) == ray.end) return 0;
    while (t < ray.end && count < shape.capacity) {
        float p[3];
        point_at(ray, t, p);
        const OccupancyCell cell = occupancy_cell(shape.occupancy, p, t, ray.inverse);
        if (cell.occupied) {
            t_out[count++] = t;
            t += step_at(shape, t);
        } else if (shape.cone == 0.0f) {
            t += shape.step * std::fmax(1.0f, std::ceil((cell.skip - t) / shape.step));
        } else {
            do t += step_at(shape, t);
            while (t < cell.skip && t < ray.end);
        }
    }
    return count;
}

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
                float p[3];
                point_at(ray, distance, p);
                to_unit_cube(p, shape.unbounded, x + 3 * s);
                t_packed[s] = distance;
                dt[s] = step_at(shape, distance);
                ray_index[s] = static_cast<int32_t>(r);
            }
        }
    });
}

}  // namespace nf::NF_ISA
