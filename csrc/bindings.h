// Arrays of the Python side, and the parts of the module.
#pragma once

#include <nanobind/nanobind.h>
#include <nanobind/ndarray.h>

namespace nb = nanobind;

template <class T>
using Array = nb::ndarray<T, nb::c_contig, nb::device::cpu>;
using In = Array<const float>;
using Out = Array<float>;
using Indices = Array<const int64_t>;
using Release = nb::call_guard<nb::gil_scoped_release>;

void bind_modulated_layer(nb::module_ &m);
void bind_grids(nb::module_ &m);
void bind_lowrank(nb::module_ &m);
