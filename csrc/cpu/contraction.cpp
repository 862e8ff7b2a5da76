// World points to the field's unit cube.
#include "kernels.h"
#include "simd.h"

namespace nf::NF_ISA {

void unit_cube(const float *center, float half_size, bool unbounded, int64_t n, const float *point,
               float *out) {
    parallel_for((n + 4095) / 4096, [&](int64_t b) {
        for (int64_t i = b * 4096; i < least(n, (b + 1) * 4096); ++i) {
            float p[3];
            for (int k = 0; k < 3; ++k) p[k] = (point[3 * i + k] - center[k]) / half_size;
            to_unit_cube(p, unbounded, out + 3 * i);
        }
    });
}

}  // namespace nf::NF_ISA
