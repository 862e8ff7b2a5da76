# The GPU's kernels: an object library of cuda/*.cu and their table, linked into the module.
file(GLOB CUDA_KERNELS CONFIGURE_DEPENDS cuda/*.cu)

function(add_cuda_kernels)
  add_library(kernels_cuda OBJECT cpu/table.cpp ${CUDA_KERNELS} ${ARGN})
  set_target_properties(kernels_cuda PROPERTIES POSITION_INDEPENDENT_CODE ON
                                                CXX_VISIBILITY_PRESET hidden)
  target_compile_definitions(kernels_cuda PRIVATE NF_ISA=cuda NF_TABLE=kKernelsCuda NF_LANES=32)
  target_compile_definitions(kernels_cuda PUBLIC NF_CUDA)
  target_link_libraries(_native PRIVATE kernels_cuda)
endfunction()

if(NF_CUDA_EMULATION)
  add_cuda_kernels()
  set_source_files_properties(${CUDA_KERNELS} PROPERTIES LANGUAGE CXX
                                                         COMPILE_OPTIONS "-xc++;-Wno-unknown-pragmas")
  target_compile_definitions(kernels_cuda PUBLIC NF_CUDA_EMULATION)
  target_compile_options(kernels_cuda PRIVATE -O2 -Wall)
endif()
