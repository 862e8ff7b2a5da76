// Chooses the kernels for the machine the module runs on, and for the calling thread's place.
#include <cstdlib>
#include <cstring>

#include "cpu/kernels.h"
#include "place.h"

namespace nf {

namespace {

const Kernels &choose() {
    const char *wanted = std::getenv("NFIELD_ISA");
#if defined(NF_CUDA_EMULATION)
    static Kernels emulation = kKernelsCuda;
    emulation.isa = "emulation";
    if (wanted && !std::strcmp(wanted, emulation.isa)) return emulation;
#endif
#if defined(NF_X86)
    __builtin_cpu_init();
#if defined(NF_AMX)
    static const Kernels amx = matrix_unit_table();
#endif
    struct Candidate {
        const Kernels &table;
        bool runs;
    };
    const Candidate candidates[] = {
#if defined(NF_AMX)
        {amx, matrix_unit()},
#endif
        {kKernelsV4, static_cast<bool>(__builtin_cpu_supports("x86-64-v4"))},
        {kKernelsV3, static_cast<bool>(__builtin_cpu_supports("x86-64-v3"))},
        {kKernelsV2, static_cast<bool>(__builtin_cpu_supports("x86-64-v2"))},
    };
    for (const Candidate &candidate : candidates)
        if (candidate.runs && (!wanted || !std::strcmp(wanted, candidate.table.isa)))
            return candidate.table;
#else
    static_cast<void>(wanted);
#endif
    return kKernelsBaseline;
}

}  // namespace

Place &place() {
    static thread_local Place own;
    return own;
}

const Kernels &kernels() {
#if defined(NF_CUDA)
    if (place().cuda()) return kKernelsCuda;
#endif
    static const Kernels &chosen = choose();
    return chosen;
}

}  // namespace nf
