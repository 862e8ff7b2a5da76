// Chooses the kernels for the machine the module runs on.
#include <cstdlib>
#include <cstring>

#include "cpu/kernels.h"

namespace nf {

namespace {

const Kernels &choose() {
#if defined(NF_X86)
    const char *wanted = std::getenv("NFIELD_ISA");
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
#endif
    return kKernelsBaseline;
}

}  // namespace

const Kernels &kernels() {
    static const Kernels &chosen = choose();
    return chosen;
}

}  // namespace nf
