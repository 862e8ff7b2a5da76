// The table of machines with a matrix unit: that of the widest vectors, and what the unit computes.
#include "cpu/kernels.h"

#if defined(NF_AMX)

#include <sys/syscall.h>
#include <unistd.h>

namespace nf {

namespace amx {

void modulated_layer_forward(const ModulatedLayerShape &, int64_t, const ModulatedLayer &, float *,
                             float *, float *);
void modulated_layer_backward(const ModulatedLayerShape &, int64_t, const ModulatedLayer &,
                              const float *, const float *, const float *,
                              const ModulatedLayerGradients &);
void mlp_forward(const MlpShape &, int64_t, const float *, const float *, float *, float *);
void mlp_backward(const MlpShape &, int64_t, const float *, const float *, const float *,
                  const float *, float *, float *);

}  // namespace amx

namespace {

// Splitting rows into pieces costs more than the unit gains where they are short.
bool is_wide(const ModulatedLayerShape &shape) {
    return shape.in >= 128 && shape.out >= 128;
}

void modulated_layer_forward(const ModulatedLayerShape &shape, int64_t n,
                             const ModulatedLayer &layer, float *y, float *normal, float *scale) {
    const auto run =
        is_wide(shape) ? amx::modulated_layer_forward : kKernelsV4.modulated_layer_forward;
    run(shape, n, layer, y, normal, scale);
}

void modulated_layer_backward(const ModulatedLayerShape &shape, int64_t n,
                              const ModulatedLayer &layer, const float *normal, const float *scale,
                              const float *dy, const ModulatedLayerGradients &gradients) {
    const auto run =
        is_wide(shape) ? amx::modulated_layer_backward : kKernelsV4.modulated_layer_backward;
    run(shape, n, layer, normal, scale, dy, gradients);
}

bool is_wide(const MlpShape &shape) {
    return shape.hidden > 1 && shape.width >= 128;
}

void mlp_forward(const MlpShape &shape, int64_t n, const float *x, const float *weights, float *y,
                 float *kept) {
    const auto run = is_wide(shape) ? amx::mlp_forward : kKernelsV4.mlp_forward;
    run(shape, n, x, weights, y, kept);
}

void mlp_backward(const MlpShape &shape, int64_t n, const float *x, const float *weights,
                  const float *kept, const float *dy, float *dx, float *dweights) {
    const auto run = is_wide(shape) ? amx::mlp_backward : kKernelsV4.mlp_backward;
    run(shape, n, x, weights, kept, dy, dx, dweights);
}

}  // namespace

// The system saves the unit's large state only for processes that asked for it.
bool matrix_unit() {
    constexpr long kRequest = 0x1023, kTileData = 18;  // ARCH_REQ_XCOMP_PERM, XFEATURE_XTILEDATA
    return __builtin_cpu_supports("x86-64-v4") && __builtin_cpu_supports("amx-bf16") &&
           syscall(SYS_arch_prctl, kRequest, kTileData) == 0;
}

Kernels matrix_unit_table() {
    Kernels table = kKernelsV4;
    table.isa = "amx";
    table.modulated_layer_forward = modulated_layer_forward;
    table.modulated_layer_backward = modulated_layer_backward;
    table.mlp_forward = mlp_forward;
    table.mlp_backward = mlp_backward;
    return table;
}

}  // namespace nf

#endif
