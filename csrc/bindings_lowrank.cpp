// The Python side of the low-rank tensors: shapes come from the lines, (3, R, C).
#include "bindings.h"
#include "cpu/kernels.h"

using namespace nf;

namespace {

LowRankShape shape_of(const In &lines) {
    return {static_cast<int>(lines.shape(1)), static_cast<int>(lines.shape(2))};
}

}  // namespace

void bind_lowrank(nb::module_ &m) {
    m.def(
        "vm_forward",
        [](In x, In planes, In lines, Out y) {
            kernels().vm_forward(shape_of(lines), x.shape(0), x.data(), planes.data(), lines.data(),
                                 y.data());
        },
        Release());
    m.def(
        "vm_backward_tables",
        [](In x, In planes, In lines, In dy, Out dplanes, Out dlines) {
            kernels().vm_backward_tables(shape_of(lines), x.shape(0), x.data(), planes.data(),
                                         lines.data(), dy.data(), dplanes.data(), dlines.data());
        },
        Release());
    m.def(
        "vm_backward_x",
        [](In x, In planes, In lines, In dy, Out dx) {
            kernels().vm_backward_x(shape_of(lines), x.shape(0), x.data(), planes.data(),
                                    lines.data(), dy.data(), dx.data());
        },
        Release());

    m.def(
        "cp_forward",
        [](In x, In lines, Out y) {
            kernels().cp_forward(shape_of(lines), x.shape(0), x.data(), lines.data(), y.data());
        },
        Release());
    m.def(
        "cp_backward_lines",
        [](In x, In lines, In dy, Out dlines) {
            kernels().cp_backward_lines(shape_of(lines), x.shape(0), x.data(), lines.data(),
                                        dy.data(), dlines.data());
        },
        Release());
    m.def(
        "cp_backward_x",
        [](In x, In lines, In dy, Out dx) {
            kernels().cp_backward_x(shape_of(lines), x.shape(0), x.data(), lines.data(), dy.data(),
                                    dx.data());
        },
        Release());
}
