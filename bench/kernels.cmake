# SPDX-License-Identifier: Apache-2.0
# Benchmarks of single functions: built where google-benchmark is installed, as nothing else needs it.
find_package(benchmark QUIET)
if(benchmark_FOUND)
  add_executable(ckmerge-bench-kernels kernels.cpp)
  target_link_libraries(ckmerge-bench-kernels PRIVATE ckmerge_kernels ckmerge_options benchmark::benchmark)
  add_executable(ckmerge-bench-products products.cpp)
  target_link_libraries(ckmerge-bench-products PRIVATE ckmerge_kernels ckmerge_options benchmark::benchmark)
  add_executable(ckmerge-bench-families families.cpp)
  target_link_libraries(ckmerge-bench-families PRIVATE ckmerge_core ckmerge_options benchmark::benchmark)
  # The yardstick is vector code in every build type, as the kernels are.
  target_compile_options(ckmerge-bench-kernels PRIVATE -O3 -fno-trapping-math -fno-math-errno)
  target_compile_options(ckmerge-bench-products PRIVATE -O3 -fno-trapping-math -fno-math-errno)
else()
  message(STATUS "google-benchmark not found: no benchmarks of single functions")
endif()
