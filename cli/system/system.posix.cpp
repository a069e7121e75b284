// SPDX-License-Identifier: Apache-2.0
#include <malloc.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <utility>

#include "cli/system/system.h"
#include "core/threads/machine.h"
#include "io/text/error.h"

namespace ckmerge::cli {
namespace {

// What a sentence about memory that ran out is made of; null where addresses are not limited.
void* room_for_last_words = nullptr;

std::string variable(const char* name) {
  const char* const value = std::getenv(name);
  return value ? value : "";
}

// As the XDG base directories have it: a relative folder is not used.
std::string user_folder(const char* name, const char* below_home) {
  std::string folder = variable(name);
  if (folder.starts_with('/')) return folder + "/ckmerge";
  folder = variable("HOME");
  return folder.starts_with('/') ? folder + below_home + "/ckmerge" : "";
}

std::string file_in(const std::string& folder, const char* name) { return folder.empty() ? "" : folder + "/" + name; }

// As huggingface_hub 2.4 finds its cache: where the first of these that is set says, and nowhere else.
std::vector<std::string> hub_caches() {
  struct Place {
    const char *name, *below;
  };
  constexpr std::array kPlaces{Place{"HF_HUB_CACHE", ""}, Place{"HUGGINGFACE_HUB_CACHE", ""}, Place{"HF_HOME", "/hub"},
                               Place{"XDG_CACHE_HOME", "/huggingface/hub"}, Place{"HOME", "/.cache/huggingface/hub"}};
  for (const Place& place : kPlaces)
    if (const std::string folder = variable(place.name); !folder.empty()) return {folder + place.below};
  return {};
}

// Written without stdio: its buffer would report a full disk at exit, when nobody listens any more.
bool write_all(int fd, std::string_view text) noexcept {
  while (!text.empty()) {
    const ssize_t written = ::write(fd, text.data(), text.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return false;
    text.remove_prefix(static_cast<size_t>(written));
  }
  return true;
}

}  // namespace

Environment read_environment() {
  const std::string term = variable("TERM");
  return {.isa = variable("CKMERGE_ISA"),
          .hash_cache = file_in(user_folder("XDG_CACHE_HOME", "/.cache"), "hashes"),
          .registry = file_in(user_folder("XDG_DATA_HOME", "/.local/share"), "registry.db"),
          .home = variable("HOME"),
          .hub_caches = hub_caches(),
          .notify_auth = variable("CKMERGE_NOTIFY_AUTH"),
          .no_color = !variable("NO_COLOR").empty(),
          .dumb = term.empty() || term == "dumb",
          .stderr_tty = ::isatty(STDERR_FILENO) == 1};
}

unsigned terminal_width() {
  winsize size{};
  if (::ioctl(STDERR_FILENO, TIOCGWINSZ, &size) != 0 || size.ws_col == 0) return 80;
  return size.ws_col;
}

void allow_many_files() {
  rlimit files{};
  if (::getrlimit(RLIMIT_NOFILE, &files) != 0) return;
  files.rlim_cur = files.rlim_max;
  ::setrlimit(RLIMIT_NOFILE, &files);
}

void make_room_for_last_words() {
  ::mallopt(M_TOP_PAD, 0);
  ::free(std::exchange(room_for_last_words, nullptr));
}

std::string keep_within_limits() {
  constexpr uint64_t kLeastStack = 64ull << 10, kGoodStack = 1ull << 20, kSmallStack = 512ull << 10;  // bytes
  constexpr int kHeapRoom = 512 << 10, kLeastMapped = 128 << 10;  // the latter glibc's own
  constexpr size_t kLastWords = 64 << 10;
  rlimit stack{}, addresses{};
  const bool stack_is_limited = ::getrlimit(RLIMIT_STACK, &stack) == 0 && stack.rlim_cur < kGoodStack;
  const bool addresses_are = ::getrlimit(RLIMIT_AS, &addresses) == 0 && addresses.rlim_cur != RLIM_INFINITY;
  if (stack_is_limited && stack.rlim_cur < kLeastStack)
    return "the stack may have " + std::to_string(stack.rlim_cur >> 10) +
           " KiB, which is too little to run on; give it 64 KiB at least, 1024 KiB are enough (ulimit -s)";
  // Of several heaps each would keep what its threads have freed while others allocate anew: strips of masks took up to
  // a third more than was counted. No thread allocates so often that one heap would be waited for.
  ::mallopt(M_ARENA_MAX, 1);
  // What is small comes out of a heap that has room: files that are mapped may take all other addresses.
  if (addresses_are) {
    ::mallopt(M_TOP_PAD, kHeapRoom);
    room_for_last_words = ::malloc(kLastWords);
    // Not even that beside the heap's room: so the heap grows by what is asked for alone.
    if (!room_for_last_words && ::mallopt(M_TOP_PAD, 0) != 0) room_for_last_words = ::malloc(kLastWords);
  } else {
    // Said, as the heap's room is, so that it stays: each large block that is freed would raise it, up to 32 MiB, and
    // smaller ones that are freed would stay in the heap, beyond --memory.
    ::mallopt(M_MMAP_THRESHOLD, kLeastMapped);
  }
  if (stack_is_limited || addresses_are) give_threads_stacks_of(kSmallStack);
  return "";
}

// VmHWM, since getrusage() gives that of the program that started this one where it is the larger.
uint64_t peak_memory() {
  constexpr std::string_view kName = "VmHWM:";
  std::ifstream status("/proc/self/status");
  for (std::string line; std::getline(status, line);)
    if (line.starts_with(kName)) return std::strtoull(line.c_str() + kName.size(), nullptr, 10) * 1024;  // in KiB
  rusage usage{};
  return ::getrusage(RUSAGE_SELF, &usage) == 0 ? static_cast<uint64_t>(usage.ru_maxrss) * 1024 : 0;
}

void write_stdout(std::string_view text) {
  if (write_all(STDOUT_FILENO, text)) return;
  if (errno == EPIPE) throw BrokenPipe{};
  throw Error(ErrorCode::io, "standard output", std::string("standard output cannot be written: ") + strerror(errno));
}

void write_document(const JsonWriter& json) {
  write_stdout(json.text());
  write_stdout("\n");
}

void write_stderr(std::string_view text) noexcept { write_all(STDERR_FILENO, text); }

}  // namespace ckmerge::cli
