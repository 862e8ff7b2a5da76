// Arrays of the Python side, and the parts of the module.
#pragma once

#include <nanobind/nanobind.h>
#include <nanobind/ndarray.h>

#include <utility>

#include "place.h"

namespace nb = nanobind;

// On the device of the calling thread's place: others are refused, so that no kernel is given
// another device's memory.
template <class T>
struct Array : nb::ndarray<T, nb::c_contig> {
    using nb::ndarray<T, nb::c_contig>::ndarray;
    explicit Array(nb::ndarray<T, nb::c_contig> &&other)
        : nb::ndarray<T, nb::c_contig>(std::move(other)) {}
};

template <class T>
struct nb::detail::type_caster<Array<T>> {
    using Dense = nb::detail::make_caster<nb::ndarray<T, nb::c_contig>>;
    NB_TYPE_CASTER(Array<T>, Dense::Name)

    bool from_python(nb::handle source, uint32_t flags, cleanup_list *cleanup) noexcept {
        Dense dense;
        if (!dense.from_python(source, flags, cleanup)) return false;
        value = Array<T>(std::move(dense.value));
        return value.device_type() ==
               (nf::place().cuda() ? nb::device::cuda::value : nb::device::cpu::value);
    }
};

using In = Array<const float>;
using Out = Array<float>;
using Indices = Array<const int64_t>;
using Release = nb::call_guard<nb::gil_scoped_release>;

void bind_modulated_layer(nb::module_ &m);
void bind_grids(nb::module_ &m);
void bind_lowrank(nb::module_ &m);
void bind_place(nb::module_ &m);
