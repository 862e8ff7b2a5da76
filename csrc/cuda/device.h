// The GPUs that the process sees. No function waits for one.
#pragma once

#include <string>

namespace nf::cuda {

constexpr int kLeastCapability = 75;  // ten times the compute capability

// Later calls of this thread are for the GPU of this index. Throws where it is too old.
void use_device(int index);

// What hinders the use of GPUs, as a sentence; empty where nothing does.
std::string obstacle();

int runtime_version();  // 1000 times the major version, ten times the minor one
int driver_version();   // likewise; 0 without a driver

}  // namespace nf::cuda
