// SPDX-License-Identifier: Apache-2.0
// The plan: everything about a merge that headers and the recipe decide, before a tensor byte is read. Same recipe and
// headers, same plan, same bytes of header and layout (invariants I1, I2).
#pragma once

#include <algorithm>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "core/recipe/merge_graph.h"
#include "core/recipe/provenance.h"
#include "core/recipe/recipe.h"
#include "io/file/byte_range.h"
#include "io/table/checkpoint.h"
#include "io/table/output_frame.h"
#include "kernels/magnitudes.h"
#include "kernels/method.h"
#include "kernels/program.h"

namespace ckmerge {

/// A tensor of one of the checkpoints: indices, because a plan must stay small (invariant I3).
struct Source {
  uint32_t checkpoint = 0;
  uint32_t tensor = 0;  ///< index into that checkpoint's table

  friend bool operator==(const Source&, const Source&) = default;
};

/// What happens to a tensor, and why. Reported per tensor, counted per kind.
enum class Action : uint8_t {
  merge,           ///< computed from several checkpoints, or scaled
  convert,         ///< one checkpoint's tensor in another dtype
  copy,            ///< one checkpoint's bytes: nothing to compute (I8)
  copy_integer,    ///< integers are never averaged: the first checkpoint's bytes; differences are reported
  copy_codes,      ///< of a module of codes, with Recipe::copy_codes: the first checkpoint's bytes that has the name
  copy_opaque,     ///< a dtype without arithmetic: the first checkpoint's bytes; differences end the run
  copy_positions,  ///< a position_ids buffer: likewise, whatever its dtype
  keep,            ///< another checkpoint lacks the name: the first checkpoint's tensor, copied or converted
  outside,         ///< outside of --only and --exclude: the first checkpoint's tensor, copied or converted
  zero,            ///< another checkpoint lacks the name: zeros
  add,             ///< the first checkpoint lacks the name: another's tensor, copied or converted
  expand,          ///< the first channels are merged, the others are the first checkpoint's alone
  bake,            ///< the VAE's tensor instead, copied or converted
  ema,             ///< the weight's average instead, copied or converted
  copy_buffer,     ///< a mark, schedule, mask, table or counter: as copy_positions
  mend,            ///< a position_ids buffer, written anew
  adapt,           ///< one checkpoint's tensor with what adapters add to it
  replace,         ///< a tensor that an adapter has whole instead, copied or converted
};
inline constexpr size_t kActionCount = 18;
const char* name(Action action);

/// A tensor whose rows are cut in two: the first `head` of every `row` elements are computed by the step's program, the
/// others by `tail` from the first checkpoint alone. The other checkpoints hold the heads only, one after another.
/// The first source of such a step is the tail's operand, the program's operands follow.
struct Expansion {
  uint64_t row = 0, head = 0;         ///< elements
  uint16_t tail = 0;                  ///< index into Plan::programs, or Step::kCopy
  bool others_count_as_zero = false;  ///< in the tail; statistics then run over whole rows, else over heads

  friend bool operator==(const Expansion&, const Expansion&) = default;
};

/// The work for one run of output elements; today one whole tensor. Steps are in the order of the output's bytes.
struct Step {
  uint64_t offset = 0;          ///< in the output, whose files lie one behind another
  uint64_t size = 0;            ///< bytes of output
  uint32_t first_source = 0;    ///< index into Plan::sources
  uint32_t source_count = 0;    ///< program: its operands. Copy: the first is copied, any others are compared with it
  Source named;                 ///< whose name and shape the output has
  uint16_t program = 0;         ///< index into Plan::programs, kCopy, kZero or kCount
  uint16_t expansion = kWhole;  ///< index into Plan::expansions, or kWhole
  Action action = Action::copy;
  Dtype dtype = Dtype::F32;  ///< as stored in the output

