// The Python side of the kernels: arrays in, arrays filled. Shapes and types are checked by
// nfield/ops, the only caller; here a wrong type is refused and nothing else.
#include <nanobind/stl/optional.h>
#include <nanobind/stl/tuple.h>
#include <nanobind/stl/vector.h>
#include <omp.h>

#if defined(__linux__)
#include <malloc.h>
#endif

#include <optional>
#include <tuple>
#include <vector>

#include "bindings.h"
#include "cpu/kernels.h"
#include "memory.h"

using namespace nf;

namespace {

using LevelTuple = std::tuple<float, uint32_t, uint32_t, uint32_t, bool>;

struct HashGrid {
    HashGrid(int dims, int features, const std::vector<LevelTuple> &tuples) {
        for (const auto &[scale, resolution, offset, size, hashed] : tuples)
            levels.push_back({scale, resolution, offset, size, hashed});
        shape = {dims, features, static_cast<int>(levels.size()), levels.data()};
    }
    std::vector<HashGridLevel> levels;
    HashGridShape shape;
};

Rbf rbf(const In &centers, const In &log_scales, const In &weights, const In &bias) {
    return {static_cast<int>(centers.shape(1)),
            static_cast<int>(centers.shape(0)),
            static_cast<int>(weights.shape(0)),
            centers.data(),
            log_scales.data(),
            weights.data(),
            bias.data()};
}

CameraArrays camera_arrays(const In &pose, const In &intrinsics, const In &distortion,
                           const Array<const int32_t> &lens) {
    return {pose.data(), intrinsics.data(), distortion.data(), lens.data()};
}

MarchShape march_shape(const Array<const uint64_t> &words, int resolution,
                       const std::tuple<float, float, float> &center, float half_size, float near,
                       float step, float cone, bool unbounded, int64_t capacity) {
    return {{words.data(), static_cast<int>(words.shape(0)), resolution},
            {std::get<0>(center), std::get<1>(center), std::get<2>(center)},
            half_size,
            near,
            step,
            cone,
            unbounded,
            capacity};
}

// Number of samples that packed rays own, or -1 where the offsets do not rise from 0.
int64_t packing_end(const Indices &offset) {
    const int64_t size = static_cast<int64_t>(offset.size());
    const int64_t *data = offset.data();
    bool rises = size > 0 && data[0] == 0;
    for (int64_t i = 1; i < size; ++i) rises &= data[i - 1] <= data[i];
    return rises ? data[size - 1] : -1;
}

nb::ndarray<nb::pytorch, float> empty(const std::vector<size_t> &shape) {
    int64_t count = 1;
    for (const size_t side : shape) count *= static_cast<int64_t>(side);
    Block *block = new Block(take_block(count * static_cast<int64_t>(sizeof(float))));
    const nb::capsule owner(block, [](void *p) noexcept {
        give_block(*static_cast<Block *>(p));
        delete static_cast<Block *>(p);
    });
    return {block->data, shape.size(), shape.data(), owner};
}

}  // namespace

