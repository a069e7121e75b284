// SPDX-License-Identifier: Apache-2.0
// What a tile sees of its inputs: windows of files, mapped one behind the other into address space of a fixed size, and
// let go together. They cannot hold more memory than that space, whatever the kernel maps around a fault. What a window
// shows is brought in when it is made, so that a fault is an error code there and not a signal in a kernel.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "io/file/input_file.h"
#include "io/text/error.h"

namespace ckmerge {

/// Memory, maps, addresses or threads ran out: who asked for less might get it.
struct MemoryShortage : Error {
  using Error::Error;
};

class InputWindows {
 public:
  /// Reserves `capacity` bytes of address space, rounded up to pages. Throws Error(resources).
  explicit InputWindows(uint64_t capacity);
  InputWindows(const InputWindows&) = delete;
  InputWindows& operator=(const InputWindows&) = delete;
  ~InputWindows();

  /// Bytes that a window of [begin, end) takes: whole pages.
  static uint64_t footprint(uint64_t begin, uint64_t end);
  static uint64_t page_size();

  /// Maps bytes [begin, end) of `file`, makes them resident, and returns the address of byte `begin`, good until
  /// clear(). Of memory it is the address where the byte lies, and takes no space. REQUIRES: file.can_be_shown(); their
  /// footprint and those since clear() fit the capacity (else std::length_error). Throws
  /// Error(malformed) when the file has been truncated, Error(io) when it cannot be read, Error(resources).
  const std::byte* add(const InputFile& file, uint64_t begin, uint64_t end);

  /// Throws as add() does when a page of a window was lost after it was made (see install_sigbus_guard).
  void check_faults() const;

  /// Lets all windows go; with `drop_cache`, the system's cached copy as well.
  void clear(bool drop_cache) noexcept;

 private:
  struct Window {
    const InputFile* file;
    uint64_t begin, end;
    uintptr_t address;  ///< of the page that holds byte `begin`
  };
  struct Space;
  std::unique_ptr<Space> space_;
  std::vector<Window> windows_;
};

/// Installs a process-wide SIGBUS handler that replaces a faulting page of any InputWindows by zeros and notes it, so
/// that a file that is truncated at the wrong moment ends the run with an error from check_faults(). Faults elsewhere
/// keep their old handling. This is the library's only signal handler (invariant I7); programs call it once, before the
/// first merge.
void install_sigbus_guard();

}  // namespace ckmerge
