# SPDX-License-Identifier: Apache-2.0
"""Threads live in core/. kernels/ and io/ are called from many threads and start none; cli/ has the stop flag. Nobody has the
semaphores of the standard library, which sleep for ever at times (core/threads/semaphore.h says why)."""
import tree

THREADING = {"thread", "mutex", "atomic", "condition_variable", "future", "shared_mutex", "semaphore", "barrier",
             "latch", "stop_token", "pthread.h", "threads.h", "omp.h"}
ALLOWED = {
    "io/file/close_watch.posix.cpp": {"mutex"},  # of who closes what, and whose it is
    "io/file/descriptor_pool.h": {"mutex"},  # many threads read files of which others are closed for them
    "io/file/input_windows.posix.cpp": {"atomic"},  # the SIGBUS guard: a handler may touch lock-free atomics only
    "io/file/partial_file.posix.cpp": {"mutex"},  # files that are written in one folder share its descriptor
    "io/file/output_file.posix.cpp": {"atomic"},  # one thread of write_at() may find direct I/O refused
    "cli": {"atomic"},
}

faults = []
everywhere = tree.sources()
for path in everywhere:
    for line, _, name in tree.includes(path):
        if name == "semaphore":
            faults.append(f"{path}:{line}: includes semaphore; core/threads/semaphore.h is ours")
checked = tree.sources("kernels", "io", "cli")
for path in checked:
    allowed = ALLOWED.get(path.as_posix(), set()) | ALLOWED.get(path.parts[0], set())
    for line, _, name in tree.includes(path):
        if name in THREADING - allowed:
            faults.append(f"{path}:{line}: includes {name}; threads and locks belong in core/")
tree.finish(faults, len(everywhere))
