// World points to the field's unit cube.
#include "../cpu/kernels.h"
#include "launch.h"

namespace nf::cuda {

void unit_cube(const float *center, float half_size, bool unbounded, int64_t n, const float *point,
               float *out) {
    const float c[3] = {center[0], center[1], center[2]};  // the host's
    for_each("unit_cube", n, [=] __device__(int64_t i) {
        float p[3];
        for (int k = 0; k < 3; ++k) p[k] = (point[3 * i + k] - c[k]) / half_size;
        to_unit_cube(p, unbounded, out + 3 * i);
    });
}

}  // namespace nf::cuda
