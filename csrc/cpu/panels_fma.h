// Products of tiles by multiply-adds of vectors.
#pragma once

#include "gemm.h"

namespace nf::NF_ISA {

constexpr int64_t kPanel = (kLanes == 16 ? 4 : 2) * kLanes;  // columns of B that lie together

// B[k][n] = matrix[k row + n column] as panels of kPanel padded columns, each contiguous.
class Panels {
  public:
    Panels(const float *matrix, int64_t depth, int64_t columns, int64_t row, int64_t column)
        : depth(depth), pad(padded(columns)), packed_(depth * pad) {
        parallel_for((columns + kPanel - 1) / kPanel, [&](int64_t p) {
            const int64_t first = p * kPanel, width = least(kPanel, pad - first);
            float *panel = packed_ + first * depth;
            std::memset(panel, 0, depth * width * sizeof(float));
            for (int64_t k = 0; k < depth; ++k)
                for (int64_t c = 0; c < least(width, columns - first); ++c)
                    panel[k * width + c] = matrix[k * row + (first + c) * column];
        });
    }
    const float *panel(int64_t first) const { return packed_ + first * depth; }

    const int64_t depth, pad;  // rows, padded columns

  private:
    Scratch<float> packed_;
};

// Rows of a matrix, at most `rows` of at most `stride` floats.
class RowTile {
  public:
    RowTile(int64_t rows, int64_t stride) : copy_(round_up(rows, 8) * stride) {}

    // Rows of `columns` floats, `stride` from row to row.
    void set(const float *source, int64_t rows, int64_t columns, int64_t stride) {
        rows_ = round_up(rows, 8), columns_ = columns, stride_ = stride, data_ = source;
        if (rows == rows_) return;
        std::memset(copy_, 0, rows_ * stride * sizeof(float));
        std::memcpy(copy_, source, ((rows - 1) * stride + columns) * sizeof(float));
        data_ = copy_;
    }

    // C begins at start(row, column), vectors; finish(sum, row, column) takes them, also of rows up
    // to the next multiple of 8.
    template <class Start, class Finish>
    NF_ALWAYS inline void multiply(const Panels &b, const Start &start,
                                   const Finish &finish) const {
        for (int64_t j = 0; j < b.pad; j += kPanel) {
            const int64_t width = least(kPanel, b.pad - j);
            gemm(
                {data_, stride_, 1}, b.panel(j), width, rows_, width, columns_,
                [&](int64_t row, int64_t column) NF_ALWAYS { return start(row, j + column); },
                [&](Vec sum, int64_t row, int64_t column)
                    NF_ALWAYS { finish(sum, row, j + column); });
        }
    }

  private:
    int64_t rows_ = 0, columns_ = 0, stride_ = 0;
    const float *data_ = nullptr;
    Scratch<float> copy_;
};

// D [m][n], both padded, += A^T B, of A [rows][m] and B [rows][n]; at most `rows`, `m`, `n` of
// them.
class OuterTile {
  public:
    OuterTile(int64_t rows, int64_t, int64_t n) : copy_(rows * n) {}

    // Rows of A are m floats, those of B `columns`, the rest of their n being absent.
    void add(const float *a, int64_t m, const float *b, int64_t n, int64_t columns, int64_t rows,
             float *sums) const {
        if (columns != n) {
            for (int64_t r = 0; r < rows; ++r)
                for (int64_t c = 0; c < n; c += kLanes) {
                    const int64_t lanes = columns - c < 0 ? 0 : least(kLanes, columns - c);
                    store(copy_ + r * n + c, load_some(b + r * columns + c, lanes));
                }
            b = copy_;
        }
        gemm(
            {a, 1, m}, b, n, m, n, rows,
            [&](int64_t row, int64_t column) NF_ALWAYS {
                __builtin_prefetch(sums + row * n + column, 1);
                return Vec{};
            },
            [&](Vec sum, int64_t row, int64_t column) NF_ALWAYS {
                float *at = sums + row * n + column;
                store(at, load(at) + sum);
            });
    }

  private:
    Scratch<float> copy_;
};

}  // namespace nf::NF_ISA
