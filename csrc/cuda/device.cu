#include <cuda_runtime.h>

#include <mutex>
#include <set>
#include <stdexcept>

#include "device.h"
#include "launch.h"

namespace nf::cuda {

namespace {

std::string text_of(int version) {
    return std::to_string(version / 1000) + "." + std::to_string(version % 1000 / 10);
}

int attribute(cudaDeviceAttr which, int index) {
    int value = 0;
    cudaDeviceGetAttribute(&value, which, index);
    return value;
}

int capability(int index) {
    return 10 * attribute(cudaDevAttrComputeCapabilityMajor, index) +
           attribute(cudaDevAttrComputeCapabilityMinor, index);
}

// Scratch memory that was given back stays with the process for the next kernel.
void keep_memory(int index) {
    cudaMemPool_t pool;
    uint64_t most = uint64_t{1} << 30;
    check(cudaDeviceGetDefaultMemPool(&pool, index), "scratch memory");
    check(cudaMemPoolSetAttribute(pool, cudaMemPoolAttrReleaseThreshold, &most), "scratch memory");
}

__global__ void probe_kernel() {}

// Why the current GPU is not supported; empty where it is.
std::string lack(int index) {
    const int found = capability(index);
    const std::string name = "GPU " + std::to_string(index);
    if (found < kLeastCapability)
        return name + " must have compute capability 7.5 or more, got " +
               std::to_string(found / 10) + "." + std::to_string(found % 10) + "; use the CPU";
    if (!attribute(cudaDevAttrMemoryPoolsSupported, index))
        return name + " must have memory pools, which this one has not; use the CPU";
    cudaFuncAttributes attributes;
    const cudaError_t error = cudaFuncGetAttributes(&attributes, probe_kernel);
    if (error == cudaSuccess) return "";
    cudaGetLastError();
    return name + ": this build holds no code for it (" + cudaGetErrorString(error) +
           "); install a newer driver, or build with NFIELD_CUDA_ARCH=native";
}

// Once for each GPU.
void prepare(int index) {
    if (const std::string found = lack(index); !found.empty()) throw std::runtime_error(found);
    keep_memory(index);
}

}  // namespace

void use_device(int index) {
    static std::mutex mutex;
    static std::set<int> prepared;
    const cudaError_t error = cudaSetDevice(index);
    if (error != cudaSuccess)
        throw std::runtime_error("GPU " + std::to_string(index) + ": " + cudaGetErrorString(error));
    const std::lock_guard<std::mutex> lock(mutex);
    if (prepared.count(index)) return;
    prepare(index);
    prepared.insert(index);
}

std::string obstacle() {
    const int driver = driver_version(), runtime = runtime_version();
    if (!driver) return "no NVIDIA driver: install one";
    // Within a major version an older driver runs what a newer compiler built.
    if (driver / 1000 < runtime / 1000)
        return "the driver is for CUDA " + text_of(driver) + ", older than this build's " +
               text_of(runtime) + ": install a newer driver";
    int count = 0;
    const cudaError_t error = cudaGetDeviceCount(&count);
    if (error != cudaSuccess) return std::string("no GPU: ") + cudaGetErrorString(error);
    int index = 0;
    cudaGetDevice(&index);
    return lack(index);
}

int runtime_version() {
    int version = 0;
    cudaRuntimeGetVersion(&version);
    return version;
}

int driver_version() {
    int version = 0;
    cudaDriverGetVersion(&version);
    return version;
}

}  // namespace nf::cuda
