# SPDX-License-Identifier: Apache-2.0
# What pyproject.toml's build takes: the shared library, beside the modules of python/ckmerge, and the program as a few lines that
# call it in there: twice the engine would be twice the wheel. A wheel holds no links, so the library has its plain name;
# both come without symbols.
target_sources(ckmerge_shared PRIVATE ${CMAKE_SOURCE_DIR}/cli/main.cpp)
target_compile_definitions(ckmerge_shared PRIVATE CKMERGE_PROGRAM_IN_LIBRARY)
target_link_options(ckmerge_shared PRIVATE -s)
add_executable(ckmerge_launcher ${CMAKE_SOURCE_DIR}/python/launcher.cpp)
target_link_libraries(ckmerge_launcher PRIVATE ${CMAKE_DL_LIBS})
target_link_options(ckmerge_launcher PRIVATE -s)
install(FILES $<TARGET_FILE:ckmerge_shared> DESTINATION ckmerge RENAME libckmerge.so COMPONENT python
        PERMISSIONS OWNER_READ OWNER_WRITE OWNER_EXECUTE GROUP_READ GROUP_EXECUTE WORLD_READ WORLD_EXECUTE)
install(PROGRAMS $<TARGET_FILE:ckmerge_launcher> DESTINATION ckmerge/bin RENAME ckmerge COMPONENT python)
