# SPDX-License-Identifier: Apache-2.0
# The manual page and the shells' completions: the program prints them, so the build runs it. A cross build that cannot
# run what it builds installs none of them.
if(CMAKE_CROSSCOMPILING AND NOT CMAKE_CROSSCOMPILING_EMULATOR)
  return()
endif()

set(shell_files)
# install_output(FOLDER FILE WORDS...): what `ckmerge WORDS...` prints becomes FOLDER/FILE.
function(install_output folder file)
  set(made ${CMAKE_BINARY_DIR}/shell/${file})
  add_custom_command(OUTPUT ${made} COMMAND ckmerge ${ARGN} > ${made} DEPENDS ckmerge VERBATIM)
  install(FILES ${made} DESTINATION ${folder})
  set(shell_files ${shell_files} ${made} PARENT_SCOPE)
endfunction()

file(MAKE_DIRECTORY ${CMAKE_BINARY_DIR}/shell)
install_output(${CMAKE_INSTALL_MANDIR}/man1 ckmerge.1 man)
install_output(${CMAKE_INSTALL_DATADIR}/bash-completion/completions ckmerge completions bash)
install_output(${CMAKE_INSTALL_DATADIR}/zsh/site-functions _ckmerge completions zsh)
install_output(${CMAKE_INSTALL_DATADIR}/fish/vendor_completions.d ckmerge.fish completions fish)
add_custom_target(ckmerge_shell ALL DEPENDS ${shell_files})
