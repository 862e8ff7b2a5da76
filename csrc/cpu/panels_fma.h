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

// Up to kTileRows rows of a matrix, `stride` floats apart.
class RowTile {
  public:
    RowTile(int64_t columns, int64_t stride)
        : columns_(columns), stride_(stride), copy_(kTileRows * stride) {}

    void set(const float *source, int64_t rows) {
        rows_ = round_up(rows, 8), data_ = source;
        if (rows == rows_) return;
        std::memset(copy_, 0, rows_ * stride_ * sizeof(float));
        std::memcpy(copy_, source, ((rows - 1) * stride_ + columns_) * sizeof(float));
        data_ = copy_;
    }

    // finish(sum, row, column) takes the vectors of C, also of rows up to the next multiple of 8.
    template <class Finish>
    NF_ALWAYS inline void multiply(const Panels &b, const Finish &finish) const {
        for (int64_t j = 0; j < b.pad; j += kPanel) {
            const int64_t width = least(kPanel, b.pad - j);
            gemm({data_, stride_, 1}, b.panel(j), width, rows_, width, columns_, zero,
                 [&](Vec sum, int64_t row, int64_t column)
                     NF_ALWAYS { finish(sum, row, j + column); });
        }
    }

  private:
    int64_t columns_, stride_, rows_ = 0;
    const float *data_ = nullptr;
    Scratch<float> copy_;
};

// D [m][n], both padded, += A^T B, of A [rows][m] and B [rows][n].
class OuterTile {
  public:
    OuterTile(int64_t m, int64_t n, int64_t b_columns)
        : m_(m), n_(n), columns_(b_columns), copy_(kTileRows * n) {}

    void add(const float *a, const float *b, int64_t rows, float *sums) const {
        if (columns_ != n_) {
            for (int64_t r = 0; r < rows; ++r)
                for (int64_t c = 0; c < n_; c += kLanes) {
                    const int64_t lanes = columns_ - c < 0 ? 0 : least(kLanes, columns_ - c);
                    store(copy_ + r * n_ + c, load_some(b + r * columns_ + c, lanes));
                }
            b = copy_;
        }
        gemm(
            {a, 1, m_}, b, n_, m_, n_, rows,
            [&](int64_t row, int64_t column) NF_ALWAYS { return load(sums + row * n_ + column); },
            [&](Vec sum, int64_t row, int64_t column)
                NF_ALWAYS { store(sums + row * n_ + column, sum); });
    }

  private:
    int64_t m_, n_, columns_;
    Scratch<float> copy_;
};

}  // namespace nf::NF_ISA