  static constexpr uint16_t kCopy = UINT16_MAX;
  static constexpr uint16_t kZero = UINT16_MAX - 1;  ///< zero bytes; no sources
  /// 0, 1, 2, ... along the last dimension, as I64; no sources.
  static constexpr uint16_t kCount = UINT16_MAX - 2;
  static constexpr uint16_t kWhole = UINT16_MAX;
};

/// A step without bytes, because what it would make is in all inputs what another step makes: its tensor is that one's
/// under another name. Indices into Plan::steps.
struct Tie {
  uint32_t step = 0, owner = 0;
};

/// A number about the tensor of a step: what is reduced, as programs over the operands of the step's program, and how.
/// The programs may have slots of coefficients that hang on reductions of lower levels.
struct Reduction {
  Program value;
  std::optional<Program> factor = {};  ///< of a sum of products
  /// The same where every checkpoint but the first counts as zero (Expansion): over the first checkpoint's tensor
  /// alone. Empty, though there is a factor: zero.
  std::optional<Program> tail_value = {}, tail_factor = {};
  Reduce how = Reduce::sum;
  Cut cut = {};  ///< of a cut
  Over over = Over::tensor;
  uint8_t level = 0;  ///< of its first walk: each level is one over the inputs, and may hang on what lower ones found

  /// Of the tensor: those of lines are not the tensor's.
  size_t numbers() const { return over != Over::tensor ? 0 : how == Reduce::cut ? 2 : 1; }
  /// How many walks find the magnitude of a cut: one for each digit of its key. Of others 1.
  size_t digit_walks() const {
    return how == Reduce::cut ? (key_bits(value.compute) + kDigitBits - 1) / kDigitBits : 1;
  }
  /// At most. Where not all elements of the magnitude of a cut stay, a walk counts them, block by block, and another
  /// looks at the block in which the last one lies.
  size_t walks() const { return digit_walks() + (how == Reduce::cut && !cut.keeps_equal ? 2 : 0); }
  bool walks_at(size_t at) const { return at >= level && at < level + walks(); }
  template <typename Fn>
  void for_each_program(const Fn& fn) {
    fn(value);
    for (std::optional<Program>* program : {&factor, &tail_value, &tail_factor})
      if (*program) fn(**program);
  }

  friend bool operator==(const Reduction&, const Reduction&) = default;
};

/// The coefficients that a method makes of a tensor's reductions of one round, and the slots that they fill.
struct TensorCoefficients {
  const Method* method = nullptr;
  std::vector<double> given;  ///< the recipe's coefficients of the method, in f64
  uint8_t round = 0;
  uint16_t first_reduction = 0, reduction_count = 0;  ///< of the set's
  uint16_t first_slot = 0;                            ///< as many as the method has coefficients
  Over over = Over::tensor;                           ///< which lines have numbers; tensor: there are none
  uint16_t first_line = 0, line_count = 0;            ///< these are the set's (Op::line)
  uint8_t level = 0;                                  ///< of the last walk of its reductions

  friend bool operator==(const TensorCoefficients&, const TensorCoefficients&) = default;
};

/// What a program with slots needs to know of each tensor.
struct StatisticSet {
  std::vector<Reduction> reductions;
  std::vector<TensorCoefficients> coefficients;  ///< a method's rounds one after another
  size_t slot_count = 0;
  size_t line_count = 0;  ///< numbers of each line

  bool has_lines() const { return line_count > 0; }
  size_t levels() const;
  size_t cuts() const { return static_cast<size_t>(std::ranges::count(reductions, Reduce::cut, &Reduction::how)); }

  friend bool operator==(const StatisticSet&, const StatisticSet&) = default;
};

/// A file of the output: which of the plan's offsets are its own, and what it holds beside its steps.
struct PlannedFile {
  ByteRange place;     ///< among the bytes of all files, one behind another (core/plan/output_files.h)
  std::string header;  ///< its first bytes
  std::unique_ptr<const OutputFrame> frame;  ///< its bytes between and behind the steps; null: there are none
  size_t first_step = 0, end_step = 0;       ///< its steps
  std::string prefix = {};                   ///< what its tensors' names have in front, and the file has not
  bool is_further_shard = false;             ///< of the file before it, which alone says how the result was made

  uint64_t size() const { return place.size(); }
  /// What a tensor of the plan is called in the file.
  std::string_view name_in_file(std::string_view name) const { return name.substr(prefix.size()); }
  /// Where a range of the output, which does not leave the file, lies in it.
  ByteRange inside(ByteRange range) const { return {range.begin - place.begin, range.end - place.begin}; }
};

/// Of a program to whose result adapters add something: what the result is without that, and what they add.
struct ProgramChange {
  uint16_t base = kNone, added = kNone;  ///< indices into Plan::programs, over the program's operands

