// SPDX-License-Identifier: Apache-2.0
// One read-only shared map per file. MADV_POPULATE_READ (Linux 5.14) turns the fault of a truncated or failing file
// into an error code; on older kernels pages are touched here, under the SIGBUS guard. Private writable maps would
// count against the commit limit, and reading by read() into buffers measured slower (ARCHITECTURE.md, "Decisions").
#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cerrno>
#include <cstring>

#include "io/error.h"
#include "io/mapped_file.h"

#ifndef MADV_POPULATE_READ
#define MADV_POPULATE_READ 22
#endif

namespace ckmerge {
namespace {

// A map as the SIGBUS handler sees it.
struct GuardedMap {
  uintptr_t begin = 0, end = 0;
  std::atomic<bool> faulted{false};
};

// As many as a quarter of the kernel's default limit on maps of a process; more files are refused when they are opened.
constexpr size_t kMaxMaps = 16384;
std::array<std::atomic<GuardedMap*>, kMaxMaps> guarded_maps;
struct sigaction previous_sigbus_action;

uint64_t page_size() {
  static const uint64_t size = static_cast<uint64_t>(sysconf(_SC_PAGESIZE));
  return size;
}

GuardedMap* find_guarded_map(uintptr_t address) {
  for (const auto& slot : guarded_maps) {
    GuardedMap* map = slot.load(std::memory_order_acquire);
    if (map && address >= map->begin && address < map->end) return map;
  }
  return nullptr;
}

// Async-signal-safe: raw system calls and atomics only.
void on_sigbus(int, siginfo_t* fault, void*) {
  const int saved_errno = errno;
  const auto address = reinterpret_cast<uintptr_t>(fault->si_addr);
  GuardedMap* map = find_guarded_map(address);
  void* page = reinterpret_cast<void*>(address & ~(page_size() - 1));
  if (map && mmap(page, page_size(), PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) != MAP_FAILED)
    map->faulted.store(true, std::memory_order_release);
  else
    sigaction(SIGBUS, &previous_sigbus_action, nullptr);  // not ours: the instruction faults again, the old way
  errno = saved_errno;
}

FileIdentity identity_of(const struct stat& status) {
  return {.device = status.st_dev,
          .inode = status.st_ino,
          .size = static_cast<uint64_t>(status.st_size),
          .mtime_seconds = status.st_mtim.tv_sec,
          .mtime_nanoseconds = status.st_mtim.tv_nsec};
}

const char* file_type(mode_t mode) {
  if (S_ISDIR(mode)) return "a folder";
  if (S_ISFIFO(mode)) return "a pipe";
  if (S_ISCHR(mode) || S_ISBLK(mode)) return "a device";
  if (S_ISSOCK(mode)) return "a socket";
  return "not a regular file";
}

[[noreturn]] void fail_io(const std::string& path, const std::string& what, int error) {
  throw Error(ErrorCode::io, path, path + ": " + what + ": " + std::strerror(error));
}

}  // namespace

struct MappedFile::State {
  std::string path;
  int descriptor = -1;
  FileIdentity identity;
  GuardedMap map;
  std::atomic<GuardedMap*>* slot = nullptr;

  ~State() {
    if (slot) slot->store(nullptr, std::memory_order_release);
    if (map.begin) munmap(reinterpret_cast<void*>(map.begin), identity.size);
    if (descriptor >= 0) close(descriptor);
  }

  void open_file() {
    // O_NONBLOCK: a pipe behind the name must not make open() wait for a writer. It means nothing to regular files.
    do descriptor = open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    while (descriptor < 0 && errno == EINTR);
    if (descriptor < 0) fail_io(path, "cannot be opened", errno);
    struct stat status;
    if (fstat(descriptor, &status) != 0) fail_io(path, "cannot be examined", errno);
    if (!S_ISREG(status.st_mode))
      throw Error(ErrorCode::io, path, path + ": is " + file_type(status.st_mode) + "; give a .safetensors file");
    identity = identity_of(status);
  }

  void map_file() {
    if (identity.size == 0) return;
    void* address = mmap(nullptr, identity.size, PROT_READ, MAP_SHARED, descriptor, 0);
    if (address == MAP_FAILED) fail_io(path, "cannot be mapped", errno);
    map.begin = reinterpret_cast<uintptr_t>(address);
    map.end = map.begin + identity.size;
    guard();
  }

  void guard() {
    for (auto& free_slot : guarded_maps) {
      GuardedMap* expected = nullptr;
      if (!free_slot.compare_exchange_strong(expected, &map)) continue;
      slot = &free_slot;
      return;
    }
    throw Error(ErrorCode::resources, path, path + ": more than " + std::to_string(kMaxMaps) + " files are open");
  }

