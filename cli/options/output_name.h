// SPDX-License-Identifier: Apache-2.0
// What an output is called when its user names a folder or a prefix only: as A1111's merger tab and as ComfyUI's save
// nodes would call it, to the letter, because scripts and galleries look for such names.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/recipe/provenance.h"
#include "core/recipe/recipe.h"

namespace ckmerge::cli {

/// The words of --format, in the order of output_forms().
std::vector<std::string> form_names();

/// Whether `-o OUTPUT` names a folder: it ends with a slash, or is one.
bool is_folder(const std::string& output);

/// `0.7(A) + 0.3(B).safetensors`: A1111's name for a merge of `inputs` (paths; their last extension is left out).
/// Methods that A1111 lacks: linear is `0.5(A) + 0.25(B) + 0.25(C)` with the coefficients used, any other is `method(A,
/// B, 0.3)` with its numbers. Throws Error(usage) when that is no fit name for a file, or as resolve_coefficients()
/// does.
std::string a1111_name(const Recipe& recipe, std::span<const std::string> inputs, ResultKind kind);

/// Throws Error(usage) of `option` for a name that no common filesystem takes or that has control characters, and ends
/// with `advice`.
void expect_file_name(const std::string& option, const std::string& name, const std::string& advice);

struct LocalTime {
  int year = 1970, month = 1, day = 1, hour = 0, minute = 0, second = 0;
};
LocalTime local_time();

/// ComfyUI's fields: %year%, %month%, %day%, %hour%, %minute%, %second%, and %width%, %height%, which are 0.
std::string expand_fields(std::string prefix, const LocalTime& now);

/// One more than the largest number that follows `base` and `_` in any of `names` (up to the next `_`), else 1.
uint64_t next_counter(std::span<const std::string> names, std::string_view base);

/// The names of `--filename-prefix`: `PREFIX_00001_.safetensors` (or .ckpt) and on, in a folder or a folder inside it.
class NumberedNames {
 public:
  /// Throws Error(usage) when the prefix leads out of `folder` or names no file, Error(io) when there is no such
  /// folder.
  NumberedNames(const std::string& folder, const std::string& prefix, const LocalTime& now,
                const OutputForm& form = output_forms().front());

  /// Makes the folders that the prefix names. Throws Error(io | usage).
  void make_folders();

  /// Removes those that were made and are still empty: of a run that failed nothing stays.
  void remove_made_folders() const noexcept;

  /// The path of the next free name, by what is in the folder now. Another run may take it first (TargetTaken): ask
  /// again, and the number is higher than all that were given before.
  std::string next();

 private:
  void expect_inside() const;

  std::string root_;    // the user's folder
  std::string folder_;  // where the files go
  std::string base_;
  std::string extension_;
  std::vector<std::string> made_;  // folders, the deepest first
  uint64_t last_ = 0;
};

// What an extension says to the programs that will look for the file: they go by it.

/// Throws Error(usage) where `-o OUTPUT` is `-`, or promises a format that is not written.
void expect_checkpoint_name(const std::string& output);

/// A sentence where the extension is none that programs take for a checkpoint of `form`, or none at all; else empty.
/// REQUIRES: expect_checkpoint_name(); `output` is no folder.
std::string extension_warning(const std::string& output, const OutputForm& form);

}  // namespace ckmerge::cli