  static constexpr uint16_t kNone = UINT16_MAX;

  friend bool operator==(const ProgramChange&, const ProgramChange&) = default;
};

struct Plan {
  Recipe recipe;
  std::vector<double> coefficients;          ///< of the recipe's method, in f64; empty where it is a graph
  std::vector<uint64_t> weighted;            ///< per Recipe::weights: tensors that are merged with its number
  std::vector<uint64_t> ruled;               ///< per Recipe::rules: tensors for which it holds
  std::vector<Program> programs;             ///< shared by steps that are merged alike: a handful
  std::vector<StatisticSet> statistics;      ///< shared likewise
  std::vector<uint16_t> program_statistics;  ///< per program: index into `statistics`, or kNoStatistics
  std::vector<ProgramChange> changes;        ///< per program
  std::vector<Expansion> expansions;         ///< shared likewise
  std::vector<Step> steps;                   ///< file by file
  std::vector<Tie> ties;                     ///< in the order of steps, whose size is 0
  std::vector<Source> sources;
  std::optional<Part> whole_part;  ///< of the first checkpoint, where the recipe speaks of parts
  bool accumulates = false;        ///< a tile adds the checkpoints one after another (core/plan/sum_terms.h)

  ResultKind kind;                 ///< which tensors were expanded
  std::vector<PlannedFile> files;  ///< the output, one behind another: one, as long as nobody asks for shards
  uint64_t bytes_to_read = 0;      ///< of all tensors that are loaded, copied or compared

  std::vector<Source> kept;        ///< names of the first checkpoint that another lacks
  std::vector<Source> dropped;     ///< names that the first checkpoint lacks, from the first checkpoint that has each
  std::vector<Source> left_out;    ///< names of the first checkpoint that another lacks, left out (MissingPolicy::drop)
  std::vector<Source> discarded;   ///< names that a discard pattern matches, from the first checkpoint that has each
  std::vector<Source> unshadowed;  ///< with EmaPolicy::use: weights that have no average, which stay as they are
  std::vector<Source> unused;      ///< tensors of a VAE, or averages, that take no place
  std::vector<uint64_t> adapted;   ///< per adapter: tensors of the result that it changes
  std::vector<Source> unadapted;   ///< what adapters have for tensors that are not changed, or not in the result
  uint64_t held_whole = 0;         ///< bytes that making of whole tensors takes (core/matrices, core/orders)
  std::vector<std::string> warnings;  ///< one sentence each

  uint64_t count(Action action) const;
  uint64_t converted(Action action) const;  ///< of keep, outside or add: those that are no copies, for --dtype
  uint64_t memory() const;                  ///< bytes this plan holds, the checkpoints' tables not included
  uint64_t output_size() const;             ///< bytes of all files
  size_t registers() const;                 ///< of its longest program
  size_t cuts() const;                      ///< of the tensor that has most
  size_t digit_levels() const;              ///< on which digits of magnitudes are counted, likewise
  size_t statistic_levels() const;          ///< likewise
  uint64_t end() const { return files.empty() ? 0 : files.back().place.end; }  ///< of the output's offsets
  std::span<const Step> steps_of(const PlannedFile& file) const {
    return std::span(steps).subspan(file.first_step, file.end_step - file.first_step);
  }
  const Source& source(const Step& step, size_t k = 0) const { return sources[step.first_source + k]; }
  /// The step that makes the bytes of the step of this index: itself, or that which it is tied to.
  size_t owner(size_t step) const;

  static constexpr uint16_t kNoStatistics = UINT16_MAX;
};

/// Plans `recipe` over `checkpoints`, the first of which is A. Pure: opens nothing. Throws Error(usage) for the recipe
/// and Error(mismatch) for checkpoints that do not fit, with one detail line per tensor.
Plan make_plan(const Recipe& recipe, std::span<const Checkpoint> checkpoints);

/// The same for `graph` in place of the recipe's method and parameters. No text of a file says what a graph computes:
/// REQUIRES recipe.metadata == MetadataPolicy::none.
Plan make_plan(const Recipe& recipe, const MergeGraph& graph, std::span<const Checkpoint> checkpoints);

}  // namespace ckmerge
