#version 300 es
// A baked radiance field, marched as the engine does (csrc/cpu/march.cpp): samples lie at
// t = entry + (k + 1/2) step, empty space is left by whole steps, and a ray ends when it is dark.
//
// All lengths are half sizes of the scene's inner cube, which is [-1, 1]^3.
precision highp float;
precision highp int;
precision highp sampler3D;
precision highp usampler3D;

const int BANDS = 16;     // harmonics of four bands
const int FACTORS = 7;    // of colour, beside the density: two textures of four channels
const float BLOCK = 8.0;  // voxels along a block's side
const float DARK = 1e-4;  // transmittance at which a ray ends

uniform vec3 origin, right, down, forward;  // of the camera, in the cube
uniform vec4 intrinsics;                    // fx fy cx cy, pixels
uniform float height;                       // of the picture, pixels
uniform vec3 background;
uniform vec3 low;         // of the lattice
uniform float voxel;      // its side
uniform ivec3 blocks;     // of the lattice along each axis
uniform float step_;      // between samples
uniform vec2 density;     // rate and scale: rate (exp(scale code) - 1)
uniform float least[FACTORS], range[FACTORS];
uniform vec3 basis[FACTORS * BANDS];
uniform usampler3D place;  // of a block in the atlas, 1 in w; or 0 in w and in x how far it is empty
uniform sampler3D first, second;

out vec4 color;

void harmonics(vec3 d, out float y[BANDS]) {
    float x = d.x, v = d.y, z = d.z, xx = x * x, yy = v * v, zz = z * z;
    y[0] = 0.28209479177387814;
    y[1] = -0.48860251190291987 * v;
    y[2] = 0.48860251190291987 * z;
    y[3] = -0.48860251190291987 * x;
    y[4] = 1.0925484305920792 * x * v;
    y[5] = -1.0925484305920792 * v * z;
    y[6] = 0.94617469575755997 * zz - 0.31539156525251999;
    y[7] = -1.0925484305920792 * x * z;
    y[8] = 0.54627421529603959 * (xx - yy);
    y[9] = 0.59004358992664352 * v * (yy - 3.0 * xx);
    y[10] = 2.8906114426405538 * x * v * z;
    y[11] = 0.45704579946446572 * v * (1.0 - 5.0 * zz);
    y[12] = 0.3731763325901154 * z * (5.0 * zz - 3.0);
    y[13] = 0.45704579946446572 * x * (1.0 - 5.0 * zz);
    y[14] = 1.4453057213202769 * z * (xx - yy);
    y[15] = 0.59004358992664352 * x * (3.0 * yy - xx);
}

// Distances at which a ray enters and leaves a box.
vec2 clip(vec3 from, vec3 inverse, vec3 lower, vec3 upper) {
    vec3 a = (lower - from) * inverse, b = (upper - from) * inverse;
    vec3 near = min(a, b), far = max(a, b);
    return vec2(max(max(near.x, near.y), max(near.z, 0.0)), min(min(far.x, far.y), far.z));
}

void main() {
    vec2 pixel = vec2(gl_FragCoord.x, height - gl_FragCoord.y);
    vec2 slope = (pixel - intrinsics.zw) / intrinsics.xy;
    vec3 d = normalize(slope.x * right + slope.y * down + forward);
    d = mix(d, vec3(1e-12), lessThan(abs(d), vec3(1e-12)));
    vec3 inverse = 1.0 / d;

    vec2 cube = clip(origin, inverse, vec3(-1.0), vec3(1.0));
    vec2 box = clip(origin, inverse, low, low + voxel * BLOCK * vec3(blocks));
    float t = cube.x + 0.5 * step_;
    t += step_ * max(0.0, ceil((box.x - t) / step_));
    float end = min(cube.y, box.y);

    vec3 seen = vec3(0.0), base = vec3(0.0);
    vec3 factor[FACTORS];
    bool looked = false;
    float light = 1.0;
    vec3 texels = vec3(textureSize(first, 0));
    while (t < end) {
        vec3 at = (origin + t * d - low) / voxel;
        ivec3 block = clamp(ivec3(floor(at / BLOCK)), ivec3(0), blocks - 1);
        uvec4 found = texelFetch(place, block, 0);
        if (found.w == 0u) {
            float reach = float(found.x);
            vec3 middle = vec3(block);
            vec3 lower = low + voxel * BLOCK * (middle - (reach - 1.0));
            vec3 upper = low + voxel * BLOCK * (middle + reach);
            float leave = clip(origin, inverse, lower, upper).y;
            t += step_ * max(1.0, ceil((leave - t) / step_));
            continue;
        }
        vec3 inside = vec3(found.xyz) * (BLOCK + 1.0) + (at - BLOCK * vec3(block)) + 0.5;
        vec4 one = texture(first, inside / texels);
        float thickness = density.x * (exp(density.y * one.x) - 1.0) * step_;
        if (thickness > 1e-5) {
            if (!looked) {
                float y[BANDS];
                harmonics(d, y);
                for (int k = 0; k < FACTORS; ++k) {
                    vec3 toward = vec3(0.0);
                    for (int m = 0; m < BANDS; ++m) toward += basis[k * BANDS + m] * y[m];
                    base += least[k] * toward;
                    factor[k] = range[k] * toward;
                }
                looked = true;
            }
            vec4 two = texture(second, inside / texels);
            vec3 rgb = base + one.y * factor[0] + one.z * factor[1] + one.w * factor[2] +
                       two.x * factor[3] + two.y * factor[4] + two.z * factor[5] +
                       two.w * factor[6];
            float clear = exp(-thickness);
            seen += light * (1.0 - clear) * clamp(rgb, 0.0, 1.0);
            light *= clear;
            if (light < DARK) break;
        }
        t += step_;
    }
    color = vec4(seen + light * background, 1.0);
}
