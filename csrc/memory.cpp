#include "memory.h"

#include <cstdlib>
#include <map>
#include <mutex>
#include <new>

#if defined(__linux__)
#include <sys/mman.h>
#endif

namespace nf {

namespace {

constexpr int64_t kLargePage = 1 << 21;

// Sizes in eighths of a power of two, so that nearly equal requests share blocks.
int64_t rounded(int64_t bytes) {
    int64_t step = 64;
    while (16 * step < bytes) step *= 2;
    return (bytes + step - 1) / step * step;
}

void *allocate(int64_t bytes) {
    // Where it pays, pages of 2 MiB: one page fault instead of 512.
    const int64_t page = bytes < 2 * kLargePage ? 64 : kLargePage;
    void *data = std::aligned_alloc(page, (bytes + page - 1) / page * page);
    if (!data) throw std::bad_alloc();
#if defined(__linux__)
    if (page == kLargePage) madvise(data, (bytes + page - 1) / page * page, MADV_HUGEPAGE);
#endif
    return data;
}

struct Idle {
    std::mutex mutex;
    std::multimap<int64_t, void *> blocks;  // by bytes
    int64_t bytes = 0;
};

// Never destroyed: tensors may give their memory back while the process ends.
Idle &idle() {
    static Idle &kept = *new Idle;
    return kept;
}

}  // namespace

Block take_block(int64_t bytes) {
    bytes = rounded(bytes);
    if (bytes >= kLargeBytes) {
        const std::lock_guard<std::mutex> lock(idle().mutex);
        const auto found = idle().blocks.find(bytes);
        if (found != idle().blocks.end()) {
            void *data = found->second;
            idle().blocks.erase(found);
            idle().bytes -= bytes;
            return {data, bytes};
        }
    }
    return {allocate(bytes), bytes};
}

void give_block(const Block &block) {
    if (block.bytes >= kLargeBytes) {
        const std::lock_guard<std::mutex> lock(idle().mutex);
        if (idle().bytes + block.bytes <= kMostIdleBytes) {
            idle().blocks.emplace(block.bytes, block.data);
            idle().bytes += block.bytes;
            return;
        }
    }
    std::free(block.data);
}

}  // namespace nf
