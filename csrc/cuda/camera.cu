// Rays of pixels and pixels of points, one a thread (math/camera.h).
#include "../cpu/kernels.h"
#include "../math/camera.h"
#include "launch.h"

namespace nf::cuda {

void camera_rays(const CameraArrays &cameras, int64_t n, const int64_t *index, const float *pixel,
                 float *origin, float *direction) {
    for_each("camera_rays", n, [=] __device__(int64_t i) {
        const int64_t c = index[i];
        const float *pose = cameras.camera_to_world + 12 * c;
        double d[3];
        pixel_to_direction(cameras.lens[c], cameras.intrinsics + 4 * c, cameras.distortion + 6 * c,
                           pixel[2 * i], pixel[2 * i + 1], d);
        for (int r = 0; r < 3; ++r) {
            direction[3 * i + r] = static_cast<float>(pose[4 * r] * d[0] + pose[4 * r + 1] * d[1] +
                                                      pose[4 * r + 2] * d[2]);
            origin[3 * i + r] = pose[4 * r + 3];
        }
    });
}

void camera_project(const CameraArrays &cameras, int64_t n, const int64_t *index,
                    const float *point, float *pixel, float *depth) {
    for_each("camera_project", n, [=] __device__(int64_t i) {
        const int64_t c = index[i];
        const float *pose = cameras.camera_to_world + 12 * c;
        double p[3] = {};  // R^T (point - origin)
        for (int k = 0; k < 3; ++k)
            for (int r = 0; r < 3; ++r)
                p[k] += pose[4 * r + k] * (double{point[3 * i + r]} - pose[4 * r + 3]);
        double px, py;
        point_to_pixel(cameras.lens[c], cameras.intrinsics + 4 * c, cameras.distortion + 6 * c, p,
                       px, py);
        pixel[2 * i] = static_cast<float>(px);
        pixel[2 * i + 1] = static_cast<float>(py);
        depth[i] = static_cast<float>(p[2]);
    });
}

}  // namespace nf::cuda
