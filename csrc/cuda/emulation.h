// CUDA on the CPU, for tests: with this header the sources of cuda/ compile as C++. Blocks run one
// after the other; the threads of a block as fibers that change at barriers and shuffles alone.
//
// NFIELD_EMULATION=reverse starts blocks and threads in reverse: what a kernel computes must not
// depend on their order beyond the rounding of atomic sums.
#pragma once

#include <setjmp.h>
#include <ucontext.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <deque>
#include <functional>
#include <memory>
#include <stdexcept>
#include <vector>

#define __global__
#define __device__
#define __host__
#define __shared__ static thread_local
#define __forceinline__ inline
#define __launch_bounds__(...)
#define __align__(bytes) alignas(bytes)

struct dim3 {
    unsigned x, y, z;
    constexpr dim3(unsigned x = 1, unsigned y = 1, unsigned z = 1) : x(x), y(y), z(z) {}
};

inline thread_local dim3 threadIdx, blockIdx, blockDim, gridDim;
constexpr int warpSize = 32;

namespace nf::emulation {

constexpr size_t kStack = 1 << 18;

// Passed when all members that have not ended are there.
struct Barrier {
    int members = 0, arrived = 0;
    int64_t round = 0;

    void open_if_complete() {
        if (arrived == 0 || arrived < members) return;
        arrived = 0;
        ++round;
    }
    void leave() {
        --members;
        open_if_complete();
    }
};

struct Warp {
    Barrier barrier;
    char slot[warpSize][16];  // values that lanes exchange
};

// Where a fiber or the scheduler goes on. Contexts only start fibers: changing them asks the system
// for the signal mask each time, which takes a hundred times as long as a jump.
struct Point {
    jmp_buf jump;

    void leave_for(Point &other) {
        if (!_setjmp(jump)) _longjmp(other.jump, 1);
    }
};

// Runs threads, one after the other, each until it waits.
struct Fiber {
    ucontext_t context;
    Point point;
    bool started = false;
    std::unique_ptr<char[]> stack{new char[kStack]};
    int thread = 0;
    Barrier *waits = nullptr;
    int64_t round = 0;  // of the barrier it waits for
};

class Block {
  public:
    void run(int threads, const std::function<void()> &body);
    void wait(Barrier &barrier);
    Barrier &barrier() { return barrier_; }
    Warp &warp() { return warps_[running_->thread / warpSize]; }
    int lane() const { return running_->thread % warpSize; }
    bool reverse = false;

  private:
    static void work();
    bool is_ready(const Fiber &fiber) const {
        return fiber.waits ? fiber.waits->round != fiber.round : started_ < threads_;
    }
    void resume(Fiber &fiber);

