// Tiles of results, each a sum over some depth of what a rule makes of a left and a right value: a
// product of matrices in float32 where the rule is a multiply-add. A block computes 64 x 64 of
// them, a thread 8 x 4. A rule has
//
//     Left, Right, Cell        types of the values and of a result under way
//     kLeftAlongDepth, ...     whether neighbours in memory are neighbours in depth
//     left(row, k), right(k, column), start(row, column), add(cell, left, right)
//     store(row, column, split, cell)
//
// Values of zero must add nothing.
#pragma once

#include "launch.h"

namespace nf::cuda {

constexpr int kSide = 64, kDepth = 16, kProductThreads = 128, kCellRows = 8, kCellColumns = 4;

// Multiply-adds of floats; a rule of a matrix product adds its operands and where results go.
struct MultiplyAdd {
    using Left = float;
    using Right = float;
    using Cell = float;
    __device__ __forceinline__ float start(int64_t, int64_t) const { return 0.0f; }
    __device__ __forceinline__ static void add(float &cell, float left, float right) {
        cell = fmaf(left, right, cell);
    }
};

struct Extent {
    int64_t rows, columns, depth, per_split;
};

// Where value i of a side's panel [kDepth][kSide] lies: threads follow each other as in memory.
template <bool kAlongDepth>
struct PanelPlace {
    __device__ __forceinline__ explicit PanelPlace(int i)
        : depth(kAlongDepth ? i % kDepth : i / kSide), side(kAlongDepth ? i / kDepth : i % kSide) {}
    int depth, side;
};

template <class Rule>
struct Panels {
    typename Rule::Left left[kDepth][kSide + 4];
    typename Rule::Right right[kDepth][kSide + 4];
};

template <class Rule>
__device__ __forceinline__ void load_panels(const Rule &rule, const Extent &extent, int64_t row,
                                            int64_t column, int64_t depth, int64_t end,
                                            Panels<Rule> &to) {
#pragma unroll
    for (int i = threadIdx.x; i < kSide * kDepth; i += kProductThreads) {
        const PanelPlace<Rule::kLeftAlongDepth> l(i);
        const PanelPlace<Rule::kRightAlongDepth> r(i);
        const bool has_left = row + l.side < extent.rows && depth + l.depth < end;
        const bool has_right = column + r.side < extent.columns && depth + r.depth < end;
        to.left[l.depth][l.side] =
            has_left ? rule.left(row + l.side, depth + l.depth) : typename Rule::Left{};
        to.right[r.depth][r.side] =
            has_right ? rule.right(depth + r.depth, column + r.side) : typename Rule::Right{};
    }
}

template <class Rule>
__global__ void __launch_bounds__(kProductThreads) product_kernel(Rule rule, Extent extent) {
    __shared__ Panels<Rule> panels;
    const int64_t tile_row = int64_t{blockIdx.x} * kSide, tile_column = int64_t{blockIdx.y} * kSide;
    const int row = threadIdx.x / (kSide / kCellColumns) * kCellRows;
    const int column = threadIdx.x % (kSide / kCellColumns) * kCellColumns;
    typename Rule::Cell cells[kCellRows][kCellColumns];
#pragma unroll
    for (int i = 0; i < kCellRows; ++i)
#pragma unroll
        for (int j = 0; j < kCellColumns; ++j)
            cells[i][j] = rule.start(min(tile_row + row + i, extent.rows - 1),
                                     min(tile_column + column + j, extent.columns - 1));
    const int64_t begin = blockIdx.z * extent.per_split;
    const int64_t end = min(extent.depth, begin + extent.per_split);
    for (int64_t depth = begin; depth < end; depth += kDepth) {
        load_panels(rule, extent, tile_row, tile_column, depth, end, panels);
        __syncthreads();
#pragma unroll 4
        for (int k = 0; k < kDepth; ++k)
#pragma unroll
            for (int i = 0; i < kCellRows; ++i)
#pragma unroll
                for (int j = 0; j < kCellColumns; ++j)
                    rule.add(cells[i][j], panels.left[k][row + i], panels.right[k][column + j]);
        __syncthreads();
    }
#pragma unroll
    for (int i = 0; i < kCellRows; ++i)
#pragma unroll
        for (int j = 0; j < kCellColumns; ++j) {
            const int64_t r = tile_row + row + i, c = tile_column + column + j;
            if (r < extent.rows && c < extent.columns) rule.store(r, c, blockIdx.z, cells[i][j]);
        }
}

// All results; the depth is cut into `splits` whose results are stored each by itself.
template <class Rule>
void product(const Rule &rule, int64_t rows, int64_t columns, int64_t depth, int64_t splits = 1) {
    const int64_t share = (depth + splits - 1) / splits;
    const Extent extent = {rows, columns, depth, (share + kDepth - 1) / kDepth * kDepth};
    launch(product_kernel<Rule>,
           dim3(blocks(rows, kSide), blocks(columns, kSide), static_cast<unsigned>(splits)),
           kProductThreads, 0, rule, extent);
}

// Rows are cut into chunks, so that what lies between products takes little memory, and a chunk
// into splits, whose sums are kept apart until they are added in their order. Both by the sizes
// alone.
struct Chunks {
    Chunks(int64_t n, int64_t values_of_a_row, int64_t sums)
        : n(n),
          rows(std::max(int64_t{1024},
                        std::min(int64_t{1} << 16, (int64_t{1} << 25) / values_of_a_row))) {
        const int64_t most = std::max(int64_t{1}, (int64_t{1} << 24) / sums);
        splits = n == 0 ? 0 : std::min(most, (std::min(n, rows) + 1023) / 1024);
    }

    // body(first, rows) for each of them.
    template <class Body>
    void run(const Body &body) const {
        for (int64_t first = 0; first < n; first += rows) body(first, std::min(rows, n - first));
    }

    int64_t n, rows, splits;
};

// Sums of a split, row by row: those of the first chunk are written, others added to.
struct SplitSums {
    float *memory;
    int64_t stride;  // of the splits
    bool fresh;
    __device__ __forceinline__ void add(int64_t split, int64_t at, float value) const {
        float *to = memory + split * stride + at;
        *to = fresh ? value : *to + value;
    }
};

// Gradients of a linear layer's weights and bias: d^T input, beside it d^T 1; d: [rows][out].
struct WeightGradient : MultiplyAdd {
    static constexpr bool kLeftAlongDepth = false, kRightAlongDepth = false;
    const float *d, *input;
    int64_t out, in;
    SplitSums sums;  // [out][in + 1]

    __device__ __forceinline__ float left(int64_t row, int64_t k) const { return d[k * out + row]; }
    __device__ __forceinline__ float right(int64_t k, int64_t column) const {
        return column < in ? input[k * in + column] : 1.0f;
    }
    __device__ __forceinline__ void store(int64_t row, int64_t column, int64_t split,
                                          float value) const {
        sums.add(split, row * (in + 1) + column, value);
    }
    static void run(const WeightGradient &rule, int64_t rows, int64_t splits) {
        product(rule, rule.out, rule.in + 1, rows, splits);
    }
};

}  // namespace nf::cuda
