// SPDX-License-Identifier: Apache-2.0
// Where numbers of rows and columns lie between the walk that finds them and the tiles that need them. A tensor may
// have as many rows as elements, so they take memory up to a share of the budget, and beyond it a scratch file.
#pragma once

#include <cstdint>
#include <mutex>
#include <span>
#include <string>
#include <vector>

#include "io/file/scratch_file.h"

namespace ckmerge {

/// Thread-safe; outlives its tables.
class LineStore {
 public:
  /// `memory`: bytes that tables take of it before others go to a file beside `target`.
  LineStore(uint64_t memory, std::string target) : left_(memory), scratch_(std::move(target)) {}

 private:
  friend class LineTable;
  bool take_memory(uint64_t size);
  void give_memory_back(uint64_t size);
  uint64_t take_of_file(uint64_t size);

  std::mutex mutex_;
  uint64_t left_;  // guarded by it
  ScratchFile scratch_;
};

/// Several numbers of each line, all 0 at first. What different threads have to do with at one time must not be the
/// same numbers. Throws as ScratchFile does.
class LineTable {
 public:
  LineTable(LineStore& store, size_t numbers, uint64_t lines);
  ~LineTable();
  LineTable(const LineTable&) = delete;
  LineTable& operator=(const LineTable&) = delete;

  uint64_t lines() const { return lines_; }
  size_t numbers() const { return numbers_; }

  /// Of number k the lines from `first` on, where they lie in memory; else null.
  const double* in_memory(size_t k, uint64_t first) const;
  void read(size_t k, uint64_t first, std::span<double> into) const;
  void write(size_t k, uint64_t first, std::span<const double> values);

 private:
  uint64_t size() const { return numbers_ * lines_ * sizeof(double); }
  uint64_t at(size_t k, uint64_t first) const { return k * lines_ + first; }

  LineStore& store_;
  const size_t numbers_;
  const uint64_t lines_;
  const bool is_in_memory_;
  std::vector<double> memory_;
  uint64_t offset_ = 0;  // in the file
};

}  // namespace ckmerge