    const std::function<void()> *body_ = nullptr;
    int threads_ = 0, started_ = 0, ended_ = 0;
    Barrier barrier_;
    Warp warps_[32];
    std::deque<Fiber> fibers_;
    Fiber *running_ = nullptr;
    Point scheduler_;
};

inline Block &block() {
    static thread_local Block own;
    return own;
}

// What a fiber does: threads that have not started, then nothing until the next block.
inline void Block::work() {
    for (Block &own = block();;) {
        while (own.started_ < own.threads_) {
            const int k = own.started_++, thread = own.reverse ? own.threads_ - 1 - k : k;
            own.running_->thread = thread;
            threadIdx = {thread % blockDim.x, thread / blockDim.x % blockDim.y,
                         thread / (blockDim.x * blockDim.y)};
            (*own.body_)();
            ++own.ended_;
            own.barrier_.leave();
            own.warp().barrier.leave();
        }
        own.running_->point.leave_for(own.scheduler_);
    }
}

inline void Block::resume(Fiber &fiber) {
    running_ = &fiber;
    fiber.waits = nullptr;
    if (fiber.started) return scheduler_.leave_for(fiber.point);
    fiber.started = true;
    if (!_setjmp(scheduler_.jump)) setcontext(&fiber.context);
}

inline void Block::wait(Barrier &barrier) {
    Fiber &fiber = *running_;
    const dim3 thread = threadIdx;
    fiber.waits = &barrier;
    fiber.round = barrier.round;
    ++barrier.arrived;
    barrier.open_if_complete();
    fiber.point.leave_for(scheduler_);
    threadIdx = thread;
}

inline void Block::run(int threads, const std::function<void()> &body) {
    body_ = &body;
    threads_ = threads;
    started_ = ended_ = 0;
    barrier_.members = threads;
    for (int w = 0; w * warpSize < threads; ++w)
        warps_[w].barrier.members = std::min(warpSize, threads - w * warpSize);
    while (ended_ < threads_) {
        bool moved = false;
        for (size_t f = 0; f < fibers_.size() || started_ < threads_; ++f) {
            if (f == fibers_.size()) {
                Fiber &fiber = fibers_.emplace_back();
                getcontext(&fiber.context);
                fiber.context.uc_stack.ss_sp = fiber.stack.get();
                fiber.context.uc_stack.ss_size = kStack;
                makecontext(&fiber.context, &Block::work, 0);
            }
            if (!is_ready(fibers_[f])) continue;
            resume(fibers_[f]);
            moved = true;
        }
        if (!moved) throw std::logic_error("emulation: threads wait for each other for ever");
    }
}

inline thread_local std::vector<double> shared;  // of the launch, aligned to 16 by the allocator

inline void *shared_memory() {
    return shared.data();
}

inline void launch(dim3 blocks, dim3 threads, size_t bytes, const std::function<void()> &body) {
    const char *order = std::getenv("NFIELD_EMULATION");
    const bool reverse = order && !std::strcmp(order, "reverse");
    shared.assign(bytes / sizeof(double) + 1, std::nan(""));
    block().reverse = reverse;
    gridDim = blocks;
    blockDim = threads;
    const int64_t count = int64_t{blocks.x} * blocks.y * blocks.z;
    for (int64_t k = 0; k < count; ++k) {
        const int64_t b = reverse ? count - 1 - k : k;
        blockIdx = dim3(b % blocks.x, b / blocks.x % blocks.y, b / (int64_t{blocks.x} * blocks.y));
        block().run(threads.x * threads.y * threads.z, body);
    }
}

// The value that lane `from` of the warp gives; the whole warp takes part.
template <class T>
T exchange(unsigned mask, const T &value, int from) {
    static_assert(sizeof(T) <= 16);
    if (mask != 0xffffffffu) throw std::logic_error("emulation: shuffles of a part of a warp");
    Warp &warp = block().warp();
    std::memcpy(warp.slot[block().lane()], &value, sizeof(T));
    block().wait(warp.barrier);
    T other;
    std::memcpy(&other, warp.slot[from], sizeof(T));
    block().wait(warp.barrier);
    return other;
}

}  // namespace nf::emulation

inline void __syncthreads() {
    nf::emulation::block().wait(nf::emulation::block().barrier());
}

inline void __syncwarp(unsigned = 0xffffffffu) {
    nf::emulation::block().wait(nf::emulation::block().warp().barrier);
}

template <class T>
T __shfl_sync(unsigned mask, T value, int from, int width = warpSize) {
    const int first = nf::emulation::block().lane() / width * width;
    return nf::emulation::exchange(mask, value, first + from % width);
}

template <class T>
T __shfl_xor_sync(unsigned mask, T value, int bits, int width = warpSize) {
    const int lane = nf::emulation::block().lane(), from = lane ^ bits;
    return nf::emulation::exchange(mask, value, from / width == lane / width ? from : lane);
}

template <class T>
T __shfl_down_sync(unsigned mask, T value, int by, int width = warpSize) {
    const int lane = nf::emulation::block().lane();
    return nf::emulation::exchange(mask, value, lane % width + by < width ? lane + by : lane);
}

