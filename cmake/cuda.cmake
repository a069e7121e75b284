# SPDX-License-Identifier: Apache-2.0
# Whether this build has the CUDA backend, and for which devices. Nothing below is asked of a machine without nvcc.
#
#   CKMERGE_CUDA=AUTO           builds it where nvcc is found; ON insists, OFF leaves it out.
#   CKMERGE_CUDA_ARCHITECTURES  empty: machine code for every architecture from 7.5 to 12.0 that the toolkit knows, and
#                               PTX for later ones. "90" or "native" builds one, in a tenth of the time.
set(CKMERGE_CUDA AUTO CACHE STRING "The CUDA backend: AUTO, ON or OFF")
set_property(CACHE CKMERGE_CUDA PROPERTY STRINGS AUTO ON OFF)
set(CKMERGE_CUDA_ARCHITECTURES "" CACHE STRING "CUDA architectures as CMake names them; empty = all that ship")
set(ckmerge_has_cuda FALSE)

if(CKMERGE_SANITIZE OR CKMERGE_FUZZ OR CMAKE_CROSSCOMPILING)
  set(ckmerge_no_cuda "this kind of build has no device code")
elseif(CKMERGE_CUDA STREQUAL "OFF")
  set(ckmerge_no_cuda "CKMERGE_CUDA=OFF")
else()
  # Toolkits install beside the PATH, too.
  find_program(CKMERGE_NVCC nvcc HINTS $ENV{CUDACXX} ENV CUDAToolkit_ROOT ENV CUDA_HOME ENV CUDA_PATH
               PATHS /usr/local/cuda /opt/cuda PATH_SUFFIXES bin DOC "NVIDIA's compiler")
  if(NOT CKMERGE_NVCC)
    set(ckmerge_no_cuda "no nvcc was found")
  endif()
endif()

if(ckmerge_no_cuda)
  if(CKMERGE_CUDA STREQUAL "ON")
    message(FATAL_ERROR "CKMERGE_CUDA=ON, but ${ckmerge_no_cuda}; name it with -DCKMERGE_NVCC=/path/to/nvcc")
  endif()
  message(STATUS "CUDA: ${ckmerge_no_cuda}; the build is CPU-only")
  if(ckmerge_no_cuda MATCHES "nvcc")
    message(STATUS "NOT RUN: compiling and linking the CUDA backend (${ckmerge_no_cuda})")
  endif()
  return()
endif()

function(ckmerge_list_architectures into)
  execute_process(COMMAND ${CKMERGE_NVCC} --list-gpu-arch OUTPUT_VARIABLE listing COMMAND_ERROR_IS_FATAL ANY)
  string(REGEX MATCHALL "compute_[0-9]+" names "${listing}")
  set(known)
  foreach(name ${names})
    string(REPLACE "compute_" "" number ${name})
    if(number GREATER_EQUAL 75 AND number LESS_EQUAL 120)
      list(APPEND known ${number})
    endif()
  endforeach()
  list(SORT known COMPARE NATURAL)
  list(GET known -1 newest)
  list(TRANSFORM known APPEND "-real")
  set(${into} ${known} ${newest}-virtual PARENT_SCOPE)
endfunction()

set(architectures ${CKMERGE_CUDA_ARCHITECTURES})
if(NOT architectures)
  ckmerge_list_architectures(architectures)
endif()
# CMake tries the compiler for all that are set; one is enough for that.
list(GET architectures 0 CMAKE_CUDA_ARCHITECTURES)
set(CMAKE_CUDA_COMPILER ${CKMERGE_NVCC})
enable_language(CUDA)
set(CMAKE_CUDA_ARCHITECTURES ${architectures})
# CMake 3.25 does not know the standards of toolkits that came after it.
if(NOT CMAKE_CUDA20_STANDARD_COMPILE_OPTION)
  set(CMAKE_CUDA20_STANDARD_COMPILE_OPTION -std=c++20)
endif()
find_package(CUDAToolkit REQUIRED)
set(ckmerge_has_cuda TRUE)
message(STATUS "CUDA: toolkit ${CUDAToolkit_VERSION}, device code for ${CMAKE_CUDA_ARCHITECTURES}")
