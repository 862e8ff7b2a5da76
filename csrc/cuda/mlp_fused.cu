// Perceptrons of 16 to 128 neurons a layer: a warp takes 16 rows through all layers in registers.
//
// Products are of halves (11 bits) on tensor cores, summed in float32; x, y and all gradients are
// float32. The backward pass computes the hidden layers again, which costs less than to read them.
// Its upstream gradient is scaled by the power of two that brings the largest to [1, 2), exactly
// undone at the end, so that small gradients keep their bits: nothing is left to the optimizer.
// Groups of rows, whose number depends on the sizes alone, sum a weight gradient each; these are
// added in their order.
#include "mlp_fused.h"
#include "mlp_gradient.cuh"
#include "ordered_sum.cuh"

namespace nf::cuda {

namespace {

constexpr int64_t kStaged = 48 << 10;  // bytes of weights that a block holds in shared memory

struct ForwardCall {
    int64_t n;
    const float *x;
    const Tile *weights;
    const float *biases;
    float *y;
    bool staged;
};

// The weights, in shared memory where they fit.
__device__ inline const Tile *stage(const MlpPlan &plan, const ForwardCall &call) {
    if (!call.staged) return call.weights;
    Tile *staged = shared_memory<Tile>();
    for (int i = threadIdx.x; i < plan.forward_tiles; i += blockDim.x) staged[i] = call.weights[i];
    __syncthreads();
    return staged;
}

template <int kSteps>
__global__ void __launch_bounds__(kWarps *kLanes) forward_kernel(MlpPlan plan, ForwardCall call) {
    const Tile *weights = stage(plan, call);
    const MlpLayer &top = plan.top();
    const int64_t stride = int64_t{gridDim.x} * kBlockRows;
    for (int64_t first = int64_t{blockIdx.x} * kBlockRows + warp() * kStep; first < call.n;
         first += stride) {
        const Rows rows = {first, call.n};
        Tile h[kSteps];
        Sums z[kSteps];
        for (int l = 0; l < plan.layers - 1; ++l) {
            hidden_layer(plan, l, rows, call.x, weights, call.biases, h, z);
            activate_rows(plan.activation, plan.layer[l].omega, z, h);
        }
        const float *bias = call.biases + (plan.layers - 1) * kMostWidth;
        for (int j = 0; j < top.out_steps; ++j)
            store_tile(rows, product_step(h, weights + top.forward, j, bias), top.out, j, call.y);
    }
}

template <int kSteps>
__global__ void __launch_bounds__(kWarps *kLanes)
    backward_kernel(MlpPlan plan, BackwardCall call, int out_steps) {
    Tile *left = shared_memory<Tile>();
    const Shown shown = {left, left + out_steps * kWarps * kLanes};
    const float unit = gradient_unit(call.largest, reinterpret_cast<float *>(left));
    if (blockIdx.x == 0 && threadIdx.x == 0) *call.unit = unit;
    const int64_t tiles = (call.n + kBlockRows - 1) / kBlockRows;
    const int64_t begin = tiles * blockIdx.x / gridDim.x;
    const int64_t end = tiles * (blockIdx.x + 1) / gridDim.x;
    float *sums = call.sums + blockIdx.x * plan.sums;
    for (int64_t t = begin; t < end; ++t)
        backward_rows<kSteps>(plan, call, {t * kBlockRows + warp() * kStep, call.n}, unit, shown,
                              t == begin, sums);
}

// Where a parameter's gradient lies in the sums of a group.
__device__ inline int64_t sum_of(const MlpPlan &plan, int64_t parameter) {
    int l = plan.layers - 1;
    while (parameter < plan.layer[l].weight) --l;
    const MlpLayer &layer = plan.layer[l];
    const int64_t i = parameter - layer.weight, weights = int64_t{layer.in} * layer.out;
    const int64_t row = i < weights ? i / layer.in : i - weights;
    const int64_t column = i < weights ? i % layer.in : layer.in_steps * kStep;
    const int64_t tile = row / kStep * layer.columns(plan.bias) + column / kStep;
    const int64_t element = column % 2 + row / 8 % 2 * 2 + column / 8 % 2 * 4;
    return layer.sums + tile * kTileSums + element * kLanes + row % 8 * 4 + column % 8 / 2;
}

// Groups of rows with sums of their own: enough for many processors, few enough to be added up
// quickly and to take at most 64 MiB.
int64_t row_groups(const MlpPlan &plan, int64_t n) {
    const int64_t tiles = (n + kBlockRows - 1) / kBlockRows, most = (int64_t{1} << 24) / plan.sums;
    return std::min(tiles, std::max(int64_t{16}, std::min(int64_t{256}, most)));
}

template <int kSteps>
void forward(const MlpPlan &plan, const ForwardCall &call) {
    const int64_t blocks = std::min<int64_t>((call.n + kBlockRows - 1) / kBlockRows, 1024);
    launch(forward_kernel<kSteps>, static_cast<unsigned>(blocks), kWarps * kLanes,
           call.staged ? plan.forward_tiles * sizeof(Tile) : 0, plan, call);
}

constexpr int kMostShared = 1 << 16;  // bytes of a block, on all GPUs from 7.5 on

template <int kSteps>
void backward(const MlpPlan &plan, const BackwardCall &call, int64_t groups) {
    int in_steps = 0, out_steps = 0;
    for (int l = 0; l < plan.layers; ++l) {
        in_steps = std::max(in_steps, plan.layer[l].in_steps);
        out_steps = std::max(out_steps, plan.layer[l].out_steps);
    }
    const size_t shared = (in_steps + out_steps) * kWarps * kLanes * sizeof(Tile);
    // The same for all shapes: the attribute is of the process.
    check(cudaFuncSetAttribute(backward_kernel<kSteps>, cudaFuncAttributeMaxDynamicSharedMemorySize,
                               kMostShared),
          "mlp_backward");
    launch(backward_kernel<kSteps>, static_cast<unsigned>(groups), kWarps * kLanes, shared, plan,
           call, out_steps);
}

}  // namespace

void fused_mlp_forward(const MlpShape &shape, int64_t n, const float *x, const float *weights,
                       float *y) {
    if (n == 0) return;
    const MlpPlan plan(shape);
    const PackedMlp packed(plan, weights);
    const bool staged = plan.forward_tiles * static_cast<int64_t>(sizeof(Tile)) <= kStaged;
    const ForwardCall call = {n, x, packed.forward, packed.biases, y, staged};
    if (plan.steps == 1) forward<1>(plan, call);
    if (plan.steps == 2) forward<2>(plan, call);
    if (plan.steps == 4) forward<4>(plan, call);
    if (plan.steps == 8) forward<8>(plan, call);
    check_launch("mlp_forward");
}

void fused_mlp_backward(const MlpShape &shape, int64_t n, const float *x, const float *weights,
                        const float *dy, float *dx, float *dweights) {
    const MlpPlan plan(shape);
    const PackedMlp packed(plan, weights);
    const int64_t groups = row_groups(plan, n);
    const int kept_layers = (plan.layers - 1) * (keeps_output(plan.activation) ? 1 : 2);
    const Scratch<Tile> kept(groups * kWarps * kept_layers * plan.steps * kLanes);
    const Scratch<float> sums(groups * plan.sums), largest(kThreads), unit(1);
    launch(largest_kernel, kThreads, kThreads, 0, n * shape.out, dy, largest);
    const BackwardCall call = {
        n, x, dy, dx, packed.forward, packed.backward, packed.biases, largest, unit, kept, sums};
    if (plan.steps == 1) backward<1>(plan, call, groups);
    if (plan.steps == 2) backward<2>(plan, call, groups);
    if (plan.steps == 4) backward<4>(plan, call, groups);
    if (plan.steps == 8) backward<8>(plan, call, groups);
    const float *factor = unit;
    ordered_sum(
        plan.parameters, groups, plan.sums, sums,
        [=] __device__(int64_t i) { return sum_of(plan, i); },
        [=] __device__(int64_t i, float sum) { dweights[i] = groups ? sum * *factor : 0.0f; });
    check_launch("mlp_backward");
}

}  // namespace nf::cuda
