// The operations, as a table that one instruction set or the GPU fills and dispatch.cpp chooses.
// Arrays are dense and row-major; N points, L levels, F features, R rays, S samples.
#pragma once

#include "../math/dense_grid.h"
#include "../math/hash_grid.h"
#include "../math/lowrank.h"
#include "../math/march.h"

namespace nf {

enum Activation : int32_t { kNone = 0, kRelu = 1, kSoftplus = 2, kSine = 3, kFiner = 4 };

struct HashGridShape {
    int dims;      // 2 or 3
    int features;  // 1, 2, 4 or 8
    int levels;
    const HashGridLevel *level;
};

struct DenseGridShape {
    int dims;  // 1, 2 or 3
    int channels;
    DenseGridAxis axis[3];
};

struct TriplaneShape {
    int resolution, channels;
};

struct TotalVariationShape {
    int64_t grids, size[3], channels;  // axes the grids lack have size 1
};

struct MlpShape {
    int in, out, width, hidden;  // `hidden` layers of `width`, then a linear one
    Activation activation;       // of the hidden layers
    bool bias;
    float omega_first, omega_hidden;  // frequencies of kFiner: in the first layer, in the others
};

enum Norm : int32_t { kNoNorm = 0, kLayerNorm = 1, kRayNorm = 2, kInstanceNorm = 3 };

struct ModulatedLayerShape {
    int in, out;
    int modulation;  // scales (and shifts) of a row: 1 or `out`
    Norm norm;
    int64_t group;          // consecutive rows that share statistics (ray, instance)
    Activation activation;  // none or ReLU

    bool grouped() const { return norm == kRayNorm || norm == kInstanceNorm; }
};

struct ModulatedLayer {
    const float *x;             // [N][in]
    const float *weight;        // [out][in]
    const float *bias;          // [out]
    const float *gamma, *beta;  // [N][modulation]
};

struct ModulatedLayerGradients {
    float *dx;  // may be null
    float *dweight, *dbias, *dgamma, *dbeta;
};

struct Rbf {
    int in, kernels, out;
    const float *centers, *log_scales;  // [kernels][in]
    const float *weights, *bias;        // [out][kernels], [out]
};

struct RbfGradients {
    float *x, *centers, *log_scales, *weights, *bias;
};

struct AdamStep {
    float learning_rate, beta1, beta2, epsilon;
    int64_t step;  // from 1
};

struct CameraArrays {
    const float *camera_to_world;  // [C][3][4]
    const float *intrinsics;       // [C][4] fx fy cx cy
    const float *distortion;       // [C][6] k1 k2 k3 k4 p1 p2
    const int32_t *lens;           // [C]
};

struct Kernels {
    const char *isa;
    int lanes;

    void (*hash_grid_forward)(const HashGridShape &, int64_t n, const float *x, const float *table,
                              float *y);
    // dtable is overwritten.
    void (*hash_grid_backward_table)(const HashGridShape &, int64_t n, const float *x,
                                     const float *dy, float *dtable);
    void (*hash_grid_backward_x)(const HashGridShape &, int64_t n, const float *x,
                                 const float *table, const float *dy, float *dx);

    void (*dense_grid_forward)(const DenseGridShape &, int64_t n, const float *x,
                               const float *table, float *y);
    // dtable is overwritten.
    void (*dense_grid_backward_table)(const DenseGridShape &, int64_t n, const float *x,
                                      const float *dy, float *dtable);
    void (*dense_grid_backward_x)(const DenseGridShape &, int64_t n, const float *x,
                                  const float *table, const float *dy, float *dx);

    // Planes [3][R][R][C].
    void (*triplane_forward)(const TriplaneShape &, int64_t n, const float *x, const float *planes,
                             float *y);
    // dplanes is overwritten.
    void (*triplane_backward_planes)(const TriplaneShape &, int64_t n, const float *x,
                                     const float *dy, float *dplanes);
    void (*triplane_backward_x)(const TriplaneShape &, int64_t n, const float *x,
                                const float *planes, const float *dy, float *dx);

    // sums[3]: of the squared differences along each axis.
    void (*total_variation_forward)(const TotalVariationShape &, const float *v, double *sums);
    // The gradient of the sum of scale[axis] / 2 times sums[axis].
    void (*total_variation_backward)(const TotalVariationShape &, const float *scale,
                                     const float *v, float *dv);

    void (*vm_forward)(const LowRankShape &, int64_t n, const float *x, const float *planes,
                       const float *lines, float *y);
    // dplanes and dlines are overwritten.
    void (*vm_backward_tables)(const LowRankShape &, int64_t n, const float *x, const float *planes,
                               const float *lines, const float *dy, float *dplanes, float *dlines);
    void (*vm_backward_x)(const LowRankShape &, int64_t n, const float *x, const float *planes,
                          const float *lines, const float *dy, float *dx);
    void (*cp_forward)(const LowRankShape &, int64_t n, const float *x, const float *lines,
                       float *y);
    // dlines is overwritten.
    void (*cp_backward_lines)(const LowRankShape &, int64_t n, const float *x, const float *lines,
                              const float *dy, float *dlines);
    void (*cp_backward_x)(const LowRankShape &, int64_t n, const float *x, const float *lines,
                          const float *dy, float *dx);

