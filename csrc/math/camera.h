// Lenses: between a pixel and a direction in the camera's frame (x right, y down, z forward).
//
// opencv   (u, v) = radial(r^2) (x, y) + tangential,  x = X / Z, y = Y / Z, r^2 = x^2 + y^2
//          radial = 1 + k1 r^2 + k2 r^4 + k3 r^6 + k4 r^8
//          tangential = (2 p1 x y + p2 (r^2 + 2 x^2), 2 p2 x y + p1 (r^2 + 2 y^2))
// fisheye  theta_d = theta (1 + k1 theta^2 + k2 theta^4 + k3 theta^6 + k4 theta^8), theta the angle
//          to the axis, (u, v) = theta_d (cos phi, sin phi)
// pixel    (fx u + cx, fy v + cy)
//
// Brown 1966; Kannala and Brandt 2006, with OpenCV's parameter names. Distortion is inverted by
// Newton's method to rounding. Distortion k = (k1, k2, k3, k4, p1, p2).
#pragma once

#include "../core.h"

namespace nf {

enum Lens : int32_t { kOpenCV = 0, kFisheye = 1 };

constexpr int kLensIterations = 20;       // Newton's method doubles the digits each time
constexpr double kLensTolerance = 1e-12;  // squared step, in units of the focal length

NF_HD void opencv_distort(const float *k, double x, double y, double &u, double &v,
                          double jacobian[4]) {
    const double r2 = x * x + y * y;
    const double radial = 1 + r2 * (k[0] + r2 * (k[1] + r2 * (k[2] + r2 * k[3])));
    const double slope = 2 * (k[0] + r2 * (2 * k[1] + r2 * (3 * k[2] + r2 * 4 * k[3])));
    const double p1 = k[4], p2 = k[5];
    u = radial * x + 2 * p1 * x * y + p2 * (r2 + 2 * x * x);
    v = radial * y + 2 * p2 * x * y + p1 * (r2 + 2 * y * y);
    jacobian[0] = radial + slope * x * x + 2 * p1 * y + 6 * p2 * x;
    jacobian[1] = slope * x * y + 2 * p1 * x + 2 * p2 * y;
    jacobian[2] = jacobian[1];
    jacobian[3] = radial + slope * y * y + 2 * p2 * x + 6 * p1 * y;
}

NF_HD void opencv_undistort(const float *k, double u, double v, double &x, double &y) {
    x = u;
    y = v;
    for (int i = 0; i < kLensIterations; ++i) {
        double fu, fv, j[4];
        opencv_distort(k, x, y, fu, fv, j);
        const double eu = fu - u, ev = fv - v, det = j[0] * j[3] - j[1] * j[2];
        if (fabs(det) < 1e-12) return;
        const double dx = (j[3] * eu - j[1] * ev) / det, dy = (j[0] * ev - j[2] * eu) / det;
        x -= dx;
        y -= dy;
        if (dx * dx + dy * dy < kLensTolerance * kLensTolerance) return;
    }
}

NF_HD double fisheye_distort(const float *k, double theta, double &slope) {
    const double t2 = theta * theta;
    slope = 1 + t2 * (3 * k[0] + t2 * (5 * k[1] + t2 * (7 * k[2] + t2 * 9 * k[3])));
    return theta * (1 + t2 * (k[0] + t2 * (k[1] + t2 * (k[2] + t2 * k[3]))));
}

NF_HD double fisheye_undistort(const float *k, double theta_d) {
    double theta = theta_d;
    for (int i = 0; i < kLensIterations; ++i) {
        double slope;
        const double step = (fisheye_distort(k, theta, slope) - theta_d) / slope;
        if (!(fabs(slope) > 1e-12)) return theta;
        theta -= step;
        if (fabs(step) < kLensTolerance) return theta;
    }
    return theta;
}

// Unit direction, in the camera's frame, of the light that meets the pixel.
NF_HD void pixel_to_direction(int32_t lens, const float *intrinsics, const float *k, double px,
                              double py, double direction[3]) {
    const double u = (px - intrinsics[2]) / intrinsics[0], v = (py - intrinsics[3]) / intrinsics[1];
    if (lens == kFisheye) {
        const double theta_d = sqrt(u * u + v * v);
        const double theta = fisheye_undistort(k, theta_d);
        const double radial = theta_d > 1e-12 ? sin(theta) / theta_d : 1.0;
        direction[0] = u * radial;
        direction[1] = v * radial;
        direction[2] = cos(theta);
        return;
    }
    double x, y;
    opencv_undistort(k, u, v, x, y);
    const double norm = 1 / sqrt(x * x + y * y + 1);
    direction[0] = x * norm;
    direction[1] = y * norm;
    direction[2] = norm;
}

// Pixel of a point given in the camera's frame. Behind an opencv lens (Z <= 0) the pixel is NaN.
NF_HD void point_to_pixel(int32_t lens, const float *intrinsics, const float *k, const double p[3],
                          double &px, double &py) {
    double u, v, unused[4];
    if (lens == kFisheye) {
        const double r = sqrt(p[0] * p[0] + p[1] * p[1]);
        const double theta_d = fisheye_distort(k, atan2(r, p[2]), unused[0]);
        u = r > 0 ? theta_d * p[0] / r : 0;
        v = r > 0 ? theta_d * p[1] / r : 0;
    } else if (p[2] > 0) {
        opencv_distort(k, p[0] / p[2], p[1] / p[2], u, v, unused);
    } else {
        u = v = NAN;
    }
    px = intrinsics[0] * u + intrinsics[2];
    py = intrinsics[1] * v + intrinsics[3];
}

}  // namespace nf
