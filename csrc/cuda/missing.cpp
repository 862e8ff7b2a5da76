// What the GPU does not compute yet.
#include <stdexcept>

#include "../cpu/kernels.h"

namespace nf::cuda {

#define NF_MISSING(result, name, ...)                             \
    __attribute__((weak)) result name(__VA_ARGS__) {              \
        throw std::runtime_error(#name ": not on the GPU yet"); \
    }

NF_MISSING(void, mlp_forward, const MlpShape &, int64_t, const float *, const float *, float *, float *)
NF_MISSING(void, mlp_backward, const MlpShape &, int64_t, const float *, const float *, const float *, const float *, float *, float *)
NF_MISSING(void, modulated_layer_forward, const ModulatedLayerShape &, int64_t, const ModulatedLayer &, float *, float *, float *)
NF_MISSING(void, modulated_layer_backward, const ModulatedLayerShape &, int64_t, const ModulatedLayer &, const float *, const float *, const float *, const ModulatedLayerGradients &)
NF_MISSING(void, rbf_forward, const Rbf &, int64_t, const float *, float *)
NF_MISSING(void, rbf_backward, const Rbf &, int64_t, const float *, const float *, const RbfGradients &)

}  // namespace nf::cuda