    // kept: [hidden][N][width], the hidden layers for the backward pass, or null; width must then
    // be a multiple of 16.
    void (*mlp_forward)(const MlpShape &, int64_t n, const float *x, const float *weights, float *y,
                        float *kept);
    // kept and dx may be null; dweights is overwritten.
    void (*mlp_backward)(const MlpShape &, int64_t n, const float *x, const float *weights,
                         const float *kept, const float *dy, float *dx, float *dweights);

    // normal [N][out] and scale (1 / deviation: layer [N], ray [groups], instance [groups][out])
    // are kept for the backward pass; both may be null.
    void (*modulated_layer_forward)(const ModulatedLayerShape &, int64_t n, const ModulatedLayer &,
                                    float *y, float *normal, float *scale);
    void (*modulated_layer_backward)(const ModulatedLayerShape &, int64_t n, const ModulatedLayer &,
                                     const float *normal, const float *scale, const float *dy,
                                     const ModulatedLayerGradients &);

    void (*rbf_forward)(const Rbf &, int64_t n, const float *x, float *y);
    // All gradients are overwritten.
    void (*rbf_backward)(const Rbf &, int64_t n, const float *x, const float *dy,
                         const RbfGradients &);

    void (*exponential_forward)(float most, int64_t n, const float *x, float *y);
    void (*exponential_backward)(float most, int64_t n, const float *x, const float *y,
                                 const float *dy, float *dx);
    void (*logistic_forward)(int64_t n, const float *x, float *y);
    void (*logistic_backward)(int64_t n, const float *y, const float *dy, float *dx);

    void (*spherical_harmonics_forward)(int degree, int64_t n, const float *d, float *y);
    void (*spherical_harmonics_backward)(int degree, int64_t n, const float *d, const float *dy,
                                         float *dd);

    // K frequencies [K][D], D = dims from 1 to 4; y[N][2 K]: sines, then cosines.
    void (*fourier_forward)(int dims, int64_t n, int64_t k, const float *x,
                            const float *frequencies, float *y);
    // dx and dfrequencies may be null.
    void (*fourier_backward)(int dims, int64_t n, int64_t k, const float *x,
                             const float *frequencies, const float *y, const float *dy, float *dx,
                             float *dfrequencies);

    void (*camera_rays)(const CameraArrays &, int64_t n, const int64_t *index, const float *pixel,
                        float *origin, float *direction);
    void (*camera_project)(const CameraArrays &, int64_t n, const int64_t *index,
                           const float *point, float *pixel, float *depth);

    void (*unit_cube)(const float *center, float half_size, bool unbounded, int64_t n,
                      const float *point, float *out);

    // Distances of the samples of every ray into t[R][capacity], their numbers into count[R].
    void (*march)(const MarchShape &, int64_t rays, const float *origin, const float *direction,
                  const float *jitter, float *t, int64_t *count);
    // The samples offset[r] .. offset[r + 1] of every ray from its distances.
    void (*pack_samples)(const MarchShape &, int64_t rays, const float *origin,
                         const float *direction, const float *t, const int64_t *offset, float *x,
                         float *t_packed, float *dt, int32_t *ray);

    // Of every ray that is lit (depth <= most), the number of its next samples, at most `width`,
    // after those it has seen.
    void (*window_counts)(int64_t rays, const int64_t *offset, const int64_t *seen,
                          const float *depth, float most, int64_t width, int64_t *count);
    // These samples, window[r] .. window[r + 1] of ray r; seen may be null: none.
    void (*window_indices)(int64_t rays, const int64_t *offset, const int64_t *seen,
                           const int64_t *window, int64_t *index);
    // Adds their thickness to the depth in front, and counts those seen before it passes `most`.
    void (*window_advance)(int64_t rays, const int64_t *window, const float *thickness, float most,
                           int64_t *seen, float *depth);

    // alpha: [S], kept for the backward pass.
    void (*composite_forward)(int64_t rays, const int64_t *offset, const float *sigma,
                              const float *rgb, const float *t, const float *dt, float *alpha,
                              float *color, float *opacity, float *depth);
    void (*composite_backward)(int64_t rays, const int64_t *offset, const float *alpha,
                               const float *rgb, const float *t, const float *dt,
                               const float *dcolor, const float *dopacity, const float *ddepth,
                               float *dsigma, float *drgb);

    // alpha: [S], kept for the backward pass; loss: [R].
    void (*distortion_forward)(int64_t rays, const int64_t *offset, const float *sigma,
                               const float *dt, const float *s, const float *ds, float *alpha,
                               float *loss);
    void (*distortion_backward)(int64_t rays, const int64_t *offset, const float *alpha,
                                const float *dt, const float *s, const float *ds,
                                const float *dloss, float *dsigma);

    void (*adam)(const AdamStep &, int64_t n, const float *gradient, float *parameter, float *m,
                 float *v);

    double (*fma_peak)();  // GFLOP/s of independent multiply-adds on all threads
};

extern const Kernels kKernelsBaseline;
#if defined(NF_X86)
extern const Kernels kKernelsV2, kKernelsV3, kKernelsV4;
#endif
#if defined(NF_AMX)
Kernels matrix_unit_table();  // that of V4, with what its matrix unit (AMX) computes
bool matrix_unit();           // whether the machine has one and the system lets us use it
#endif

#if defined(NF_CUDA)
extern const Kernels kKernelsCuda;
#endif

// Of the calling thread's place. On the CPU the best this machine runs, chosen once; NFIELD_ISA
// overrides.
const Kernels &kernels();

}  // namespace nf
