// The table of one instruction set, or of the GPU.
#include "kernels.h"

#if !defined(NF_LANES)  // of a vector; the GPU's are given
#include "simd.h"
#define NF_LANES NF_ISA::kLanes
#endif

namespace nf::NF_ISA {

void hash_grid_forward(const HashGridShape &, int64_t, const float *, const float *, float *);
void hash_grid_backward_table(const HashGridShape &, int64_t, const float *, const float *,
                              float *);
void hash_grid_backward_x(const HashGridShape &, int64_t, const float *, const float *,
                          const float *, float *);
void dense_grid_forward(const DenseGridShape &, int64_t, const float *, const float *, float *);
void dense_grid_backward_table(const DenseGridShape &, int64_t, const float *, const float *,
                               float *);
void dense_grid_backward_x(const DenseGridShape &, int64_t, const float *, const float *,
                           const float *, float *);
void triplane_forward(const TriplaneShape &, int64_t, const float *, const float *, float *);
void triplane_backward_planes(const TriplaneShape &, int64_t, const float *, const float *,
                              float *);
void triplane_backward_x(const TriplaneShape &, int64_t, const float *, const float *,
                         const float *, float *);
void total_variation_forward(const TotalVariationShape &, const float *, double *);
void total_variation_backward(const TotalVariationShape &, const float *, const float *, float *);
void vm_forward(const LowRankShape &, int64_t, const float *, const float *, const float *,
                float *);
void vm_backward_tables(const LowRankShape &, int64_t, const float *, const float *, const float *,
                        const float *, float *, float *);
void vm_backward_x(const LowRankShape &, int64_t, const float *, const float *, const float *,
                   const float *, float *);
void cp_forward(const LowRankShape &, int64_t, const float *, const float *, float *);
void cp_backward_lines(const LowRankShape &, int64_t, const float *, const float *, const float *,
                       float *);
void cp_backward_x(const LowRankShape &, int64_t, const float *, const float *, const float *,
                   float *);
void mlp_forward(const MlpShape &, int64_t, const float *, const float *, float *, float *);
void mlp_backward(const MlpShape &, int64_t, const float *, const float *, const float *,
                  const float *, float *, float *);
void modulated_layer_forward(const ModulatedLayerShape &, int64_t, const ModulatedLayer &, float *,
                             float *, float *);
void modulated_layer_backward(const ModulatedLayerShape &, int64_t, const ModulatedLayer &,
                              const float *, const float *, const float *,
                              const ModulatedLayerGradients &);
void rbf_forward(const Rbf &, int64_t, const float *, float *);
void rbf_backward(const Rbf &, int64_t, const float *, const float *, const RbfGradients &);
void exponential_forward(float, int64_t, const float *, float *);
void exponential_backward(float, int64_t, const float *, const float *, const float *, float *);
void logistic_forward(int64_t, const float *, float *);
void logistic_backward(int64_t, const float *, const float *, float *);
void spherical_harmonics_forward(int, int64_t, const float *, float *);
void spherical_harmonics_backward(int, int64_t, const float *, const float *, float *);
void fourier_forward(int, int64_t, int64_t, const float *, const float *, float *);
void fourier_backward(int, int64_t, int64_t, const float *, const float *, const float *,
                      const float *, float *, float *);
void camera_rays(const CameraArrays &, int64_t, const int64_t *, const float *, float *, float *);
void camera_project(const CameraArrays &, int64_t, const int64_t *, const float *, float *,
                    float *);
void unit_cube(const float *, float, bool, int64_t, const float *, float *);
void march(const MarchShape &, int64_t, const float *, const float *, const float *, float *,
           int64_t *);
void pack_samples(const MarchShape &, int64_t, const float *, const float *, const float *,
                  const int64_t *, float *, float *, float *, int32_t *);
void window_counts(int64_t, const int64_t *, const int64_t *, const float *, float, int64_t,
                   int64_t *);
void window_indices(int64_t, const int64_t *, const int64_t *, const int64_t *, int64_t *);
void window_advance(int64_t, const int64_t *, const float *, float, int64_t *, float *);
void composite_forward(int64_t, const int64_t *, const float *, const float *, const float *,
                       const float *, float *, float *, float *, float *);
void composite_backward(int64_t, const int64_t *, const float *, const float *, const float *,
                        const float *, const float *, const float *, const float *, float *,
                        float *);
void distortion_forward(int64_t, const int64_t *, const float *, const float *, const float *,
                        const float *, float *, float *);
void distortion_backward(int64_t, const int64_t *, const float *, const float *, const float *,
                         const float *, const float *, float *);
void adam(const AdamStep &, int64_t, const float *, float *, float *, float *);
double fma_peak();

}  // namespace nf::NF_ISA

#define NF_TEXT(x) #x
#define NF_NAME(x) NF_TEXT(x)

namespace nf {

extern const Kernels NF_TABLE;
const Kernels NF_TABLE = {
    NF_NAME(NF_ISA),
    NF_LANES,
    NF_ISA::hash_grid_forward,
    NF_ISA::hash_grid_backward_table,
    NF_ISA::hash_grid_backward_x,
    NF_ISA::dense_grid_forward,
    NF_ISA::dense_grid_backward_table,
    NF_ISA::dense_grid_backward_x,
    NF_ISA::triplane_forward,
    NF_ISA::triplane_backward_planes,
    NF_ISA::triplane_backward_x,
    NF_ISA::total_variation_forward,
    NF_ISA::total_variation_backward,
    NF_ISA::vm_forward,
    NF_ISA::vm_backward_tables,
    NF_ISA::vm_backward_x,
    NF_ISA::cp_forward,
    NF_ISA::cp_backward_lines,
    NF_ISA::cp_backward_x,
    NF_ISA::mlp_forward,
    NF_ISA::mlp_backward,
    NF_ISA::modulated_layer_forward,
    NF_ISA::modulated_layer_backward,
    NF_ISA::rbf_forward,
    NF_ISA::rbf_backward,
    NF_ISA::exponential_forward,
    NF_ISA::exponential_backward,
    NF_ISA::logistic_forward,
    NF_ISA::logistic_backward,
    NF_ISA::spherical_harmonics_forward,
    NF_ISA::spherical_harmonics_backward,
    NF_ISA::fourier_forward,
    NF_ISA::fourier_backward,
    NF_ISA::camera_rays,
    NF_ISA::camera_project,
    NF_ISA::unit_cube,
    NF_ISA::march,
    NF_ISA::pack_samples,
    NF_ISA::window_counts,
    NF_ISA::window_indices,
    NF_ISA::window_advance,
    NF_ISA::composite_forward,
    NF_ISA::composite_backward,
    NF_ISA::distortion_forward,
    NF_ISA::distortion_backward,
    NF_ISA::adam,
    NF_ISA::fma_peak,
};

}  // namespace nf
