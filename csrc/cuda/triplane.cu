// Tri-plane on the GPU: the planes xy, xz and yz.
#include "../cpu/kernels.h"
#include "grid_sum.cuh"

namespace nf::cuda {

namespace {

constexpr char kName[] = "triplane";

GridSum<3, 2> planes_of(const TriplaneShape &shape) {
    return {{{shape.resolution, static_cast<uint32_t>(shape.resolution), false},
             {shape.resolution, 1, false}},
            shape.channels,
            3,
            {{0, 1}, {0, 2}, {1, 2}}};
}

}  // namespace

void triplane_forward(const TriplaneShape &shape, int64_t n, const float *x, const float *planes,
                      float *y) {
    grid_sum_forward(kName, planes_of(shape), n, x, planes, y);
}

void triplane_backward_planes(const TriplaneShape &shape, int64_t n, const float *x,
                              const float *dy, float *dplanes) {
    grid_sum_backward_table(kName, planes_of(shape), n, x, dy, dplanes);
}

void triplane_backward_x(const TriplaneShape &shape, int64_t n, const float *x, const float *planes,
                         const float *dy, float *dx) {
    grid_sum_backward_x(kName, planes_of(shape), n, x, planes, dy, dx);
}

}  // namespace nf::cuda
