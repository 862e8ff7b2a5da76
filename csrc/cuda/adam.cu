// One step of Adam, with the formula of cpu/adam.cpp.
#include "../cpu/kernels.h"
#include "launch.h"

namespace nf::cuda {

void adam(const AdamStep &adam, int64_t n, const float *gradient, float *parameter, float *m,
          float *v) {
    const double t = static_cast<double>(adam.step);
    const float rate = adam.learning_rate / (1 - std::pow(double{adam.beta1}, t));
    const float correction = 1 / (1 - std::pow(double{adam.beta2}, t));
    for_each("adam", n, [=] __device__(int64_t i) {
        const float g = gradient[i];
        const float mean = adam.beta1 * m[i] + (1.0f - adam.beta1) * g;
        const float square = adam.beta2 * v[i] + (1.0f - adam.beta2) * g * g;
        m[i] = mean;
        v[i] = square;
        parameter[i] -= rate * mean / (sqrtf(square * correction) + adam.epsilon);
    });
}

}  // namespace nf::cuda
