// Output activations of fields: exponential (densities) and logistic (colours), and their gradients
// from the outputs.
#include "../cpu/kernels.h"
#include "launch.h"

namespace nf::cuda {

void exponential_forward(float most, int64_t n, const float *x, float *y) {
    for_each("exponential", n,
             [=] __device__(int64_t i) { y[i] = expf(most < x[i] ? most : x[i]); });
}

void exponential_backward(float most, int64_t n, const float *x, const float *y, const float *dy,
                          float *dx) {
    for_each("exponential", n,
             [=] __device__(int64_t i) { dx[i] = dy[i] * (x[i] >= most ? 0.0f : y[i]); });
}

void logistic_forward(int64_t n, const float *x, float *y) {
    for_each("logistic", n, [=] __device__(int64_t i) { y[i] = 1.0f / (1.0f + expf(-x[i])); });
}

void logistic_backward(int64_t n, const float *y, const float *dy, float *dx) {
    for_each("logistic", n, [=] __device__(int64_t i) { dx[i] = dy[i] * (y[i] * (1.0f - y[i])); });
}

}  // namespace nf::cuda