  // Says why a page of the map could not be read. The file's state decides between "changed" and "unreadable".
  [[noreturn]] void fail_read(uint64_t offset, int error) const {
    struct stat status;
    if (fstat(descriptor, &status) == 0 && static_cast<uint64_t>(status.st_size) < identity.size)
      throw Error(ErrorCode::malformed, path,
                  path + ": was truncated while it was read, from " + std::to_string(identity.size) + " to " +
                      std::to_string(status.st_size) + " bytes; restore the file and run again");
    std::byte probe;
    if (pread(descriptor, &probe, 1, static_cast<off_t>(offset)) < 0) error = errno;
    fail_io(path, "cannot be read at byte " + std::to_string(offset), error == EFAULT ? EIO : error);
  }
};

MappedFile::MappedFile(const std::string& path) : state_(std::make_unique<State>()) {
  state_->path = path;
  state_->open_file();
  state_->map_file();
}
MappedFile::MappedFile(MappedFile&&) noexcept = default;
MappedFile& MappedFile::operator=(MappedFile&&) noexcept = default;
MappedFile::~MappedFile() = default;

const std::string& MappedFile::path() const { return state_->path; }
const FileIdentity& MappedFile::identity() const { return state_->identity; }
uint64_t MappedFile::size() const { return state_->identity.size; }
const std::byte* MappedFile::data() const { return reinterpret_cast<const std::byte*>(state_->map.begin); }

void MappedFile::read_at(uint64_t offset, std::span<std::byte> out) const {
  for (size_t done = 0; done < out.size();) {
    const ssize_t got =
        pread(state_->descriptor, out.data() + done, out.size() - done, static_cast<off_t>(offset + done));
    if (got < 0 && (errno == EINTR || errno == EAGAIN)) continue;
    if (got < 0) fail_io(state_->path, "cannot be read at byte " + std::to_string(offset + done), errno);
    if (got == 0) state_->fail_read(offset + done, EIO);
    done += static_cast<size_t>(got);
  }
}

void MappedFile::populate(uint64_t offset, uint64_t size) const {
  if (size == 0) return;
  const uint64_t first = offset & ~(page_size() - 1);
  auto* begin = reinterpret_cast<char*>(state_->map.begin + first);
  const uint64_t length = offset + size - first;
  for (;;) {
    if (madvise(begin, length, MADV_POPULATE_READ) == 0) return;
    if (errno == EINTR || errno == EAGAIN) continue;
    if (errno != EINVAL) state_->fail_read(offset, errno);
    for (uint64_t at = 0; at < length; at += page_size()) *static_cast<volatile const char*>(begin + at);
    return;
  }
}

void MappedFile::release(uint64_t offset, uint64_t size, bool page_cache) const noexcept {
  if (size == 0) return;
  // Shared border pages are unmapped too, or each tile would leave one resident; a neighbour that still reads there
  // faults it in again from the page cache.
  const uint64_t first = offset & ~(page_size() - 1);
  madvise(reinterpret_cast<void*>(state_->map.begin + first), offset + size - first, MADV_DONTNEED);
  if (!page_cache) return;
  const bool to_end = offset + size == state_->identity.size;
  const uint64_t last = to_end ? offset + size : (offset + size) & ~(page_size() - 1);
  if (last > first)
    posix_fadvise(state_->descriptor, static_cast<off_t>(first), static_cast<off_t>(last - first), POSIX_FADV_DONTNEED);
}

void MappedFile::check_unchanged() const {
  const State& state = *state_;
  struct stat status;
  if (fstat(state.descriptor, &status) != 0) fail_io(state.path, "cannot be examined", errno);
  const FileIdentity now = identity_of(status);
  if (now.size < state.identity.size) state.fail_read(now.size, EIO);
  if (now != state.identity)
    throw Error(
        ErrorCode::malformed, state.path,
        state.path + ": was changed by another program while it was read; wait until it is complete and run again");
  if (state.map.faulted.load(std::memory_order_acquire))
    throw Error(ErrorCode::io, state.path, state.path + ": a part of it could not be read: " + std::strerror(EIO));
}

void install_sigbus_guard() {
  static const bool installed = [] {
    page_size();  // computed now, because the handler may not
    struct sigaction action = {};
    action.sa_sigaction = on_sigbus;
    action.sa_flags = SA_SIGINFO;
    sigemptyset(&action.sa_mask);
    return sigaction(SIGBUS, &action, &previous_sigbus_action) == 0;
  }();
  static_cast<void>(installed);
}

}  // namespace ckmerge
