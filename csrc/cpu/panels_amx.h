// Products of tiles by the matrix unit.
#pragma once

#include "amx.h"
#include "gemm.h"

namespace nf::NF_ISA {

inline int64_t blocks(int64_t steps) {
    return (steps + kSteps - 1) / kSteps;
}

// 16 rows of 16 pairs and their transpose.
NF_INLINE void transpose(const Pair *from, Pair *to) {
    typedef int64_t Long __attribute__((vector_size(64)));
    VecI row[16], mixed[16];
#pragma GCC unroll 16
    for (int i = 0; i < 16; ++i) std::memcpy(&row[i], from + 16 * i, 64);
    const VecI low = {0, 16, 1, 17, 4, 20, 5, 21, 8, 24, 9, 25, 12, 28, 13, 29};
#pragma GCC unroll 8
    for (int i = 0; i < 16; i += 2) {  // pairs of rows, within quarters
        mixed[i] = __builtin_shuffle(row[i], row[i + 1], low);
        mixed[i + 1] = __builtin_shuffle(row[i], row[i + 1], low + 2);
    }
    const Long even = {0, 8, 2, 10, 4, 12, 6, 14};
#pragma GCC unroll 4
    for (int i = 0; i < 16; i += 4)  // fours of rows: row[i + c] has column c of every quarter
#pragma GCC unroll 2
        for (int c = 0; c < 2; ++c) {
            const Long a = (Long)mixed[i + c], b = (Long)mixed[i + 2 + c];
            row[i + 2 * c] = (VecI)__builtin_shuffle(a, b, even);
            row[i + 2 * c + 1] = (VecI)__builtin_shuffle(a, b, even + 1);
        }
    const Long halves = {0, 1, 4, 5, 8, 9, 12, 13};
#pragma GCC unroll 4
    for (int c = 0; c < 4; ++c) {
        const Long a = (Long)row[c], b = (Long)row[4 + c], d = (Long)row[8 + c],
                   e = (Long)row[12 + c];
        const Long top = __builtin_shuffle(a, b, halves), bottom = __builtin_shuffle(d, e, halves);
        const Long top2 = __builtin_shuffle(a, b, halves + 2);
        const Long bottom2 = __builtin_shuffle(d, e, halves + 2);
        const VecI out[4] = {(VecI)__builtin_shuffle(top, bottom, halves),
                             (VecI)__builtin_shuffle(top2, bottom2, halves),
                             (VecI)__builtin_shuffle(top, bottom, halves + 2),
                             (VecI)__builtin_shuffle(top2, bottom2, halves + 2)};
        for (int q = 0; q < 4; ++q) std::memcpy(to + (4 * q + c) * 16, &out[q], 64);
    }
}

// The three pieces of a block, each transposed.
NF_INLINE void transpose_block(const Pair *from, Pair *to) {
    for (int piece = 0; piece < 3; ++piece) transpose(from + piece * kPiece, to + piece * kPiece);
}

// The floats from the position `first` on; zeros from `last` on.
NF_INLINE Vec load_before(const float *from, int64_t first, int64_t last) {
    const int64_t lanes = least(kLanes, last - first);
    return lanes > 0 ? load_some(from + first, lanes) : Vec{};
}

// B[k][n] = matrix[k row + n column], one of the strides being 1: for every 16 columns the blocks
// of their steps.
class Panels {
  public:
    Panels(const float *matrix, int64_t depth, int64_t columns, int64_t row, int64_t column)
        : depth(depth),
          pad(padded(columns)),
          next(blocks(depth) * kPieces),
          packed(pad / kSide * next) {
        parallel_for(pad / kSide, [&](int64_t tile) {
            Pair *to = packed + tile * next;
            for (int64_t k = 0; k < depth; k += kSteps, to += kPieces)
                if (column == 1)
                    pack_rows(matrix, row, k, columns, tile * kSide, to);
                else
                    pack_columns(matrix, column, k, columns, tile * kSide, to);
        });
    }

    const int64_t depth, pad, next;  // rows, padded columns, pairs of 16 columns
    const Scratch<Pair> packed;

