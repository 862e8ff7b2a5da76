// Where the calling thread's operations run: its device's table, on a stream of that device.
#pragma once

namespace nf {

struct Place {
    bool cuda = false;
    bool deterministic = false;  // sums of gradients on the GPU; the CPU's always are
    void *stream = nullptr;      // the GPU's, a cudaStream_t
};

Place &place();  // of the calling thread

}  // namespace nf
