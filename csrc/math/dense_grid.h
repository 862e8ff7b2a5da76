// Dense grid: multilinear interpolation between vertices, the last axis fastest, channels last.
//
//     ordinary axis of R vertices:  position = min(max(x, 0), 1) (R - 1),  vertex i at i / (R - 1)
//     wrapping axis:                position = (x - floor(x)) R,           vertex i at i / R
//     y = sum over the corners of the cell of  table[corner] prod_d weight_d,
//     weight_d = 1 - fraction or fraction,  fraction = position - cell
//
// The last vertex of a wrapping axis is followed by the first.
#pragma once

#include "../core.h"

namespace nf {

struct DenseGridAxis {
    int32_t resolution;  // vertices, at least 2
    uint32_t stride;     // table entries from one vertex to the next
    bool wrap;
};

// d position / d x
NF_HD float dense_grid_scale(const DenseGridAxis &axis) {
    return static_cast<float>(axis.wrap ? axis.resolution : axis.resolution - 1);
}

}  // namespace nf
