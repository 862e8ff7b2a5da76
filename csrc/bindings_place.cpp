// The Python side of the place where a thread's operations run.
#include <nanobind/stl/string.h>

#include <stdexcept>
#include <string>

#include "bindings.h"

#if defined(NF_CUDA) && !defined(NF_CUDA_EMULATION)
#include "cuda/device.h"
#else
namespace nf::cuda {

constexpr char kNotBuilt[] =
    "this build has no GPU kernels: install a CUDA toolkit and build again";

void use_device(int) {
    throw std::runtime_error(kNotBuilt);
}
std::string obstacle() {
    return kNotBuilt;
}

}  // namespace nf::cuda
#endif

using namespace nf;

namespace {

// Returns the place before.
Place enter(const Place &next) {
    if (next.cuda()) cuda::use_device(next.device);
    const Place before = place();
    place() = next;
    return before;
}

}  // namespace

void bind_place(nb::module_ &m) {
    nb::class_<Place>(m, "Place")
        .def("__init__", [](Place *made, int device, uintptr_t stream, bool deterministic) {
            new (made) Place{device, reinterpret_cast<void *>(stream), deterministic};
        });
    m.def("enter", &enter);
    m.def("device", [] { return place().device; });
    m.def("gpu_obstacle", &cuda::obstacle);
}