  private:
    void pack_rows(const float *matrix, int64_t row, int64_t k, int64_t columns, int64_t first,
                   Pair *to) const {
        for (int64_t j = k; j < k + kSide; ++j, to += kSide) {
            const int64_t low = j < depth ? columns : 0, high = j + kSide < depth ? columns : 0;
            store_pieces(to, load_before(matrix + j * row, first, low),
                         load_before(matrix + (j + kSide) * row, first, high));
        }
    }
    void pack_columns(const float *matrix, int64_t column, int64_t k, int64_t columns,
                      int64_t first, Pair *to) const {
        alignas(64) Pair flat[kPieces];
        for (int64_t c = first; c < first + kSide; ++c) {
            const int64_t last = c < columns ? depth : 0;
            const float *from = matrix + c * column;
            store_pieces(flat + (c - first) * kSide, load_before(from, k, last),
                         load_before(from, k + kSide, last));
        }
        transpose_block(flat, to);
    }
};

// Rows of a matrix, at most `rows` of at most `stride` floats.
class RowTile {
  public:
    RowTile(int64_t rows, int64_t stride)
        : pieces_(round_up(rows, kSide) / kSide * blocks(stride) * kPieces) {}

    // Rows of `columns` floats, `stride` from row to row.
    void set(const float *source, int64_t rows, int64_t columns, int64_t stride) {
        rows_ = rows, columns_ = columns, next_ = blocks(columns) * kPieces;
        for (int64_t r = 0; r < round_up(rows, kSide); ++r) {
            Pair *to = pieces_ + r / kSide * next_ + r % kSide * kSide;
            const float *from = source + r * stride;
            const int64_t last = r < rows ? columns : 0;
            for (int64_t k = 0; k < columns; k += kSteps, to += kPieces)
                store_pieces(to, load_before(from, k, last), load_before(from, k + kSide, last));
        }
    }

    // C begins at start(row, column), vectors; finish(sum, row, column) takes them.
    template <class Start, class Finish>
    NF_ALWAYS inline void multiply(const Panels &b, const Start &start,
                                   const Finish &finish) const {
        const MatrixUnit unit;
        const int64_t tiles = (rows_ + kSide - 1) / kSide;
        alignas(64) float sum[2 * kSide][2 * kSide];
        for (int64_t j = 0; j < b.pad; j += 2 * kSide)
            for (int64_t t = 0; t < tiles; t += 2) {
                const int64_t columns = least(2, (b.pad - j) / kSide);
                multiply_band<false>(least(2, tiles - t), columns, blocks(columns_),
                                     pieces_ + t * next_, next_, b.packed + j / kSide * b.next,
                                     b.next, sum[0], 2 * kSide);
                for (int64_t r = 0; r < least(2 * kSide, rows_ - t * kSide); ++r)
                    for (int64_t c = 0; c < columns; ++c) {
                        const int64_t row = t * kSide + r, column = j + c * kSide;
                        finish(start(row, column) + load(sum[r] + c * kSide), row, column);
                    }
            }
    }

  private:
    int64_t rows_ = 0, columns_ = 0, next_ = 0;
    Scratch<Pair> pieces_;
};

// D [m][n], both padded, += A^T B, of A [rows][m] and B [rows][n]; at most `rows`, `m`, `n` of
// them.
class OuterTile {
  public:
    OuterTile(int64_t rows, int64_t m, int64_t n)
        : next_(blocks(rows) * kPieces), a_(m / kSide * next_), b_(n / kSide * next_) {}

    // Rows of A are m floats, those of B `columns`, the rest of their n being absent.
    void add(const float *a, int64_t m, const float *b, int64_t n, int64_t columns, int64_t rows,
             float *sums) const {
        const MatrixUnit unit;
        alignas(64) Pair pieces[kPieces];
        for (int64_t k = 0; k < rows; k += kSteps) {
            for (int64_t c = 0; c < m; c += kSide) {
                pair_rows(a + c, m, k, rows, kSide, pieces);
                transpose_block(pieces, a_ + c / kSide * next_ + k / kSteps * kPieces);
            }
            for (int64_t c = 0; c < n; c += kSide)
                pair_rows(b + c, columns, k, rows, least(kSide, columns - c),
                          b_ + c / kSide * next_ + k / kSteps * kPieces);
        }
        for (int64_t i = 0; i < m; i += 2 * kSide)
            multiply_band<true>(least(2, (m - i) / kSide), n / kSide, blocks(rows),
                                a_ + i / kSide * next_, next_, b_, next_, sums + i * n, n);
    }

  private:
    // The pieces of rows k .. k + 31 of 16 columns, zeros below the last row.
    static void pair_rows(const float *from, int64_t stride, int64_t k, int64_t rows, int64_t lanes,
                          Pair *to) {
        for (int64_t j = k; j < k + 16; ++j) {
            const Vec low = j < rows ? load_some(from + j * stride, lanes) : Vec{};
            const Vec high = j + 16 < rows ? load_some(from + (j + 16) * stride, lanes) : Vec{};
            store_pieces(to + (j - k) * kSide, low, high);
        }
    }

    int64_t next_;
    Scratch<Pair> a_, b_;
};

}  // namespace nf::NF_ISA
