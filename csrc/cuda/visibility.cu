// Windows of samples of rays that advance together, one ray a thread.
#include "../cpu/kernels.h"
#include "launch.h"

namespace nf::cuda {

void window_counts(int64_t rays, const int64_t *offset, const int64_t *seen, const float *depth,
                   float most, int64_t width, int64_t *count) {
    for_each("window_counts", rays, [=] __device__(int64_t r) {
        const int64_t left = offset[r + 1] - offset[r] - seen[r];
        count[r] = depth[r] <= most ? (width < left ? width : left) : 0;
    });
}

void window_indices(int64_t rays, const int64_t *offset, const int64_t *seen, const int64_t *window,
                    int64_t *index) {
    for_each("window_indices", rays, [=] __device__(int64_t r) {
        const int64_t first = offset[r] + (seen ? seen[r] : 0) - window[r];
        for (int64_t k = window[r]; k < window[r + 1]; ++k) index[k] = first + k;
    });
}

void window_advance(int64_t rays, const int64_t *window, const float *thickness, float most,
                    int64_t *seen, float *depth) {
    for_each("window_advance", rays, [=] __device__(int64_t r) {
        for (int64_t k = window[r]; k < window[r + 1] && depth[r] <= most; ++k) {
            depth[r] += thickness[k];
            ++seen[r];
        }
    });
}

}  // namespace nf::cuda
