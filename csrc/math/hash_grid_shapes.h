// The sizes that hash grids are compiled for.
#pragma once

// Calls run<D, F> for the grid's dimensions and features.
#define NF_FOR_SHAPE(run, ...)                \
    switch (grid.dims * 16 + grid.features) { \
        case 33:                              \
            return run<2, 1>(__VA_ARGS__);    \
        case 34:                              \
            return run<2, 2>(__VA_ARGS__);    \
        case 36:                              \
            return run<2, 4>(__VA_ARGS__);    \
        case 40:                              \
            return run<2, 8>(__VA_ARGS__);    \
        case 49:                              \
            return run<3, 1>(__VA_ARGS__);    \
        case 50:                              \
            return run<3, 2>(__VA_ARGS__);    \
        case 52:                              \
            return run<3, 4>(__VA_ARGS__);    \
        case 56:                              \
            return run<3, 8>(__VA_ARGS__);    \
    }
