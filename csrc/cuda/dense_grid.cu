// Dense grid on the GPU.
#include "../cpu/kernels.h"
#include "grid_sum.cuh"

namespace nf::cuda {

namespace {

constexpr char kName[] = "dense_grid";

// Calls body(grids) with the grid's number of axes as a constant.
template <class Body>
void with_grid(const DenseGridShape &shape, const Body &body) {
    const auto &[dims, channels, axis] = shape;
    if (dims == 1) body(GridSum<1, 1>{{axis[0]}, channels, 1, {{0}}});
    if (dims == 2) body(GridSum<1, 2>{{axis[0], axis[1]}, channels, 2, {{0, 1}}});
    if (dims == 3) body(GridSum<1, 3>{{axis[0], axis[1], axis[2]}, channels, 3, {{0, 1, 2}}});
}

}  // namespace

void dense_grid_forward(const DenseGridShape &shape, int64_t n, const float *x, const float *table,
                        float *y) {
    with_grid(shape, [&](const auto &grid) { grid_sum_forward(kName, grid, n, x, table, y); });
}

void dense_grid_backward_table(const DenseGridShape &shape, int64_t n, const float *x,
                               const float *dy, float *dtable) {
    with_grid(shape,
              [&](const auto &grid) { grid_sum_backward_table(kName, grid, n, x, dy, dtable); });
}

void dense_grid_backward_x(const DenseGridShape &shape, int64_t n, const float *x,
                           const float *table, const float *dy, float *dx) {
    with_grid(shape,
              [&](const auto &grid) { grid_sum_backward_x(kName, grid, n, x, table, dy, dx); });
}

}  // namespace nf::cuda
