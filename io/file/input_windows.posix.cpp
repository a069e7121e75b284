// SPDX-License-Identifier: Apache-2.0
// MADV_POPULATE_READ (Linux 5.14) turns the fault of a truncated or failing file into an error code; on older kernels
// pages are touched here, under the SIGBUS guard. Private writable maps would count against the commit limit.
#include "io/file/input_windows.h"

#include <signal.h>
#include <sys/mman.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cerrno>
#include <cstring>
#include <stdexcept>

#include "io/file/retry.h"
#include "io/text/error.h"

#ifndef MADV_POPULATE_READ
#define MADV_POPULATE_READ 22
#endif

namespace ckmerge {
namespace {

// A space as the SIGBUS handler sees it. These are static, so that the handler never looks at freed memory.
struct GuardedSpace {
  std::atomic<bool> taken{false};
  std::atomic<uintptr_t> begin{0}, end{0};
  std::atomic<uintptr_t> fault{0};  ///< address of a page that was lost; 0: none
};

// One space per tile in flight; more are refused.
constexpr size_t kMaxSpaces = 4096;
std::array<GuardedSpace, kMaxSpaces> guarded_spaces;
struct sigaction previous_sigbus_action;

GuardedSpace* find_guarded_space(uintptr_t address) {
  for (GuardedSpace& space : guarded_spaces)
    if (address >= space.begin.load() && address < space.end.load()) return &space;
  return nullptr;
}

// Async-signal-safe: raw system calls and lock-free atomics only.
void on_sigbus(int, siginfo_t* fault, void*) {
  const int saved_errno = errno;
  const auto address = reinterpret_cast<uintptr_t>(fault->si_addr);
  const uintptr_t page = address / InputWindows::page_size() * InputWindows::page_size();
  GuardedSpace* space = find_guarded_space(address);
  if (space && mmap(reinterpret_cast<void*>(page), InputWindows::page_size(), PROT_READ,
                    MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) != MAP_FAILED)
    space->fault.store(page);
  else
    sigaction(SIGBUS, &previous_sigbus_action, nullptr);  // not ours: the instruction faults again, the old way
  errno = saved_errno;
}

[[noreturn]] void fail_memory(const std::string& what) {
  throw MemoryShortage(ErrorCode::resources, "memory", what + ": " + std::strerror(errno));
}

int map(void* address, uint64_t size, int descriptor, uint64_t offset) {
  constexpr int kFlags = MAP_SHARED | MAP_FIXED;
  return mmap(address, size, PROT_READ, kFlags, descriptor, static_cast<off_t>(offset)) == MAP_FAILED ? -1 : 0;
}

// Maps are a resource of their own (vm.max_map_count); all else is the file's or its filesystem's.
[[noreturn]] void fail_map(const InputFile& file, uint64_t size) {
  const std::string what = file.path() + ": " + std::to_string(size) + " bytes cannot be mapped";
  if (errno == ENOMEM || errno == EAGAIN) fail_memory(what);
  throw Error(ErrorCode::io, file.path(), what + ": " + std::strerror(errno));
}

// Reserves `size` bytes of addresses, anywhere or at `at`, behind which is nothing.
void* reserve(void* at, uint64_t size) {
  return mmap(at, size, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | (at ? MAP_FIXED : 0), -1, 0);
}

GuardedSpace& take_guarded_space() {
  for (GuardedSpace& space : guarded_spaces)
    if (!space.taken.exchange(true)) return space;
  throw Error(ErrorCode::resources, "threads", "more than " + std::to_string(kMaxSpaces) + " tiles are in flight");
}

}  // namespace

struct InputWindows::Space {
  explicit Space(uint64_t capacity) : guarded(take_guarded_space()) {
    size = footprint(0, capacity);
    void* address = reserve(nullptr, size);
    if (address == MAP_FAILED) {
      guarded.taken = false;
      fail_memory("address space for " + std::to_string(size) + " bytes of input cannot be had");
    }
    begin = reinterpret_cast<uintptr_t>(address);
    guarded.fault = 0;
    guarded.end = begin + size;
    guarded.begin = begin;
  }
  ~Space() {
    guarded.end = 0;
    guarded.begin = 0;
    munmap(reinterpret_cast<void*>(begin), size);
    guarded.taken = false;
  }

  GuardedSpace& guarded;
  uintptr_t begin = 0;
  uint64_t size = 0;
  uint64_t used = 0;  // bytes from the start that hold windows
};

InputWindows::InputWindows(uint64_t capacity) : space_(std::make_unique<Space>(capacity)) {}
InputWindows::~InputWindows() = default;

uint64_t InputWindows::page_size() {
  static const uint64_t size = static_cast<uint64_t>(sysconf(_SC_PAGESIZE));
  return size;
}

uint64_t InputWindows::footprint(uint64_t begin, uint64_t end) {
  const uint64_t page = page_size();
  return (end + page - 1) / page * page - begin / page * page;
}

const std::byte* InputWindows::add(const InputFile& file, uint64_t begin, uint64_t end) {
  if (const std::byte* const at = file.address_of(begin)) return at;
  const uint64_t page = page_size(), first = begin / page * page, size = footprint(begin, end);
  // A mistake of ours, but one that would overwrite what lies behind the space.
  if (size > space_->size - space_->used) throw std::length_error("windows do not fit their address space");
  void* address = reinterpret_cast<void*>(space_->begin + space_->used);
  const DescriptorLease lease = file.descriptor();
  if (retried([&] { return map(address, size, lease->number(), first); }) != 0) fail_map(file, size);
  space_->used += size;
  windows_.push_back({&file, begin, end, reinterpret_cast<uintptr_t>(address)});
  if (retried([&] { return madvise(address, size, MADV_POPULATE_READ); }) != 0) {
    if (errno == ENOMEM) fail_memory(file.path() + ": " + std::to_string(size) + " bytes cannot be brought in");
    if (errno != EINVAL) file.fail_read(begin, errno == EFAULT ? EIO : errno);
    for (uint64_t at = 0; at < size; at += page) *(static_cast<volatile const char*>(address) + at);
  }
  return static_cast<const std::byte*>(address) + (begin - first);
}

void InputWindows::check_faults() const {
  const uintptr_t fault = space_->guarded.fault.load();
  if (fault == 0) return;
  for (const Window& window : windows_)
    if (fault >= window.address && fault < window.address + footprint(window.begin, window.end))
      window.file->fail_read(window.begin / page_size() * page_size() + (fault - window.address), EIO);
}

void InputWindows::clear(bool drop_cache) noexcept {
  if (space_->used > 0) reserve(reinterpret_cast<void*>(space_->begin), space_->used);
  space_->used = 0;
  space_->guarded.fault = 0;
  if (drop_cache)
    for (const Window& window : windows_) window.file->drop_cache(window.begin, window.end);
  windows_.clear();
}

void install_sigbus_guard() {
  static const bool installed = [] {
    InputWindows::page_size();  // computed now, because the handler may not
    struct sigaction action = {};
    action.sa_sigaction = on_sigbus;
    action.sa_flags = SA_SIGINFO;
    sigemptyset(&action.sa_mask);
    return sigaction(SIGBUS, &action, &previous_sigbus_action) == 0;
  }();
  static_cast<void>(installed);
}

}  // namespace ckmerge
