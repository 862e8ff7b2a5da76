// Dense grid on the CPU.
#include "grid_sum.h"

namespace nf::NF_ISA {

namespace {

// Calls body(grids) with the grid's number of axes as a constant.
template <class Body>
NF_INLINE void with_grid(const DenseGridShape &shape, const Body &body) {
    if (shape.dims == 1) body(GridSum<1, 1>{shape.axis, shape.channels, 1, {{0}}});
    if (shape.dims == 2) body(GridSum<1, 2>{shape.axis, shape.channels, 2, {{0, 1}}});
    if (shape.dims == 3) body(GridSum<1, 3>{shape.axis, shape.channels, 3, {{0, 1, 2}}});
}

}  // namespace

void dense_grid_forward(const DenseGridShape &shape, int64_t n, const float *x, const float *table,
                        float *y) {
    with_grid(shape, [&](const auto &grid) { grid_sum_forward(grid, n, x, table, y); });
}

void dense_grid_backward_table(const DenseGridShape &shape, int64_t n, const float *x,
                               const float *dy, float *dtable) {
    with_grid(shape, [&](const auto &grid) { grid_sum_backward_table(grid, n, x, dy, dtable); });
}

void dense_grid_backward_x(const DenseGridShape &shape, int64_t n, const float *x,
                           const float *table, const float *dy, float *dx) {
    with_grid(shape, [&](const auto &grid) { grid_sum_backward_x(grid, n, x, table, dy, dx); });
}

}  // namespace nf::NF_ISA
