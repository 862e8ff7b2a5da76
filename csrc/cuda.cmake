# The GPU's kernels, cuda/*.cu and their table, linked into the module: compiled by nvcc where there
# is one, or as C++ for tests without a GPU. NFIELD_CUDA_ARCH names the architectures: "native", or
# numbers such as "75;90"; "none" leaves the kernels out.
file(GLOB CUDA_KERNELS CONFIGURE_DEPENDS cuda/*.cu)

function(add_cuda_kernels)
  add_library(kernels_cuda OBJECT cpu/table.cpp ${ARGN})
  set_target_properties(kernels_cuda PROPERTIES POSITION_INDEPENDENT_CODE ON
                                                CXX_VISIBILITY_PRESET hidden
                                                CUDA_VISIBILITY_PRESET hidden)
  target_compile_definitions(kernels_cuda PRIVATE NF_ISA=cuda NF_TABLE=kKernelsCuda NF_LANES=32)
  target_compile_definitions(kernels_cuda PUBLIC NF_CUDA)
  target_link_libraries(_native PRIVATE kernels_cuda)
endfunction()

if(NF_CUDA_EMULATION)
  list(FILTER CUDA_KERNELS EXCLUDE REGEX "device.cu$")
  add_cuda_kernels(${CUDA_KERNELS})
  set_source_files_properties(${CUDA_KERNELS} PROPERTIES LANGUAGE CXX
                                                         COMPILE_OPTIONS "-xc++;-Wno-unknown-pragmas")
  target_compile_definitions(kernels_cuda PUBLIC NF_CUDA_EMULATION)
  target_compile_options(kernels_cuda PRIVATE -O2 -Wall)
  return()
endif()

set(NF_CUDA_ARCH "$ENV{NFIELD_CUDA_ARCH}")
if(NF_CUDA_ARCH STREQUAL "none")
  return()
endif()
include(CheckLanguage)
# Quick to build: code for the GPU that is there; else for one, and PTX of the oldest, which drivers
# compile for the others. Wheels name them all.
if(NOT NF_CUDA_ARCH AND EXISTS /dev/nvidia0 AND CMAKE_VERSION VERSION_GREATER_EQUAL 3.24)
  set(NF_CUDA_ARCH native)
elseif(NOT NF_CUDA_ARCH)
  set(NF_CUDA_ARCH "75-virtual;90-real")
endif()
set(CMAKE_CUDA_ARCHITECTURES ${NF_CUDA_ARCH})
set(CMAKE_CUDA_RUNTIME_LIBRARY Static)
check_language(CUDA)
if(NOT CMAKE_CUDA_COMPILER)
  message(STATUS "no working nvcc: without GPU kernels")
  return()
endif()
enable_language(CUDA)
set(CMAKE_CUDA_STANDARD 17)
find_package(CUDAToolkit QUIET)
if(NOT TARGET CUDA::cudart_static)
  message(STATUS "no static CUDA runtime: without GPU kernels")
  return()
endif()
add_cuda_kernels(${CUDA_KERNELS})
target_compile_options(kernels_cuda PRIVATE $<$<COMPILE_LANGUAGE:CUDA>:--extended-lambda -Xcompiler=-Wall>)
target_link_libraries(_native PRIVATE CUDA::cudart_static)
