// SPDX-License-Identifier: Apache-2.0
// How much of what adapters add is left in what is stored. Of a step with the results W without adapters, what they
// add D, and what is stored R, the share of the energy that is kept is <R - W, D> / <D, D>: all of it where nothing is
// rounded, nothing where every value goes back to that of W. Both sums are made while the tiles are, of what they read.
#pragma once

#include <cstdint>
#include <map>
#include <mutex>
#include <span>
#include <vector>

#include "core/plan/plan.h"
#include "core/plan/step_report.h"
#include "kernels/program.h"

namespace ckmerge {

/// Sums over elements that come in any parts and in any order, with the same bits whatever these are: what is added to
/// each other are halves of ranges whose length is a power of two and whose begin is a multiple of it.
class PairedSums {
 public:
  /// Adds the sums of `kept` and `added`, which are of elements first, first + 1, ... No element may come twice.
  void add(uint64_t first, std::span<const double> kept, std::span<const double> added);
  void add(const PairedSums& other);

  /// Of all that came, from the first element. The bits are those of a tensor only where all of it came.
  EnergySums total() const;

 private:
  struct Range {
    uint64_t length = 0;
    EnergySums sums;
  };
  void put(uint64_t begin, Range range);

  std::map<uint64_t, Range> ranges_;  // by begin; no two are halves of one
};

/// What was computed of a step: elements [first, first + count) of its tensor.
struct MeasuredPart {
  const BlockKernels& kernels;
  const Program &base, &added;  ///< Plan::changes, filled for the tensor
  std::span<const Operand> operands;
  const std::byte* out = nullptr;  ///< as it is stored
  Dtype dtype = Dtype::F32;
  uint64_t first = 0, count = 0;
};
PairedSums measured_energy(const MeasuredPart& part);

/// Those of all steps, from all workers.
class KeptEnergy {
 public:
  explicit KeptEnergy(const Plan& plan) : plan_(plan) {}

  void add(uint32_t step, uint64_t count, const PairedSums& sums);

  /// When all tiles are made: in the order of steps.
  std::vector<StepEnergy> steps() const;

 private:
  struct Gathered {
    PairedSums sums;
    uint64_t count = 0;  // of elements
    EnergySums total;    // once all are there
  };

  const Plan& plan_;
  mutable std::mutex mutex_;  // guards what follows
  std::map<uint32_t, Gathered> steps_;
};

}  // namespace ckmerge
