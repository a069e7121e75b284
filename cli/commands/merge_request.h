// SPDX-License-Identifier: Apache-2.0
// What the words of a merge mean: a Recipe, options and paths, all of it checked, nothing of it done.
#pragma once

#include <string>
#include <vector>

#include "cli/commands/after_merge.h"
#include "cli/options/command_line.h"
#include "cli/options/progress_kind.h"
#include "cli/system/system.h"
#include "core/ckmerge.h"

namespace ckmerge::cli {

struct MergeRequest {
  std::vector<std::string> inputs;
  std::string output;  ///< empty: a plan without a target
  Recipe recipe;
  RunOptions run;
  ProgressKind progress = ProgressKind::none;
  std::string config = "none";        ///< of A1111's .yaml beside the inputs (cli/commands/config_file.h)
  std::string config_from;            ///< what is copied beside the output; empty: nothing is, or it is not known yet
  std::string filename_prefix;        ///< ComfyUI's way of naming; empty: `output` is the name, or a folder
  std::vector<std::string> preset;    ///< what --like came to, as words
  std::vector<std::string> warnings;  ///< of the words; those of the plan follow
  std::string key;                    ///< of all PyTorch inputs that recipe.input_keys says nothing of
  bool allow_expanded = false;        ///< views of PyTorch files may be larger than the files
  Announcement announcement;          ///< when the output is in place
  bool only_plan = false;
  bool json = false, quiet = false, verbose = false;
};

/// For `merge` and `plan`. Throws Error(usage) with everything that the words have against them.
MergeRequest merge_request(const CommandLine& line, const Environment& environment);

}  // namespace ckmerge::cli
