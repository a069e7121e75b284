// SPDX-License-Identifier: Apache-2.0
// Preloaded into ckmerge (LD_PRELOAD): makes the n-th system call of one kind on files of the test's folder fail, once
// or from then on, or come back short. Told by the environment:
//   CKMERGE_FAULT         KIND ERROR N once|always, where ERROR is an errno, or half, odd or zero, or wait, which takes
//                         three seconds. The kind close_dirty is of descriptors that were written since they were
//                         synced
//   CKMERGE_FAULT_FOLDER  the folder; relative paths count as inside, since the program is run there
//   CKMERGE_FAULT_COUNTS  a file that is mapped and counted in, so that the counts outlive every kind of end
//   CKMERGE_FAULT_BUFFERED=1  the filesystem has no direct I/O
//
// Calls that libc makes itself (stdio, realpath's readlink) are not seen.
#include <dirent.h>
#include <dlfcn.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstdarg>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>

namespace {

struct Counts {
  std::atomic<uint64_t> calls, fired, open_descriptors;
};

struct Wanted {
  char kind[32] = "", error[16] = "", mode[16] = "";
  unsigned long n = 0;
  int number = 0;  // of the error, where it is one
};

Wanted wanted;
Counts own_counts;
Counts* counts = &own_counts;
char folder[4096];
size_t folder_size;
std::atomic<bool> ours[4096];   // by descriptor
std::atomic<bool> dirty[4096];  // written since it was last synced

template <typename Function>
Function* next(const char* name) {
  return reinterpret_cast<Function*>(dlsym(RTLD_NEXT, name));
}
#define NEXT(name) static auto* const real = next<decltype(::name)>(#name)

bool is_ours(const char* path) {
  return folder_size > 0 && (path[0] != '/' || std::strncmp(path, folder, folder_size) == 0);
}
bool is_ours(int descriptor) { return descriptor >= 0 && descriptor < 4096 && ours[descriptor]; }

bool fires(const char* kind) {
  if (std::strcmp(kind, wanted.kind) != 0) return false;
  const uint64_t call = ++counts->calls;
  const bool fired = wanted.mode[0] == 'a' ? call >= wanted.n : call == wanted.n;
  counts->fired += fired;
  return fired;
}

// Whether this call shall fail; errno says how.
bool fails(const char* kind, auto file) {
  if (!is_ours(file) || !fires(kind)) return false;
  if (wanted.error[0] == 'w') sleep(3);
  if (wanted.error[0] == 'w') return false;
  errno = wanted.number;
  return true;
}

int opened(int descriptor) {
  if (descriptor >= 0 && descriptor < 4096 && !ours[descriptor].exchange(true)) ++counts->open_descriptors;
  return descriptor;
}

// What a read or write of `size` bytes does that shall not be whole. `move` moves that many bytes.
ssize_t cut_short(size_t size, auto move) {
  if (wanted.error[0] == 'z') return 0;
  if (wanted.error[0] == 'h') return move(size > 1 ? size / 2 : size);
  if (wanted.error[0] != 'o') {
    errno = wanted.number;
    return -1;
  }
  // Direct I/O would refuse an odd size, so all is moved and less is told.
  const ssize_t moved = move(size);
  return moved > 3 ? moved - 3 : moved;
}

ssize_t moved(const char* kind, int descriptor, size_t size, auto move) {
  return is_ours(descriptor) && fires(kind) ? cut_short(size, move) : move(size);
}

__attribute__((constructor)) void read_environment() {
  const char* const fault = std::getenv("CKMERGE_FAULT");
  const char* const where = std::getenv("CKMERGE_FAULT_FOLDER");
  const char* const path = std::getenv("CKMERGE_FAULT_COUNTS");
  if (!fault || !where || !path) return;
  const int file = open(path, O_RDWR);
  void* map = mmap(nullptr, sizeof(Counts), PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
  close(file);
  if (map == MAP_FAILED) std::abort();
  counts = static_cast<Counts*>(map);
  if (std::sscanf(fault, "%31s %15s %lu %15s", wanted.kind, wanted.error, &wanted.n, wanted.mode) != 4) std::abort();
  wanted.number = std::atoi(wanted.error);
  std::snprintf(folder, sizeof folder, "%s", where);
  folder_size = std::strlen(folder);
}

}  // namespace

extern "C" {

#define DEFINE_OPEN(name)                                           \
  int name(const char* path, int flags, ...) {                      \
    NEXT(name);                                                     \
    va_list rest;                                                   \
    va_start(rest, flags);                                          \
    const mode_t mode = flags & O_CREAT ? va_arg(rest, mode_t) : 0; \
    va_end(rest);                                                   \
    if (fails("open", path)) return -1;                             \
    const int descriptor = real(path, flags, mode);                 \
    return is_ours(path) ? opened(descriptor) : descriptor;         \
  }
DEFINE_OPEN(open)
DEFINE_OPEN(open64)

#define DEFINE_OPENAT(name)                                         \
  int name(int at, const char* path, int flags, ...) {              \
    NEXT(name);                                                     \
    va_list rest;                                                   \
    va_start(rest, flags);                                          \
    const mode_t mode = flags & O_CREAT ? va_arg(rest, mode_t) : 0; \
    va_end(rest);                                                   \
    if (fails("open", path)) return -1;                             \
    const int descriptor = real(at, path, flags, mode);             \
    return is_ours(path) ? opened(descriptor) : descriptor;         \
  }
DEFINE_OPENAT(openat)
DEFINE_OPENAT(openat64)

int dup(int descriptor) noexcept {
  NEXT(dup);
  const int copy = real(descriptor);
  return is_ours(descriptor) ? opened(copy) : copy;
}

int close(int descriptor) {
  NEXT(close);
  const bool was_dirty = is_ours(descriptor) && dirty[descriptor].exchange(false);
  const bool fail = fails("close", descriptor) || (was_dirty && fails("close_dirty", descriptor));
  if (is_ours(descriptor)) {
    ours[descriptor] = false;
    --counts->open_descriptors;
  }
  const int result = real(descriptor);  // a close that fails has closed all the same
  if (!fail) return result;
  errno = wanted.number;
  return -1;
}

// libc closes the descriptor of a folder by itself.
int closedir(DIR* stream) {
  NEXT(closedir);
  if (const int descriptor = dirfd(stream); is_ours(descriptor)) {
    ours[descriptor] = false;
    --counts->open_descriptors;
  }
  return real(stream);
}

#define DEFINE_MOVE(kind, name, memory)                                                         \
  ssize_t name(int descriptor, memory* bytes, size_t size) {                                    \
    NEXT(name);                                                                                 \
    return moved(kind, descriptor, size, [=](size_t n) { return real(descriptor, bytes, n); }); \
  }
DEFINE_MOVE("read", read, void)
DEFINE_MOVE("write", write, const void)

#define DEFINE_MOVE_AT(kind, name, memory)                                                          \
  ssize_t name(int descriptor, memory* bytes, size_t size, off_t at) {                              \
    NEXT(name);                                                                                     \
    if (is_ours(descriptor) && kind[0] == 'w') dirty[descriptor] = true;                            \
    return moved(kind, descriptor, size, [=](size_t n) { return real(descriptor, bytes, n, at); }); \
  }
DEFINE_MOVE_AT("read", pread, void)
DEFINE_MOVE_AT("read", pread64, void)
DEFINE_MOVE_AT("write", pwrite, const void)
DEFINE_MOVE_AT("write", pwrite64, const void)

#define DEFINE_MMAP(name)                                                                               \
  void* name(void* at, size_t size, int protection, int flags, int descriptor, off_t offset) noexcept { \
    NEXT(name);                                                                                         \
    if (fails("mmap", descriptor)) return MAP_FAILED;                                                   \
    return real(at, size, protection, flags, descriptor, offset);                                       \
  }
DEFINE_MMAP(mmap)
DEFINE_MMAP(mmap64)

// Of a map it is not known whose it is; this advice is given to the test's files only.
int madvise(void* at, size_t size, int advice) noexcept {
  NEXT(madvise);
  constexpr int kPopulateRead = 22;
  if (advice == kPopulateRead && fails("madvise", ".")) return -1;
  return real(at, size, advice);
}

// A call whose first argument is a path or descriptor and that fails with -1.
#define DEFINE_CALL(kind, name, parameters, first, arguments) \
  int name parameters {                                       \
    NEXT(name);                                               \
    return fails(kind, first) ? -1 : real arguments;          \
  }
#define DEFINE_QUIET_CALL(kind, name, parameters, first, arguments) \
  int name parameters noexcept {                                    \
    NEXT(name);                                                     \
    return fails(kind, first) ? -1 : real arguments;                \
  }
DEFINE_CALL("fallocate", fallocate, (int fd, int mode, off_t at, off_t size), fd, (fd, mode, at, size))
DEFINE_CALL("fallocate", fallocate64, (int fd, int mode, off_t at, off_t size), fd, (fd, mode, at, size))
DEFINE_QUIET_CALL("ftruncate", ftruncate, (int fd, off_t size), fd, (fd, size))
DEFINE_QUIET_CALL("ftruncate", ftruncate64, (int fd, off_t size), fd, (fd, size))
int fsync(int descriptor) {
  NEXT(fsync);
  if (fails("fsync", descriptor)) return -1;
  if (is_ours(descriptor)) dirty[descriptor] = false;
  return real(descriptor);
}

DEFINE_CALL("fsync", fdatasync, (int fd), fd, (fd))
DEFINE_CALL("sync_file_range", sync_file_range, (int fd, off_t at, off_t size, unsigned flags), fd,
            (fd, at, size, flags))
DEFINE_QUIET_CALL("rename", rename, (const char* from, const char* to), from, (from, to))
DEFINE_QUIET_CALL("rename", renameat2, (int f, const char* from, int t, const char* to, unsigned flags), from,
                  (f, from, t, to, flags))
DEFINE_QUIET_CALL("stat", stat, (const char* path, struct stat* out), path, (path, out))
DEFINE_QUIET_CALL("stat", lstat, (const char* path, struct stat* out), path, (path, out))
DEFINE_QUIET_CALL("stat", fstat, (int fd, struct stat* out), fd, (fd, out))
DEFINE_QUIET_CALL("stat", stat64, (const char* path, struct stat64* out), path, (path, out))
DEFINE_QUIET_CALL("stat", lstat64, (const char* path, struct stat64* out), path, (path, out))
DEFINE_QUIET_CALL("stat", fstat64, (int fd, struct stat64* out), fd, (fd, out))
DEFINE_QUIET_CALL("mkdir", mkdir, (const char* path, mode_t mode), path, (path, mode))
DEFINE_QUIET_CALL("unlink", unlink, (const char* path), path, (path))
DEFINE_QUIET_CALL("rename", renameat, (int f, const char* from, int t, const char* to), from, (f, from, t, to))
DEFINE_QUIET_CALL("stat", fstatat, (int at, const char* path, struct stat* out, int flags), path,
                  (at, path, out, flags))
DEFINE_QUIET_CALL("stat", fstatat64, (int at, const char* path, struct stat64* out, int flags), path,
                  (at, path, out, flags))
DEFINE_QUIET_CALL("unlink", unlinkat, (int at, const char* path, int flags), path, (at, path, flags))
DEFINE_QUIET_CALL("flock", flock, (int fd, int operation), fd, (fd, operation))
DEFINE_QUIET_CALL("fchmod", fchmod, (int fd, mode_t mode), fd, (fd, mode))

char* realpath(const char* path, char* out) noexcept {
  NEXT(realpath);
  return fails("realpath", path) ? nullptr : real(path, out);
}

int fcntl(int descriptor, int command, ...) {
  NEXT(fcntl);
  va_list rest;
  va_start(rest, command);
  void* const argument = va_arg(rest, void*);
  va_end(rest);
  static const bool buffered = std::getenv("CKMERGE_FAULT_BUFFERED") != nullptr;
  if (buffered && command == F_SETFL && (reinterpret_cast<intptr_t>(argument) & O_DIRECT) != 0) {
    errno = EINVAL;
    return -1;
  }
  return real(descriptor, command, argument);
}

}  // extern "C"
