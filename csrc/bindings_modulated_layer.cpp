// The Python side of the modulated layer.
#include <nanobind/stl/optional.h>

#include <optional>

#include "bindings.h"
#include "cpu/kernels.h"

using namespace nf;

namespace {

ModulatedLayer layer(const In &x, const In &weight, const In &bias, const In &gamma,
                     const In &beta) {
    return {x.data(), weight.data(), bias.data(), gamma.data(), beta.data()};
}

}  // namespace

void bind_modulated_layer(nb::module_ &m) {
    nb::class_<ModulatedLayerShape>(m, "ModulatedLayer")
        .def("__init__",
             [](ModulatedLayerShape *shape, int in, int out, int modulation, int norm,
                int64_t group, int activation) {
                 new (shape) ModulatedLayerShape{in,         out,
                                                 modulation, static_cast<Norm>(norm),
                                                 group,      static_cast<Activation>(activation)};
             })
        .def(
            "forward",
            [](const ModulatedLayerShape &shape, In x, In weight, In bias, In gamma, In beta, Out y,
               std::optional<Out> normal, std::optional<Out> scale) {
                kernels().modulated_layer_forward(
                    shape, x.shape(0), layer(x, weight, bias, gamma, beta), y.data(),
                    normal ? normal->data() : nullptr, scale ? scale->data() : nullptr);
            },
            nb::arg("x"), nb::arg("weight"), nb::arg("bias"), nb::arg("gamma"), nb::arg("beta"),
            nb::arg("y"), nb::arg("normal").none(), nb::arg("scale").none(), Release())
        .def(
            "backward",
            [](const ModulatedLayerShape &shape, In x, In weight, In bias, In gamma, In beta,
               In normal, In scale, In dy, std::optional<Out> dx, Out dweight, Out dbias,
               Out dgamma, Out dbeta) {
                kernels().modulated_layer_backward(shape, x.shape(0),
                                                   layer(x, weight, bias, gamma, beta),
                                                   normal.data(), scale.data(), dy.data(),
                                                   {dx ? dx->data() : nullptr, dweight.data(),
                                                    dbias.data(), dgamma.data(), dbeta.data()});
            },
            nb::arg("x"), nb::arg("weight"), nb::arg("bias"), nb::arg("gamma"), nb::arg("beta"),
            nb::arg("normal"), nb::arg("scale"), nb::arg("dy"), nb::arg("dx").none(),
            nb::arg("dweight"), nb::arg("dbias"), nb::arg("dgamma"), nb::arg("dbeta"), Release());
}