template <class T>
T __shfl_up_sync(unsigned mask, T value, int by, int width = warpSize) {
    const int lane = nf::emulation::block().lane();
    return nf::emulation::exchange(mask, value, lane % width >= by ? lane - by : lane);
}

inline unsigned __ballot_sync(unsigned mask, int predicate) {
    unsigned bits = 0;
    for (int lane = 0; lane < warpSize; ++lane)
        bits |= (__shfl_sync(mask, predicate, lane) ? 1u : 0u) << lane;
    return bits;
}

template <class T, class U>
T atomicAdd(T *target, U value) {
    const T before = *target;
    *target = before + static_cast<T>(value);
    return before;
}

template <class T, class U>
T atomicMax(T *target, U value) {
    const T before = *target;
    *target = std::max(before, static_cast<T>(value));
    return before;
}

struct alignas(8) float2 {
    float x, y;
};
struct alignas(16) float4 {
    float x, y, z, w;
};
inline float2 make_float2(float x, float y) {
    return {x, y};
}
inline float4 make_float4(float x, float y, float z, float w) {
    return {x, y, z, w};
}

using std::max;
using std::min;

template <class T>
T __ldg(const T *p) {
    return *p;
}
inline unsigned __float_as_uint(float value) {
    unsigned bits;
    std::memcpy(&bits, &value, sizeof(bits));
    return bits;
}
inline float __uint_as_float(unsigned bits) {
    float value;
    std::memcpy(&value, &bits, sizeof(value));
    return value;
}
inline float __expf(float x) {
    return std::exp(x);
}
inline float rsqrtf(float x) {
    return 1.0f / std::sqrt(x);
}
// Of pi x, exact at quarters of a turn.
inline void sincospif(float x, float *sine, float *cosine) {
    const double turned = std::fmod(x, 2.0), quarter = std::nearbyint(2 * turned);
    const double s = std::sin(M_PI * (turned - quarter / 2));
    const double c = std::cos(M_PI * (turned - quarter / 2));
    const int which = std::isfinite(x) ? static_cast<int>(quarter) & 3 : 0;
    *sine = static_cast<float>(which == 0 ? s : which == 1 ? c : which == 2 ? -s : -c);
    *cosine = static_cast<float>(which == 0 ? c : which == 1 ? -s : which == 2 ? -c : s);
}

// The runtime: device memory is the host's, filled with NaN, and streams have nothing to wait for.
using cudaStream_t = void *;
enum cudaError_t { cudaSuccess, cudaErrorMemoryAllocation };
inline cudaError_t cudaGetLastError() {
    return cudaSuccess;
}
inline const char *cudaGetErrorString(cudaError_t) {
    return "out of memory";
}
inline cudaError_t cudaMallocAsync(void **data, size_t bytes, cudaStream_t) {
    *data = std::malloc(bytes);
    if (!*data) return cudaErrorMemoryAllocation;
    std::memset(*data, 0xff, bytes);
    return cudaSuccess;
}
inline cudaError_t cudaFreeAsync(void *data, cudaStream_t) {
    std::free(data);
    return cudaSuccess;
}
inline cudaError_t cudaMemsetAsync(void *data, int value, size_t bytes, cudaStream_t) {
    std::memset(data, value, bytes);
    return cudaSuccess;
}
enum cudaMemcpyKind { cudaMemcpyHostToDevice, cudaMemcpyDeviceToDevice, cudaMemcpyDeviceToHost };
inline cudaError_t cudaMemcpyAsync(void *to, const void *from, size_t bytes, cudaMemcpyKind,
                                   cudaStream_t) {
    std::memmove(to, from, bytes);
    return cudaSuccess;
}
inline cudaError_t cudaStreamSynchronize(cudaStream_t) {
    return cudaSuccess;
}
enum cudaFuncAttribute { cudaFuncAttributeMaxDynamicSharedMemorySize };
template <class Kernel>
cudaError_t cudaFuncSetAttribute(Kernel, cudaFuncAttribute, int) {
    return cudaSuccess;
}
