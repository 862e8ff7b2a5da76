// The Python side of the dense grids.
#include <nanobind/stl/vector.h>

#include <vector>

#include "bindings.h"
#include "cpu/kernels.h"

using namespace nf;

namespace {

DenseGridShape dense_grid_shape(const std::vector<int> &resolution, const std::vector<bool> &wrap,
                                int channels) {
    DenseGridShape shape{static_cast<int>(resolution.size()), channels, {}};
    uint32_t stride = 1;
    for (int d = shape.dims - 1; d >= 0; --d) {
        shape.axis[d] = {resolution[d], stride, wrap[d]};
        stride *= resolution[d];
    }
    return shape;
}

// (grids, three axes, channels)
TotalVariationShape total_variation_shape(const std::vector<int64_t> &sizes) {
    return {sizes[0], {sizes[1], sizes[2], sizes[3]}, sizes[4]};
}

}  // namespace

void bind_grids(nb::module_ &m) {
    nb::class_<DenseGridShape>(m, "DenseGrid")
        .def("__init__",
             [](DenseGridShape *shape, const std::vector<int> &resolution,
                const std::vector<bool> &wrap, int channels) {
                 new (shape) DenseGridShape(dense_grid_shape(resolution, wrap, channels));
             })
        .def(
            "forward",
            [](const DenseGridShape &g, In x, In table, Out y) {
                kernels().dense_grid_forward(g, x.shape(0), x.data(), table.data(), y.data());
            },
            Release())
        .def(
            "backward_table",
            [](const DenseGridShape &g, In x, In dy, Out dtable) {
                kernels().dense_grid_backward_table(g, x.shape(0), x.data(), dy.data(),
                                                    dtable.data());
            },
            Release())
        .def(
            "backward_x",
            [](const DenseGridShape &g, In x, In table, In dy, Out dx) {
                kernels().dense_grid_backward_x(g, x.shape(0), x.data(), table.data(), dy.data(),
                                                dx.data());
            },
            Release());

    nb::class_<TriplaneShape>(m, "Triplane")
        .def("__init__", [](TriplaneShape *shape, int resolution,
                            int channels) { new (shape) TriplaneShape{resolution, channels}; })
        .def(
            "forward",
            [](const TriplaneShape &t, In x, In planes, Out y) {
                kernels().triplane_forward(t, x.shape(0), x.data(), planes.data(), y.data());
            },
            Release())
        .def(
            "backward_planes",
            [](const TriplaneShape &t, In x, In dy, Out dplanes) {
                kernels().triplane_backward_planes(t, x.shape(0), x.data(), dy.data(),
                                                   dplanes.data());
            },
            Release())
        .def(
            "backward_x",
            [](const TriplaneShape &t, In x, In planes, In dy, Out dx) {
                kernels().triplane_backward_x(t, x.shape(0), x.data(), planes.data(), dy.data(),
                                              dx.data());
            },
            Release());

    m.def(
        "total_variation_forward",
        [](const std::vector<int64_t> &sizes, In vertices, Array<double> sums) {
            kernels().total_variation_forward(total_variation_shape(sizes), vertices.data(),
                                              sums.data());
        },
        Release());
    m.def(
        "total_variation_backward",
        [](const std::vector<int64_t> &sizes, In scale, In vertices, Out dvertices) {
            kernels().total_variation_backward(total_variation_shape(sizes), scale.data(),
                                               vertices.data(), dvertices.data());
        },
        Release());
}
