// Tri-plane on the CPU: the planes xy, xz and yz.
#include "grid_sum.h"

namespace nf::NF_ISA {

namespace {

struct Planes {
    explicit Planes(const TriplaneShape &shape)
        : axis{{shape.resolution, static_cast<uint32_t>(shape.resolution), false},
               {shape.resolution, 1, false}},
          grids{axis, shape.channels, 3, {{0, 1}, {0, 2}, {1, 2}}} {}
    const DenseGridAxis axis[2];
    const GridSum<3, 2> grids;
};

}  // namespace

void triplane_forward(const TriplaneShape &shape, int64_t n, const float *x, const float *planes,
                      float *y) {
    grid_sum_forward(Planes(shape).grids, n, x, planes, y);
}

void triplane_backward_planes(const TriplaneShape &shape, int64_t n, const float *x,
                              const float *dy, float *dplanes) {
    grid_sum_backward_table(Planes(shape).grids, n, x, dy, dplanes);
}

void triplane_backward_x(const TriplaneShape &shape, int64_t n, const float *x, const float *planes,
                         const float *dy, float *dx) {
    grid_sum_backward_x(Planes(shape).grids, n, x, planes, dy, dx);
}

}  // namespace nf::NF_ISA