NB_MODULE(_native, m) {
    // Shapes cached by nfield/ops live until the process ends: no leak to report.
    nb::set_leak_warnings(false);
    bind_modulated_layer(m);
    bind_place(m);

#if defined(__GLIBC__)
    // Keep freed memory instead of returning it to the system after every step: large tensors then
    // cost no page faults.
    m.def("reuse_memory", [] { mallopt(M_MMAP_MAX, 0), mallopt(M_TRIM_THRESHOLD, 1 << 30); });
#else
    m.def("reuse_memory", [] {});
#endif
    m.def("empty", &empty);
    m.def("packing_end", &packing_end);
    m.def("isa", [] { return kernels().isa; });
    m.def("lanes", [] { return kernels().lanes; });
    m.def("threads", [] { return omp_get_max_threads(); });
    m.def("fma_peak", [] { return kernels().fma_peak(); }, Release());

    nb::class_<HashGrid>(m, "HashGrid")
        .def(nb::init<int, int, const std::vector<LevelTuple> &>())
        .def(
            "forward",
            [](const HashGrid &g, In x, In table, Out y) {
                kernels().hash_grid_forward(g.shape, x.shape(0), x.data(), table.data(), y.data());
            },
            Release())
        .def(
            "backward_table",
            [](const HashGrid &g, In x, In dy, Out dtable) {
                kernels().hash_grid_backward_table(g.shape, x.shape(0), x.data(), dy.data(),
                                                   dtable.data());
            },
            Release())
        .def(
            "backward_x",
            [](const HashGrid &g, In x, In table, In dy, Out dx) {
                kernels().hash_grid_backward_x(g.shape, x.shape(0), x.data(), table.data(),
                                               dy.data(), dx.data());
            },
            Release());

    nb::class_<MlpShape>(m, "Mlp")
        .def("__init__",
             [](MlpShape *shape, int in, int out, int width, int hidden, int activation, bool bias,
                float omega_first, float omega_hidden) {
                 new (shape) MlpShape{
                     in,   out,         width,       hidden, static_cast<Activation>(activation),
                     bias, omega_first, omega_hidden};
             })
        .def(
            "forward",
            [](const MlpShape &mlp, In x, In weights, Out y, std::optional<Out> kept) {
                kernels().mlp_forward(mlp, x.shape(0), x.data(), weights.data(), y.data(),
                                      kept ? kept->data() : nullptr);
            },
            nb::arg("x"), nb::arg("weights"), nb::arg("y"), nb::arg("kept").none(), Release())
        .def(
            "backward",
            [](const MlpShape &mlp, In x, In weights, std::optional<In> kept, In dy,
               std::optional<Out> dx, Out dweights) {
                kernels().mlp_backward(mlp, x.shape(0), x.data(), weights.data(),
                                       kept ? kept->data() : nullptr, dy.data(),
                                       dx ? dx->data() : nullptr, dweights.data());
            },
            nb::arg("x"), nb::arg("weights"), nb::arg("kept").none(), nb::arg("dy"),
            nb::arg("dx").none(), nb::arg("dweights"), Release());

    m.def(
        "rbf_forward",
        [](In x, In centers, In log_scales, In weights, In bias, Out y) {
            kernels().rbf_forward(rbf(centers, log_scales, weights, bias), x.shape(0), x.data(),
                                  y.data());
        },
        Release());
    m.def(
        "rbf_backward",
        [](In x, In centers, In log_scales, In weights, In bias, In dy, Out dx, Out dcenters,
           Out dlog_scales, Out dweights, Out dbias) {
            kernels().rbf_backward(
                rbf(centers, log_scales, weights, bias), x.shape(0), x.data(), dy.data(),
                {dx.data(), dcenters.data(), dlog_scales.data(), dweights.data(), dbias.data()});
        },
        Release());

    m.def(
        "exponential_forward",
        [](float most, In x, Out y) {
            kernels().exponential_forward(most, x.size(), x.data(), y.data());
        },
        Release());
    m.def(
        "exponential_backward",
        [](float most, In x, In y, In dy, Out dx) {
            kernels().exponential_backward(most, y.size(), x.data(), y.data(), dy.data(),
                                           dx.data());
        },
        Release());
    m.def(
        "logistic_forward",
        [](In x, Out y) { kernels().logistic_forward(x.size(), x.data(), y.data()); }, Release());
    m.def(
        "logistic_backward",
        [](In y, In dy, Out dx) {
            kernels().logistic_backward(y.size(), y.data(), dy.data(), dx.data());
        },
        Release());

    m.def(
        "spherical_harmonics_forward",
        [](int degree, In d, Out y) {
            kernels().spherical_harmonics_forward(degree, d.shape(0), d.data(), y.data());
        },
        Release());
    m.def(
        "spherical_harmonics_backward",
        [](int degree, In d, In dy, Out dd) {
            kernels().spherical_harmonics_backward(degree, d.shape(0), d.data(), dy.data(),
                                                   dd.data());
        },
        Release());

    m.def(
        "fourier_forward",
        [](In x, In frequencies, Out y) {
            kernels().fourier_forward(frequencies.shape(1), x.shape(0), frequencies.shape(0),
                                      x.data(), frequencies.data(), y.data());
        },
        Release());
    m.def(
        "fourier_backward",
        [](In x, In frequencies, In y, In dy, std::optional<Out> dx,
           std::optional<Out> dfrequencies) {
            kernels().fourier_backward(frequencies.shape(1), x.shape(0), frequencies.shape(0),
                                       x.data(), frequencies.data(), y.data(), dy.data(),
                                       dx ? dx->data() : nullptr,
                                       dfrequencies ? dfrequencies->data() : nullptr);
        },
        nb::arg("x"), nb::arg("frequencies"), nb::arg("y"), nb::arg("dy"), nb::arg("dx").none(),
        nb::arg("dfrequencies").none(), Release());

    m.def(
        "camera_rays",
        [](In pose, In intrinsics, In distortion, Array<const int32_t> lens, Indices index,
           In pixel, Out origin, Out direction) {
            kernels().camera_rays(camera_arrays(pose, intrinsics, distortion, lens), index.shape(0),
                                  index.data(), pixel.data(), origin.data(), direction.data());
        },
        Release());
    m.def(
        "camera_project",
        [](In pose, In intrinsics, In distortion, Array<const int32_t> lens, Indices index,
           In point, Out pixel, Out depth) {
            kernels().camera_project(camera_arrays(pose, intrinsics, distortion, lens),
                                     index.shape(0), index.data(), point.data(), pixel.data(),
                                     depth.data());
        },
        Release());

    m.def(
        "unit_cube",
        [](const std::tuple<float, float, float> &center, float half_size, bool unbounded, In point,
           Out out) {
            const float c[3] = {std::get<0>(center), std::get<1>(center), std::get<2>(center)};
            kernels().unit_cube(c, half_size, unbounded, point.shape(0), point.data(), out.data());
        },
        Release());

    nb::class_<MarchShape>(m, "March")
        .def(
            "march",
            [](const MarchShape &shape, In origin, In direction, In jitter, Out t,
               Array<int64_t> count) {
                kernels().march(shape, origin.shape(0), origin.data(), direction.data(),
                                jitter.data(), t.data(), count.data());
            },
            Release())
        .def(
            "pack",
            [](const MarchShape &shape, In origin, In direction, In t, Indices offset, Out x,
               Out t_packed, Out dt, Array<int32_t> ray) {
                kernels().pack_samples(shape, offset.shape(0) - 1, origin.data(), direction.data(),
                                       t.data(), offset.data(), x.data(), t_packed.data(),
                                       dt.data(), ray.data());
            },
            Release());
    // The march keeps a pointer into `words`: the array lives as long as the march.
    m.def("march_shape", &march_shape, nb::keep_alive<0, 1>());

    m.def(
        "window_counts",
        [](Indices offset, Indices seen, In depth, float most, int64_t width,
           Array<int64_t> count) {
            kernels().window_counts(seen.shape(0), offset.data(), seen.data(), depth.data(), most,
                                    width, count.data());
        },
        Release());
    m.def(
        "window_indices",
        [](Indices offset, std::optional<Indices> seen, Indices window, Array<int64_t> index) {
            kernels().window_indices(window.shape(0) - 1, offset.data(),
                                     seen ? seen->data() : nullptr, window.data(), index.data());
        },
        nb::arg("offset"), nb::arg("seen").none(), nb::arg("window"), nb::arg("index"), Release());
    m.def(
        "window_advance",
        [](Indices window, In thickness, float most, Array<int64_t> seen, Out depth) {
            kernels().window_advance(seen.shape(0), window.data(), thickness.data(), most,
                                     seen.data(), depth.data());
        },
        Release());

    m.def(
        "composite_forward",
        [](Indices offset, In sigma, In rgb, In t, In dt, Out alpha, Out color, Out opacity,
           Out depth) {
            kernels().composite_forward(offset.shape(0) - 1, offset.data(), sigma.data(),
                                        rgb.data(), t.data(), dt.data(), alpha.data(), color.data(),
                                        opacity.data(), depth.data());
        },
        Release());
    m.def(
        "composite_backward",
        [](Indices offset, In alpha, In rgb, In t, In dt, In dcolor, In dopacity, In ddepth,
           Out dsigma, Out drgb) {
            kernels().composite_backward(
                offset.shape(0) - 1, offset.data(), alpha.data(), rgb.data(), t.data(), dt.data(),
                dcolor.data(), dopacity.data(), ddepth.data(), dsigma.data(), drgb.data());
        },
        Release());

    m.def(
        "distortion_forward",
        [](Indices offset, In sigma, In dt, In s, In ds, Out alpha, Out loss) {
            kernels().distortion_forward(loss.shape(0), offset.data(), sigma.data(), dt.data(),
                                         s.data(), ds.data(), alpha.data(), loss.data());
        },
        Release());
    m.def(
        "distortion_backward",
        [](Indices offset, In alpha, In dt, In s, In ds, In dloss, Out dsigma) {
            kernels().distortion_backward(dloss.shape(0), offset.data(), alpha.data(), dt.data(),
                                          s.data(), ds.data(), dloss.data(), dsigma.data());
        },
        Release());

    m.def(
        "adam",
        [](float learning_rate, float beta1, float beta2, float epsilon, int64_t step, In gradient,
           Out parameter, Out m, Out v) {
            kernels().adam({learning_rate, beta1, beta2, epsilon, step}, parameter.size(),
                           gradient.data(), parameter.data(), m.data(), v.data());
        },
        Release());

    bind_grids(m);
    bind_lowrank(m);
}
