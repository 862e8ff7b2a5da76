// Samples of one ray inside the occupied cells (occupancy.h).
//
// Candidates lie on a lattice t_0 = entry + jitter * s_0, t_{k+1} = t_k + s_k with
// s_k = max(step, cone * t_k). An empty cell is left by whole steps, so that a sample's place does
// not depend on what was skipped before it.
#pragma once

#include "occupancy.h"

namespace nf {

struct MarchShape {
    Occupancy occupancy;
    float center[3], half_size;  // world units
    float near;                  // least distance along the ray, world units
    float step;                  // least distance between samples, world units
    float cone;                  // growth of the distance between samples with t (0: constant)
    bool unbounded;
    int64_t capacity;  // most samples of one ray
};

struct Ray {
    float origin[3], direction[3], inverse[3];  // model space
    float begin, end;
};

NF_HD Ray clip_ray(const MarchShape &shape, const float *origin, const float *direction) {
    const float half = static_cast<float>(1 << (shape.occupancy.levels - 1));
    Ray ray{{}, {}, {}, shape.near, INFINITY};
    for (int i = 0; i < 3; ++i) {
        ray.origin[i] = (origin[i] - shape.center[i]) / shape.half_size;
        const float d = direction[i] / shape.half_size;
        ray.direction[i] = fabsf(d) < 1e-12f ? 1e-12f : d;
        ray.inverse[i] = 1.0f / ray.direction[i];
        const float a = (-half - ray.origin[i]) * ray.inverse[i];
        const float b = (half - ray.origin[i]) * ray.inverse[i];
        ray.begin = fmaxf(ray.begin, fminf(a, b));
        ray.end = fminf(ray.end, fmaxf(a, b));
    }
    return ray;
}

NF_HD float step_at(const MarchShape &shape, float t) {
    return fmaxf(shape.step, shape.cone * t);
}

NF_HD void point_at(const Ray &ray, float t, float p[3]) {
    for (int i = 0; i < 3; ++i) p[i] = ray.origin[i] + t * ray.direction[i];
}

NF_HD int64_t march_ray(const MarchShape &shape, const Ray &ray, float jitter, float *t_out) {
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
            t += shape.step * fmaxf(1.0f, ceilf((cell.skip - t) / shape.step));
        } else {
            do t += step_at(shape, t);
            while (t < cell.skip && t < ray.end);
        }
    }
    return count;
}

// The sample at a ray's distance t: its place in the field's unit cube, and its length.
NF_HD void place_sample(const MarchShape &shape, const Ray &ray, float t, float x[3], float &dt) {
    float p[3];
    point_at(ray, t, p);
    to_unit_cube(p, shape.unbounded, x);
    dt = step_at(shape, t);
}

}  // namespace nf
