// SPDX-License-Identifier: Apache-2.0
// The plan: everything about a merge that headers and the recipe decide, before a tensor byte is read. Same recipe and
// headers, same plan, same bytes of header and layout (invariants I1, I2).
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "core/recipe.h"
#include "io/checkpoint.h"
#include "kernels/program.h"

namespace ckmerge {

/// A tensor of one of the checkpoints: indices, because a plan must stay small (invariant I3).
struct Source {
  uint32_t checkpoint = 0;
  uint32_t tensor = 0;  ///< index into that checkpoint's table
};

/// What happens to a tensor, and why. Reported per tensor, counted per kind.
enum class Action : uint8_t {
  merge,           ///< computed from several checkpoints, or scaled
  convert,         ///< one checkpoint's tensor in another dtype
  copy,            ///< one checkpoint's bytes: nothing to compute (I8)
  copy_integer,    ///< integers are never averaged: the first checkpoint's bytes; differences are reported
  copy_positions,  ///< a position_ids buffer: likewise, whatever its dtype
  keep,            ///< another checkpoint lacks the name: the first checkpoint's tensor, copied or converted
};
inline constexpr size_t kActionCount = 6;
const char* name(Action action);

/// The work for one run of output elements; today one whole tensor. Steps are in the order of the output's bytes.
struct Step {
  uint64_t offset = 0;        ///< in the output file
  uint64_t size = 0;          ///< bytes of output
  uint32_t first_source = 0;  ///< index into Plan::sources
  uint32_t source_count = 0;  ///< program: its operands. Copy: the first is copied, any others are compared with it
  uint16_t program = 0;       ///< index into Plan::programs, or kCopy
  Action action = Action::copy;
  Dtype dtype = Dtype::F32;  ///< as stored in the output

  static constexpr uint16_t kCopy = UINT16_MAX;
};

struct Plan {
  Recipe recipe;
  std::vector<double> coefficients;  ///< of the recipe's method, in f64
  std::vector<Program> programs;     ///< shared by steps that are merged alike: a handful
  std::vector<Step> steps;
  std::vector<Source> sources;

  std::string header;          ///< first bytes of the output file
  uint64_t file_size = 0;      ///< of the output
  uint64_t bytes_to_read = 0;  ///< of all tensors that are loaded, copied or compared

  std::vector<Source> kept;     ///< names of the first checkpoint that another lacks
  std::vector<Source> dropped;  ///< names that the first checkpoint lacks, from the first checkpoint that has each
  std::vector<std::string> warnings;  ///< one sentence each

  uint64_t count(Action action) const;
  uint64_t memory() const;  ///< bytes this plan holds, the checkpoints' tables not included
  const Source& source(const Step& step, size_t k = 0) const { return sources[step.first_source + k]; }
};

/// Plans `recipe` over `checkpoints`, the first of which is A. Pure: opens nothing. Throws Error(usage) for the recipe
/// and Error(mismatch) for checkpoints that do not fit, with one detail line per tensor.
Plan make_plan(const Recipe& recipe, std::span<const Checkpoint> checkpoints);

}  // namespace ckmerge
