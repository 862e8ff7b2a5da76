// One layer of coordinate-aware modulation: z = W x + b, n = norm(z), y = act(gamma n + beta).
//
// A tile of rows goes through product, norm and modulation while it stays in cache; where
// statistics span groups of rows, z is stored first and normalised in a second pass. The backward
// pass reads the stored n: to compute z again would cost as much as either of its two products.
#include "activation.h"
#include "normalization.h"
#include "panels.h"
#include "tile.h"

namespace nf::NF_ISA {

namespace {

constexpr int64_t kTileRows = 96;  // a multiple of all the row counts that products work with

// What the rows of a call have in common.
struct Call {
    const ModulatedLayerShape &shape;
    const ModulatedLayer &layer;

    Channels gamma(int64_t row) const { return modulation(layer.gamma, row); }
    Channels beta(int64_t row) const { return modulation(layer.beta, row); }

  private:
    Channels modulation(const float *value, int64_t row) const {
        return {value + row * shape.modulation, shape.modulation > 1};
    }
};

// y = act(gamma n + beta) of one row, n = (z - mean) scale.
template <Activation kind>
NF_INLINE void modulate(const Call &call, int64_t row, const float *z, Channels mean,
                        Channels scale, float *normal, float *y) {
    const Channels gamma = call.gamma(row), beta = call.beta(row);
    for_columns(call.shape.out, [&](int64_t c, int64_t lanes) NF_ALWAYS {
        const Vec n = (load_some(z + c, lanes) - mean.at(c, lanes)) * scale.at(c, lanes);
        if (normal) store_some(normal + c, n, lanes);
        store_some(y + c, activate<kind>(gamma.at(c, lanes) * n + beta.at(c, lanes)), lanes);
    });
}

// The rows of a tile whose z is at hand, where no other row has a part in their norm.
template <Activation kind>
void modulate_tile(const Call &call, int64_t first, int64_t rows, const float *z, float *y,
                   float *normal, float *scale) {
    const int64_t out = call.shape.out, pad = padded(out);
    const bool layer = call.shape.norm == kLayerNorm;
    for (int64_t r = 0; r < rows; ++r) {
        const int64_t row = first + r;
        const RowStatistics of = layer ? row_statistics(z + r * pad, out) : RowStatistics{0, 1};
        if (layer && scale) scale[row] = of.scale;
        modulate<kind>(call, row, z + r * pad, {&of.mean, false}, {&of.scale, false},
                       normal ? normal + row * out : nullptr, y + row * out);
    }
}

// All rows, from z (which is normal or y) and the statistics of their groups.
template <Activation kind>
void modulate_groups(const Call &call, int64_t n, const float *z, float *y, float *normal,
                     float *scale) {
    const ModulatedLayerShape &shape = call.shape;
    const Scratch<float> mean(units(shape, n)), dropped(units(shape, n));
    if (!scale) scale = dropped;
    group_statistics(shape, n, z, mean, scale);
    parallel_for((n + kChunk - 1) / kChunk, [&](int64_t chunk) {
        for (int64_t row = chunk * kChunk; row < least(n, (chunk + 1) * kChunk); ++row) {
            const int64_t at = row * shape.out;
            modulate<kind>(call, row, z + at, of_group(shape, mean, row),
                           of_group(shape, scale, row), normal ? normal + at : nullptr, y + at);
        }
    });
}

template <Activation kind>
void forward(const ModulatedLayerShape &shape, int64_t n, const ModulatedLayer &layer, float *y,
             float *normal, float *scale) {
    const Call call = {shape, layer};
    const int64_t in = shape.in, out = shape.out, pad = padded(out);
    const Panels weight(layer.weight, in, out, 1, in);
    const Scratch<float> bias(pad);
    std::memset(bias, 0, pad * sizeof(float));
    std::memcpy(bias, layer.bias, out * sizeof(float));
    float *stored = normal ? normal : y;  // z of all rows, where statistics span several
    const int64_t count = tiles(n, kTileRows), groups = groups_of_tiles(count);
    parallel_for(groups, [&](int64_t g) {
        const Scratch<float> z(kTileRows * pad);
        RowTile x(kTileRows, in);
        for (int64_t t = count * g / groups; t < count * (g + 1) / groups; ++t) {
            const int64_t first = t * kTileRows, rows = least(kTileRows, n - first);
            x.set(layer.x + first * in, rows, in, in);
            x.multiply(weight, bias_of(bias), [&](Vec sum, int64_t row, int64_t column) NF_ALWAYS {
                store(z + row * pad + column, sum);
            });
            if (!shape.grouped())
                modulate_tile<kind>(call, first, rows, z, y, normal, scale);
            else
                for (int64_t r = 0; r < rows; ++r)
                    std::memcpy(stored + (first + r) * out, z + r * pad, out * sizeof(float));
        }
    });
    if (shape.grouped()) modulate_groups<kind>(call, n, stored, y, normal, scale);
}

// dn = gamma act'(gamma n + beta) dy of one row, and what it leaves for gamma and beta.
template <Activation kind>
NF_INLINE void modulate_backward(const Call &call, int64_t row, const float *normal,
                                 const float *dy, const ModulatedLayerGradients &to, float *dn) {
    const bool each = call.shape.modulation > 1;
    const Channels gamma = call.gamma(row), beta = call.beta(row);
    float *dgamma = to.dgamma + row * call.shape.modulation;
    float *dbeta = to.dbeta + row * call.shape.modulation;
    Vec scales{}, shifts{};
    for_columns(call.shape.out, [&](int64_t c, int64_t lanes) NF_ALWAYS {
        const Vec n = load_some(normal + c, lanes), factor = gamma.at(c, lanes);
        const Vec da = times_slope<kind>(load_some(dy + c, lanes), factor * n + beta.at(c, lanes));
        store_some(dn + c, factor * da, lanes);
        if (each) store_some(dgamma + c, da * n, lanes), store_some(dbeta + c, da, lanes);
        scales += da * n, shifts += da;
    });
    if (!each) *dgamma = sum(scales), *dbeta = sum(shifts);
}

// dz = scale (dn - mean(dn) - n mean(dn n)) of one row, in place; the means are over its unit.
NF_INLINE void normalize_backward(int64_t columns, const float *normal, Channels scale,
                                  Channels mean, Channels slope, float *d) {
    for_columns(columns, [&](int64_t c, int64_t lanes) NF_ALWAYS {
        const Vec n = load_some(normal + c, lanes);
        const Vec rest = load_some(d + c, lanes) - mean.at(c, lanes) - n * slope.at(c, lanes);
        store_some(d + c, rest * scale.at(c, lanes), lanes);
    });
}

NF_INLINE void normalize_row_backward(int64_t columns, const float *normal, const float *scale,
                                      float *d) {
    Vec total{}, slopes{};
    for_columns(columns, [&](int64_t c, int64_t lanes) NF_ALWAYS {
        const Vec dn = load_some(d + c, lanes);
        total += dn, slopes += dn * load_some(normal + c, lanes);
    });
    const float mean = sum(total) / columns, slope = sum(slopes) / columns;
    normalize_backward(columns, normal, {scale, false}, {&mean, false}, {&slope, false}, d);
}

// What the forward pass kept, and the gradient of y.
struct Kept {
    const float *normal, *scale, *dy;
};

// Where statistics span rows: dn of all rows, and its means over every unit.
struct GroupGradient {
    GroupGradient(const ModulatedLayerShape &shape, int64_t n)
        : dn(shape.grouped() ? n * shape.out : 0), mean(units(shape, n)), slope(units(shape, n)) {}
    Scratch<float> dn, mean, slope;
};

template <Activation kind>
void fill(const Call &call, int64_t n, const Kept &kept, const ModulatedLayerGradients &to,
          const GroupGradient &gradient) {
    const int64_t out = call.shape.out;
    const Chunks chunks(call.shape, n);
    const Scratch<float> sums(2 * chunks.groups * chunks.each * out);
    chunks.run([&](int64_t chunk, int64_t first, int64_t rows) {
        float *__restrict total = sums + 2 * chunk * out, *__restrict slope = total + out;
        std::memset(total, 0, 2 * out * sizeof(float));
        for (int64_t row = first; row < first + rows; ++row) {
            const float *normal = kept.normal + row * out;
            float *dn = gradient.dn + row * out;
            modulate_backward<kind>(call, row, normal, kept.dy + row * out, to, dn);
            for (int64_t c = 0; c < out; ++c) total[c] += dn[c], slope[c] += dn[c] * normal[c];
        }
    });
    group_means(call.shape, chunks, sums, gradient.mean, gradient.slope);
}

// dz of a tile's rows.
template <Activation kind>
void gradient_tile(const Call &call, int64_t first, int64_t rows, const Kept &kept,
                   const ModulatedLayerGradients &to, const GroupGradient &groups, float *dz) {
    const ModulatedLayerShape &shape = call.shape;
    const int64_t out = shape.out;
    for (int64_t row = first; row < first + rows; ++row) {
        const float *normal = kept.normal + row * out;
        float *d = dz + (row - first) * padded(out);
        if (shape.grouped()) {
            std::memcpy(d, groups.dn + row * out, out * sizeof(float));
            normalize_backward(out, normal, of_group(shape, kept.scale, row),
                               of_group(shape, groups.mean, row),
                               of_group(shape, groups.slope, row), d);
            continue;
        }
        modulate_backward<kind>(call, row, normal, kept.dy + row * out, to, d);
        if (shape.norm == kLayerNorm) normalize_row_backward(out, normal, kept.scale + row, d);
    }
}

void add_columns(int64_t rows, int64_t columns, const float *matrix, float *sums) {
    for (int64_t r = 0; r < rows; ++r)
        for (int64_t c = 0; c < columns; c += kLanes)
            store(sums + c, load(sums + c) + load(matrix + r * columns + c));
}

// dx = dz W of a tile's rows.
void input_gradient(int64_t in, int64_t rows, const RowTile &dz, const Panels &weight, float *copy,
                    float *dx) {
    const bool direct = in == weight.pad && rows == kTileRows;
    float *target = direct ? dx : copy;
    dz.multiply(weight, zero, [&](Vec sum, int64_t row, int64_t column) NF_ALWAYS {
        store(target + row * weight.pad + column, sum);
    });
    if (direct) return;
    for (int64_t r = 0; r < rows; ++r)
        std::memcpy(dx + r * in, copy + r * weight.pad, in * sizeof(float));
}

// Sets of tiles with a weight gradient of their own: by the sizes alone, enough for many cores, few
// enough to fit in memory and to be added up quickly.
int64_t tile_sets(int64_t n, int64_t weights) {
    const int64_t most = (int64_t{1} << 22) / weights;
    return least(most < 4 ? 4 : least(most, 32), tiles(n, kTileRows));
}

// The padded gradients of all sets, added in their order.
void add_sets(const ModulatedLayerShape &shape, const float *sums, int64_t sets, float *dweight,
              float *dbias) {
    const int64_t in = shape.in, in_pad = padded(in), out_pad = padded(shape.out);
    const int64_t stride = (in_pad + 1) * out_pad;
    parallel_for(shape.out, [&](int64_t o) {
        std::memset(dweight + o * in, 0, in * sizeof(float));
        dbias[o] = 0;
        for (int64_t s = 0; s < sets; ++s) {
            const float *term = sums + s * stride;
            for (int64_t i = 0; i < in; ++i) dweight[o * in + i] += term[o * in_pad + i];
            dbias[o] += term[in_pad * out_pad + o];
        }
    });
}

template <Activation kind>
void backward(const ModulatedLayerShape &shape, int64_t n, const ModulatedLayer &layer,
              const Kept &kept, const ModulatedLayerGradients &to) {
    const Call call = {shape, layer};
    const int64_t in = shape.in, in_pad = padded(in), out_pad = padded(shape.out);
    const GroupGradient groups(shape, n);
    if (shape.grouped()) fill<kind>(call, n, kept, to, groups);
    const Panels weight(layer.weight, shape.out, in, in, 1);
    const int64_t sets = tile_sets(n, in_pad * out_pad), stride = (in_pad + 1) * out_pad;
    const Scratch<float> sums(sets * stride);
    parallel_for(sets, [&](int64_t s) {
        float *dweight = sums + s * stride, *dbias = dweight + in_pad * out_pad;
        std::memset(dweight, 0, stride * sizeof(float));
        const Scratch<float> dz(kTileRows * out_pad), copy(kTileRows * in_pad);
        std::memset(dz, 0, kTileRows * out_pad * sizeof(float));
        RowTile rows_of_dz(kTileRows, out_pad);
        const OuterTile outer(kTileRows, out_pad, in_pad);
        const int64_t count = tiles(n, kTileRows);
        for (int64_t t = count * s / sets; t < count * (s + 1) / sets; ++t) {
            const int64_t first = t * kTileRows, rows = least(kTileRows, n - first);
            gradient_tile<kind>(call, first, rows, kept, to, groups, dz);
            outer.add(dz, out_pad, layer.x + first * in, in_pad, in, rows, dweight);
            add_columns(rows, out_pad, dz, dbias);
            if (!to.dx) continue;
            rows_of_dz.set(dz, rows, shape.out, out_pad);
            input_gradient(in, rows, rows_of_dz, weight, copy, to.dx + first * in);
        }
    });
    add_sets(shape, sums, sets, to.dweight, to.dbias);
}

}  // namespace

void modulated_layer_forward(const ModulatedLayerShape &shape, int64_t n,
                             const ModulatedLayer &layer, float *y, float *normal, float *scale) {
    if (shape.activation == kRelu) return forward<kRelu>(shape, n, layer, y, normal, scale);
    forward<kNone>(shape, n, layer, y, normal, scale);
}

void modulated_layer_backward(const ModulatedLayerShape &shape, int64_t n,
                              const ModulatedLayer &layer, const float *normal, const float *scale,
                              const float *dy, const ModulatedLayerGradients &to) {
    const Kept kept = {normal, scale, dy};
    if (shape.activation == kRelu) return backward<kRelu>(shape, n, layer, kept, to);
    backward<kNone>(shape, n, layer, kept, to);
}

}  // namespace nf::NF_ISA
