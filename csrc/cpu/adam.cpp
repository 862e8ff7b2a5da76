// Adam (Kingma and Ba 2015, arXiv:1412.6980, Algorithm 1), one pass over
// memory.
//
//     m = b1 m + (1 - b1) g,  v = b2 v + (1 - b2) g^2
//     p -= lr / (1 - b1^t) m / (sqrt(v / (1 - b2^t)) + epsilon)
#include "kernels.h"
#include "simd.h"

namespace nf::NF_ISA {

namespace {

constexpr int64_t kBlock = 1 << 14;

struct Moments {
    Vec parameter, m, v;
};

struct Coefficients {
    float rate, correction;  // lr / (1 - b1^t), 1 / (1 - b2^t)
};

NF_INLINE Moments advance(const AdamStep &adam, Coefficients c, Vec gradient, Moments s) {
    s.m = adam.beta1 * s.m + (1.0f - adam.beta1) * gradient;
    s.v = adam.beta2 * s.v + (1.0f - adam.beta2) * gradient * gradient;
    s.parameter -= c.rate * s.m / (sqrt(s.v * c.correction) + adam.epsilon);
    return s;
}

}  // namespace

void adam(const AdamStep &adam, int64_t n, const float *gradient, float *parameter, float *m,
          float *v) {
    const double t = static_cast<double>(adam.step);
    const Coefficients c = {
        static_cast<float>(adam.learning_rate / (1 - std::pow(double(adam.beta1), t))),
        static_cast<float>(1 / (1 - std::pow(double(adam.beta2), t)))};
    parallel_for((n + kBlock - 1) / kBlock, [&](int64_t b) {
        const int64_t last = least(n, (b + 1) * kBlock);
        int64_t i = b * kBlock;
        for (; i + kLanes <= last; i += kLanes) {
            const Moments s = advance(adam, c, load(gradient + i),
                                      {load(parameter + i), load(m + i), load(v + i)});
            store(parameter + i, s.parameter);
            store(m + i, s.m);
            store(v + i, s.v);
        }
        for (; i < last; ++i) {
            const Moments s = advance(adam, c, splat(gradient[i]),
                                      {splat(parameter[i]), splat(m[i]), splat(v[i])});
            parameter[i] = s.parameter[0];
            m[i] = s.m[0];
            v[i] = s.v[0];
        }
    });
}

}  // namespace nf::NF_ISA
