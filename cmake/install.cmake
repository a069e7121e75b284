# SPDX-License-Identifier: Apache-2.0
# What `cmake --install` puts where: the program, the static libraries, the headers, and the package that lets
# find_package(ckmerge) work from wherever the prefix is moved to.
include(GNUInstallDirs)
include(CMakePackageConfigHelpers)

set(libraries ckmerge_kernels ckmerge_io ckmerge_core)
foreach(library ${libraries})
  set_property(TARGET ${library} PROPERTY INTERFACE_INCLUDE_DIRECTORIES
               $<BUILD_INTERFACE:${CMAKE_SOURCE_DIR}> $<BUILD_INTERFACE:${CMAKE_BINARY_DIR}/include>
               $<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}>)
endforeach()

# What users link. The program's target has the plain name.
add_library(ckmerge_library INTERFACE)
add_library(ckmerge::ckmerge ALIAS ckmerge_library)
set_target_properties(ckmerge_library PROPERTIES EXPORT_NAME ckmerge)
target_link_libraries(ckmerge_library INTERFACE ckmerge_core)
target_compile_features(ckmerge_library INTERFACE cxx_std_20)

install(TARGETS ckmerge_library ckmerge_options ${libraries} EXPORT ckmergeTargets
        ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR})
if(ckmerge_has_cuda)
  get_target_property(cudart CUDA::cudart_static IMPORTED_LOCATION)
  install(FILES ${cudart} DESTINATION ${CMAKE_INSTALL_LIBDIR} RENAME libckmerge_cudart.a)
endif()
if(TARGET ckmerge_shared)
  install(TARGETS ckmerge_shared EXPORT ckmergeTargets LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR}
          INCLUDES DESTINATION ${CMAKE_INSTALL_INCLUDEDIR})
  install(FILES cli/capi/ckmerge.h DESTINATION ${CMAKE_INSTALL_INCLUDEDIR})
  file(RELATIVE_PATH ckmerge_up_from_pc /prefix/${CMAKE_INSTALL_LIBDIR}/pkgconfig /prefix)
  string(REGEX REPLACE "/$" "" ckmerge_up_from_pc "${ckmerge_up_from_pc}")
  configure_file(${CMAKE_CURRENT_LIST_DIR}/ckmerge.pc.in ${CMAKE_BINARY_DIR}/ckmerge.pc @ONLY)
  install(FILES ${CMAKE_BINARY_DIR}/ckmerge.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig)
endif()
if(TARGET ckmerge)
  install(TARGETS ckmerge RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
  include(cmake/install_shell.cmake)
endif()

set(package_dir ${CMAKE_INSTALL_LIBDIR}/cmake/ckmerge)
install(EXPORT ckmergeTargets NAMESPACE ckmerge:: DESTINATION ${package_dir})
configure_package_config_file(${CMAKE_CURRENT_LIST_DIR}/ckmergeConfig.cmake.in ${CMAKE_BINARY_DIR}/ckmergeConfig.cmake
                              INSTALL_DESTINATION ${package_dir})
# Before 1.0 a minor version may break the API.
write_basic_package_version_file(${CMAKE_BINARY_DIR}/ckmergeConfigVersion.cmake COMPATIBILITY SameMinorVersion)
install(FILES ${CMAKE_BINARY_DIR}/ckmergeConfig.cmake ${CMAKE_BINARY_DIR}/ckmergeConfigVersion.cmake
        DESTINATION ${package_dir})

install(CODE "set(source_dir [[${CMAKE_SOURCE_DIR}]])
set(include_dir [[${CMAKE_INSTALL_INCLUDEDIR}]])
include([[${CMAKE_CURRENT_LIST_DIR}/install_headers.cmake]])")

install(FILES LICENSE DESTINATION ${CMAKE_INSTALL_DOCDIR})
foreach(document README.md ARCHITECTURE.md CHANGELOG.md)
  install(FILES ${document} DESTINATION ${CMAKE_INSTALL_DOCDIR} OPTIONAL)
endforeach()
install(DIRECTORY docs/ DESTINATION ${CMAKE_INSTALL_DOCDIR} FILES_MATCHING PATTERN "*.md" PATTERN "*.svg" PATTERN "*.json")
