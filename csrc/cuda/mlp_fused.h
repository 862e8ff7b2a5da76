// Perceptrons whose hidden layers fit in registers (MlpPlan::takes), as in cpu/kernels.h.
#pragma once

#include "mlp_plan.h"

namespace nf::cuda {

void fused_mlp_forward(const MlpShape &shape, int64_t n, const float *x, const float *weights,
                       float *y);
// dx may be null.
void fused_mlp_backward(const MlpShape &shape, int64_t n, const float *x, const float *weights,
                        const float *dy, float *dx, float *dweights);

}  // namespace nf::cuda
