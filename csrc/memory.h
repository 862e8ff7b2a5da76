// Large memory for the outputs and the scratch of the kernels, kept for the next call when it is
// given back: a page the system has to clear costs more than most kernels' work on it.
#pragma once

#include <cstdint>

namespace nf {

constexpr int64_t kLargeBytes = 1 << 18;     // smaller blocks come from the C library
constexpr int64_t kMostIdleBytes = 1 << 29;  // kept at most, over all blocks

struct Block {
    void *data;
    int64_t bytes;  // at least those asked for
};

// Aligned to 64 bytes, not initialised. Throws std::bad_alloc.
Block take_block(int64_t bytes);
void give_block(const Block &block);

}  // namespace nf
