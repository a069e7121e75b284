// SPDX-License-Identifier: Apache-2.0
// Plans and results told to people. Pure: everything returns text, already safe for a terminal.
#pragma once

#include <span>
#include <string>

#include "cli/options/settings.h"
#include "cli/system/text.h"
#include "core/adapters/adapter_inputs.h"
#include "core/ckmerge.h"
#include "core/folders/folder_file.h"

namespace ckmerge::cli {

/// What there is to tell about a merge before it runs.
struct MergeFacts {
  const Plan& plan;
  std::span<const Checkpoint> checkpoints;
  const RunOptions& run;
  const std::string& output;               ///< empty: a plan without a target
  const std::string& config_from;          ///< what is copied beside the output; empty: nothing is
  const std::vector<std::string>& preset;  ///< what --like came to, as words
  bool verbose = false;
  std::string_view recipe_file = {};             ///< where the recipe is written as well; empty: nowhere
  std::span<const Sweep> sweeps = {};            ///< whose values differ from output to output
  std::span<const FolderFile> files = {};        ///< of an output that is a folder, as the plan's
  std::span<const BesideFile> beside = {};       ///< of such an output, what lies beside the weights of A
  std::span<const AdapterReport> adapters = {};  ///< what became of each
  std::string_view formula = {};                 ///< with the names of what is swept; empty: as the plan has it

  Tensor tensor(Source source) const { return checkpoints[source.checkpoint].tensors[source.tensor]; }
  Tensor tensor(const Step& step) const { return tensor(step.named); }
  /// The names of the steps with this action, in the order of the file.
  std::vector<Source> named_by(Action action) const;
};

std::string plan_report(const MergeFacts& facts);

/// Parts of reports: what is merged and how; what becomes of the tensors; the plan's warnings; all tensors, as many as
/// are asked for; why the inputs are read more than once.
std::string recipe_lines(const MergeFacts& facts);
std::string action_lines(const MergeFacts& facts);
std::string warning_lines(std::span<const std::string> warnings);
std::string step_lines(const MergeFacts& facts);
std::string pass_line(const MergeFacts& facts);

/// Sentences about values that a run spoiled and did not refuse.
std::vector<std::string> value_warnings(const MergeFacts& facts, const RunReport& report);
std::string run_report(const MergeFacts& facts, const RunReport& report);

/// " = base": how the recipe's formula calls input `k` of `inputs`, where it does not by its letter; else nothing.
std::string name_behind_letter(const Recipe& recipe, size_t k, size_t inputs);

/// "[2, 3]".
std::string shape_text(Shape shape);

/// Items 0 to count-1 as lines under a heading that the caller wrote: the first kListed, then how many more.
template <typename Line>
std::string listed(size_t count, const Line& line, size_t limit = kListed) {
  std::string out;
  for (size_t i = 0; i < count && i < limit; ++i) out += "    " + line(i) + "\n";
  if (count > limit) out += "    ... and " + grouped(count - limit) + " more\n";
  return out;
}

}  // namespace ckmerge::cli
