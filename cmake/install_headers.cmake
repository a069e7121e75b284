# SPDX-License-Identifier: Apache-2.0
# Run by `cmake --install`. Our headers include each other from the project's root ("io/text/error.h"). A user's project may
# well have an io/text/error.h of its own, so installed ones say <ckmerge/io/text/error.h>, which needs one include root and
# cannot be mistaken.
set(to $ENV{DESTDIR}${CMAKE_INSTALL_PREFIX}/${include_dir}/ckmerge)
file(GLOB_RECURSE headers RELATIVE ${source_dir} ${source_dir}/core/*.h ${source_dir}/io/*.h ${source_dir}/kernels/*.h
     ${source_dir}/kernels/magnitudes.inl)
foreach(header ${headers})
  file(READ ${source_dir}/${header} text)
  string(REGEX REPLACE "#include \"((core|io|kernels)/[^\"]+)\"" "#include <ckmerge/\\1>" text "${text}")
  file(WRITE ${to}/${header} "${text}")
  message(STATUS "Installing: ${to}/${header}")
endforeach()
file(WRITE ${to}/ckmerge.h
     "// SPDX-License-Identifier: Apache-2.0\n#pragma once\n#include <ckmerge/core/ckmerge.h>\n")
