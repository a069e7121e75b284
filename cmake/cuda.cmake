# SPDX-License-Identifier: Apache-2.0
# Says which backends this build has.
if(CKMERGE_KERNELS_ONLY)
  return()
endif()
find_package(CUDAToolkit QUIET)
if(CUDAToolkit_FOUND)
  message(STATUS "CUDA: toolkit ${CUDAToolkit_VERSION} found, but this version of ckmerge has no CUDA backend; "
                 "the build is CPU-only")
else()
  message(STATUS "CUDA: no toolkit found; the build is CPU-only")
endif()
