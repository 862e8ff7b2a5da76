// What the GPU does not compute yet.
#include <stdexcept>

#include "../cpu/kernels.h"

namespace nf::cuda {

#define NF_MISSING(result, name, ...)                             \
    __attribute__((weak)) result name(__VA_ARGS__) {              \
        throw std::runtime_error(#name ": not on the GPU yet"); \
    }

NF_MISSING(void, hash_grid_forward, const HashGridShape &, int64_t, const float *, const float *, float *)
NF_MISSING(void, hash_grid_backward_table, const HashGridShape &, int64_t, const float *, const float *, float *)
NF_MISSING(void, hash_grid_backward_x, const HashGridShape &, int64_t, const float *, const float *, const float *, float *)
NF_MISSING(void, dense_grid_forward, const DenseGridShape &, int64_t, const float *, const float *, float *)
NF_MISSING(void, dense_grid_backward_table, const DenseGridShape &, int64_t, const float *, const float *, float *)
NF_MISSING(void, dense_grid_backward_x, const DenseGridShape &, int64_t, const float *, const float *, const float *, float *)
NF_MISSING(void, triplane_forward, const TriplaneShape &, int64_t, const float *, const float *, float *)
NF_MISSING(void, triplane_backward_planes, const TriplaneShape &, int64_t, const float *, const float *, float *)
NF_MISSING(void, triplane_backward_x, const TriplaneShape &, int64_t, const float *, const float *, const float *, float *)
NF_MISSING(void, total_variation_forward, const TotalVariationShape &, const float *, double *)
NF_MISSING(void, total_variation_backward, const TotalVariationShape &, const float *, const float *, float *)
NF_MISSING(void, vm_forward, const LowRankShape &, int64_t, const float *, const float *, const float *, float *)
NF_MISSING(void, vm_backward_tables, const LowRankShape &, int64_t, const float *, const float *, const float *, const float *, float *, float *)
NF_MISSING(void, vm_backward_x, const LowRankShape &, int64_t, const float *, const float *, const float *, const float *, float *)
NF_MISSING(void, cp_forward, const LowRankShape &, int64_t, const float *, const float *, float *)
NF_MISSING(void, cp_backward_lines, const LowRankShape &, int64_t, const float *, const float *, const float *, float *)
NF_MISSING(void, cp_backward_x, const LowRankShape &, int64_t, const float *, const float *, const float *, float *)
NF_MISSING(void, mlp_forward, const MlpShape &, int64_t, const float *, const float *, float *, float *)
NF_MISSING(void, mlp_backward, const MlpShape &, int64_t, const float *, const float *, const float *, const float *, float *, float *)
NF_MISSING(void, modulated_layer_forward, const ModulatedLayerShape &, int64_t, const ModulatedLayer &, float *, float *, float *)
NF_MISSING(void, modulated_layer_backward, const ModulatedLayerShape &, int64_t, const ModulatedLayer &, const float *, const float *, const float *, const ModulatedLayerGradients &)
NF_MISSING(void, rbf_forward, const Rbf &, int64_t, const float *, float *)
NF_MISSING(void, rbf_backward, const Rbf &, int64_t, const float *, const float *, const RbfGradients &)
NF_MISSING(void, spherical_harmonics_forward, int, int64_t, const float *, float *)
NF_MISSING(void, spherical_harmonics_backward, int, int64_t, const float *, const float *, float *)
NF_MISSING(void, fourier_forward, int, int64_t, int64_t, const float *, const float *, float *)
NF_MISSING(void, fourier_backward, int, int64_t, int64_t, const float *, const float *, const float *, const float *, float *, float *)
NF_MISSING(void, camera_rays, const CameraArrays &, int64_t, const int64_t *, const float *, float *, float *)
NF_MISSING(void, camera_project, const CameraArrays &, int64_t, const int64_t *, const float *, float *, float *)
NF_MISSING(void, unit_cube, const float *, float, bool, int64_t, const float *, float *)
NF_MISSING(void, march, const MarchShape &, int64_t, const float *, const float *, const float *, float *, int64_t *)
NF_MISSING(void, pack_samples, const MarchShape &, int64_t, const float *, const float *, const float *, const int64_t *, float *, float *, float *, int32_t *)
NF_MISSING(void, window_counts, int64_t, const int64_t *, const int64_t *, const float *, float, int64_t, int64_t *)
NF_MISSING(void, window_indices, int64_t, const int64_t *, const int64_t *, const int64_t *, int64_t *)
NF_MISSING(void, window_advance, int64_t, const int64_t *, const float *, float, int64_t *, float *)
NF_MISSING(void, distortion_forward, int64_t, const int64_t *, const float *, const float *, const float *, const float *, float *, float *)
NF_MISSING(void, distortion_backward, int64_t, const int64_t *, const float *, const float *, const float *, const float *, const float *, float *)
NF_MISSING(double, fma_peak)

}  // namespace nf::cuda
