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
#include "io/table/tensor_reader.h"

namespace ckmerge {

class WindowBatch {
 public:
  /// `alone`: of many checkpoints one is mapped at a time. What the system reads around a window would be let go again
  /// before its turn comes, so that exactly the window is read: without, an average of 20 read 34 GB in place of 21.
  WindowBatch(std::span<const Checkpoint> checkpoints, uint64_t window_size, bool alone = false);

  /// Adds what `reads` need. False, and nothing added, when it might not fit; an empty batch takes any.
  bool add(std::span<const SourceRead> reads);

  /// Makes all that was added resident; elements that do not lie in one range, and bytes that have to be asked for,
  /// are gathered into memory instead of mapped. Throws Error(malformed | io | resources).
  void map();

  /// Where the bytes of the next read are, in the order of add(). Null for a read of no bytes.
  const std::byte* next();

  /// How many reads were added.
  size_t reads() const { return places_.size(); }
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
  static constexpr uint32_t kGathered = UINT32_MAX - 1;

  // Where the bytes of a read are.
  struct Place {
    uint32_t window;     // index into windows_, kGathered, or kNone for a read of no bytes
    uint64_t begin = 0;  // in the window's file, or in gathered_bytes_
  };
  // Of a file, what a read needs, if it is there in one range and can be shown.
  struct Range {
    const InputFile* file = nullptr;  // null: it has to be gathered
    uint64_t begin = 0, end = 0;
  };
  // Elements of views and pieces in order, or bytes that were asked for, in place of a window. They are counted as
  // those of a window are.
  struct Gathered {
    Source source;
    ByteRange bytes;  // of the tensor
    uint64_t place;   // in gathered_bytes_
  };

  Range range_of(const SourceRead& read) const;
  void add_window(uint32_t& last, const Range& range);
  void add_gathered(const SourceRead& read);
  void ask_for_windows() const;
  void make_room();
  void gather();
  template <typename Fn>
  void for_each_gathered_part(const Fn& fn) const;

  std::span<const Checkpoint> checkpoints_;
  const uint64_t window_size_;
  const uint64_t widest_view_;  ///< bytes of a view that are asked for at once
  const bool alone_;
  InputWindows inputs_;
  std::vector<Window> windows_;
  std::vector<Place> places_;          ///< per read
  size_t reads_done_ = 0;              ///< of places_
  std::vector<uint32_t> last_window_;  ///< per checkpoint: its latest window, which the next read usually continues
  uint64_t footprint_ = 0;             ///< of windows_ and gathered_
  std::vector<Gathered> gathered_;
  std::unique_ptr<std::byte[]> gathered_bytes_;
  uint64_t gathered_size_ = 0, gathered_room_ = 0;  ///< bytes that are needed, and that there are
  std::vector<Range> ranges_;                       ///< of the reads that are being added
  TensorReader reader_;
};

}  // namespace ckmerge
