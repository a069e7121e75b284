// SPDX-License-Identifier: Apache-2.0
// The windows of the inputs that a worker computes from at one time: collected first, joined where they touch, bounded
// by the worker's share of the budget, then mapped together.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "core/read/source_read.h"
#include "io/file/input_windows.h"
#include "io/table/strided_reader.h"

namespace ckmerge {

class WindowBatch {
 public:
  /// `alone`: of many checkpoints one is mapped at a time. What the system reads around a window would be let go again
  /// before its turn comes, so that exactly the window is read: without, an average of 20 read 34 GB in place of 21.
  WindowBatch(std::span<const Checkpoint> checkpoints, uint64_t window_size, bool alone = false);

  /// Adds what `reads` need. False, and nothing added, when it might not fit; an empty batch takes any.
  bool add(std::span<const SourceRead> reads);

  /// Makes all that was added resident; elements that do not lie in order, and bytes that have to be asked for, are
  /// gathered into memory instead of mapped. Throws Error(malformed | io | resources).
  void map();

  /// Where the bytes of the next read are, in the order of add(). Null for a read of no bytes.
  const std::byte* next(const SourceRead& read);

  /// How many reads were added.
  size_t reads() const { return window_of_.size(); }
  /// Makes next() give the reads from that one on (again).
  void go_back(size_t read) { reads_done_ = read; }

  /// Bytes of one input, and where they are once they are mapped.
  struct Window {
    const InputFile* file;
    uint64_t begin, end;
    const std::byte* bytes = nullptr;
  };
  std::span<const Window> windows() const { return windows_; }

  /// Lets all windows go, after a last look for faults (which throws, as map() does).
  void finish(bool drop_cache);

 private:
  static constexpr uint32_t kNone = UINT32_MAX;
  static constexpr uint32_t kGathered = 1u << 31;  ///< in window_of_: an index into gathered_; lists are short

  // Elements of a view in order, or bytes that were asked for, in place of a window. They are counted as those of a
  // window are.
  struct Gathered {
    Source source;
    uint64_t begin, end;  // bytes of the tensor in order
    uint64_t place;       // in gathered_bytes_
  };

  void add_window(const SourceRead& read);
  void add_gathered(const SourceRead& read, const Tensor& tensor);
  void gather();

  std::span<const Checkpoint> checkpoints_;
  const uint64_t window_size_;
  const bool alone_;
  InputWindows inputs_;
  std::vector<Window> windows_;
  std::vector<uint32_t> window_of_;    ///< per read: index into windows_ or gathered_, or kNone
  size_t reads_done_ = 0;              ///< of window_of_
  std::vector<uint32_t> last_window_;  ///< per checkpoint: its latest window, which the next read usually continues
  uint64_t footprint_ = 0;             ///< of windows_ and gathered_
  std::vector<Gathered> gathered_;
  std::unique_ptr<std::byte[]> gathered_bytes_;
  uint64_t gathered_size_ = 0, gathered_room_ = 0;  ///< bytes that are needed, and that there are
  StridedReader reader_;
};

}  // namespace ckmerge
