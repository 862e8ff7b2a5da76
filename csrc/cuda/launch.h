// How the host runs kernels: on the calling thread's stream, without waiting for them.
#pragma once

#if defined(NF_CUDA_EMULATION)
#include "emulation.h"
#else
#include <cuda_runtime.h>
#endif

#include <cstdint>
#include <new>
#include <stdexcept>
#include <string>

#include "../core.h"
#include "../place.h"

namespace nf::cuda {

constexpr int kThreads = 256;  // of a block, unless a kernel says otherwise

inline cudaStream_t stream() {
    return static_cast<cudaStream_t>(place().stream);
}

// MemoryError in Python.
class OutOfMemory : public std::bad_alloc {
  public:
    explicit OutOfMemory(const std::string &what) : text_("GPU: out of memory, " + what) {
        cudaGetLastError();  // the next launch is not to blame
    }
    const char *what() const noexcept override { return text_.c_str(); }

  private:
    std::string text_;
};

inline void check(cudaError_t error, const char *operation) {
    if (error == cudaErrorMemoryAllocation) throw OutOfMemory(operation);
    if (error != cudaSuccess)
        throw std::runtime_error(std::string(operation) + ": " + cudaGetErrorString(error));
}

// Whether the launches before it were accepted; does not wait for them.
inline void check_launch(const char *operation) {
    check(cudaGetLastError(), operation);
}

// Blocks that cover n with one thread each.
inline unsigned blocks(int64_t n, int threads = kThreads) {
    return static_cast<unsigned>((n + threads - 1) / threads);
}

// kernel<<<blocks, threads, shared, stream()>>>(arguments...); nothing where there are no blocks.
template <class... Parameters, class... Arguments>
void launch(void (*kernel)(Parameters...), dim3 blocks, dim3 threads, size_t shared,
            const Arguments &...arguments) {
    if (blocks.x == 0 || blocks.y == 0 || blocks.z == 0) return;
#if defined(NF_CUDA_EMULATION)
    emulation::launch(blocks, threads, shared,
                      [&] { kernel(static_cast<Parameters>(arguments)...); });
#else
    // clang-format off
    kernel<<<blocks, threads, shared, stream()>>>(static_cast<Parameters>(arguments)...);
    // clang-format on
#endif
}

// The `shared` bytes of the launch, aligned to 16.
template <class T>
__device__ __forceinline__ T *shared_memory() {
#if defined(NF_CUDA_EMULATION)
    return reinterpret_cast<T *>(emulation::shared_memory());
#else
    extern __shared__ float4 nf_shared_memory[];
    return reinterpret_cast<T *>(nf_shared_memory);
#endif
}

template <class Body>
__global__ void for_each_kernel(int64_t n, Body body) {
    const int64_t i = int64_t{blockIdx.x} * blockDim.x + threadIdx.x;
    if (i < n) body(i);
}

// Runs body(i), a __device__ lambda, for i in [0, n), one thread each.
template <class Body>
void for_each(const char *operation, int64_t n, const Body &body) {
    launch(for_each_kernel<Body>, blocks(n), kThreads, 0, n, body);
    check_launch(operation);
}

// Device memory until the kernels launched meanwhile are through.
template <class T>
class Scratch {
  public:
    explicit Scratch(int64_t count) : bytes_(count * sizeof(T)) {
        if (!bytes_) return;
        const cudaError_t error = cudaMallocAsync(&data_, bytes_, stream());
        if (error == cudaErrorMemoryAllocation)
            throw OutOfMemory("scratch of " + std::to_string(bytes_) + " bytes was asked for");
        check(error, "scratch memory");
    }
    Scratch(const Scratch &) = delete;
    Scratch &operator=(const Scratch &) = delete;
    ~Scratch() {
        if (data_) cudaFreeAsync(data_, stream());
    }
    operator T *() const { return static_cast<T *>(data_); }
    void zero() const {
        if (bytes_) check(cudaMemsetAsync(data_, 0, bytes_, stream()), "scratch memory");
    }

  private:
    size_t bytes_;
    void *data_ = nullptr;
};

}  // namespace nf::cuda
