# SPDX-License-Identifier: Apache-2.0
# What pyproject.toml's build takes: the shared library and the program, beside the modules of python/ckmerge. A wheel holds
# no links, so the library has its plain name, and both come without symbols: they are half of its size.
target_link_options(ckmerge_shared PRIVATE -s)
target_link_options(ckmerge PRIVATE -s)
install(FILES $<TARGET_FILE:ckmerge_shared> DESTINATION ckmerge RENAME libckmerge.so COMPONENT python
        PERMISSIONS OWNER_READ OWNER_WRITE OWNER_EXECUTE GROUP_READ GROUP_EXECUTE WORLD_READ WORLD_EXECUTE)
install(PROGRAMS $<TARGET_FILE:ckmerge> DESTINATION ckmerge/bin COMPONENT python)
