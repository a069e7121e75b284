// SPDX-License-Identifier: Apache-2.0
// Computing a tile one checkpoint after another (core/plan/sum_terms.h): one is mapped, its term is added to the sums
// of the tile's elements, the next is mapped. The bits are those of the whole program: the sums are kept in its compute
// dtype.
#pragma once

#include <optional>
#include <span>
#include <vector>

#include "core/engine/tile_worker.h"
#include "core/plan/sum_terms.h"
#include "core/read/staging.h"

namespace ckmerge {

class AccumulatingWorker {
 public:
  /// `sums` is memory for the sums of a tile. REQUIRES: plan.accumulates.
  AccumulatingWorker(const Plan& plan, std::span<const Checkpoint> checkpoints, WindowBatch& windows,
                     const TileWorker::Options& options, std::byte* sums);

  /// As TileWorker::compute().
  void compute(ByteRange range, std::span<std::byte> out);

  const StepReport& step_report() const { return step_report_; }

 private:
  /// A step's bytes in the tile, and how far it has come.
  struct Part {
    uint32_t step;
    ByteRange bytes;  ///< of the step
    std::byte* out;
    std::byte* sums;           ///< null: nothing is computed
    std::byte* agreed;         ///< null: equal elements are not kept
    uint32_t next_source = 0;  ///< of the terms, or of the sources of a copy
  };
  const Step& step_of(const Part& part) const { return plan_.steps[part.step]; }
  uint64_t count_of(const Part& part) const { return part.bytes.size() / element_size(step_of(part).dtype); }
  Dtype compute_dtype(const Part& part) const { return plan_.programs[step_of(part).program].compute; }

  ByteRange list_parts(ByteRange range, std::byte* out);
  std::optional<uint32_t> source_in(const Part& part, uint32_t checkpoint) const;
  bool differs_in_dtype(const Part& part, uint32_t s) const;
  void accumulate(uint32_t checkpoint);
  void take(Part& part, const SourceRead& read);
  void copy(const Part& part, const std::byte* bytes);
  void add(const Part& part, Operand operand);
  void store(const Part& part);
  void store(const Part& part, std::byte* out, Dtype dtype, StoreCounts& counts);
  void find_origins(const Part& part, StoreCounts& counts);

  const Plan& plan_;
  std::span<const Checkpoint> checkpoints_;
  WindowBatch& windows_;
  const TileWorker::Options& options_;
  StepReport step_report_;
  std::byte* const sums_;
  std::vector<std::vector<SumTerm>> terms_;  // per program
  std::vector<Part> parts_;
};

}  // namespace ckmerge
