# SPDX-License-Identifier: Apache-2.0
# Benchmarks of the CUDA backend, for bench/gpu_check.sh. That of the kernels needs kernels/ alone.
if(NOT ckmerge_has_cuda)
  return()
endif()
add_library(ckmerge_device_timing STATIC device_timing.cpp)
target_link_libraries(ckmerge_device_timing PUBLIC ckmerge_kernels PRIVATE ckmerge_options)
add_executable(ckmerge-bench-device-kernels device_kernels.cpp)
target_link_libraries(ckmerge-bench-device-kernels PRIVATE ckmerge_device_timing ckmerge_options)
if(NOT CKMERGE_KERNELS_ONLY)
  add_executable(ckmerge-bench-device-merge device_merge.cpp)
  target_link_libraries(ckmerge-bench-device-merge PRIVATE ckmerge_device_timing ckmerge_core ckmerge_options)
endif()
