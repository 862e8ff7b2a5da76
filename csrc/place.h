// Where the calling thread's operations run: its device's table, on a stream of that device.
#pragma once

namespace nf {

struct Place {
    int device = -1;             // the GPU's index; -1: the CPU
    void *stream = nullptr;      // the GPU's, a cudaStream_t
    bool deterministic = false;  // sums of gradients on the GPU; the CPU's always are

    bool cuda() const { return device >= 0; }
};

Place &place();  // of the calling thread

}  // namespace nf
