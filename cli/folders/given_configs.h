// SPDX-License-Identifier: Apache-2.0
// The configs that --config-from gives a folder of diffusers: whether they are true of it, and what of them is written.
#pragma once

#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/folders/pipeline_files.h"
#include "io/folder/partial_folder.h"
#include "io/folder/pipeline_index.h"

namespace ckmerge::cli {

class GivenConfigs {
 public:
  /// Of `folder`, for a result of `files`. Throws Error(usage) where it has none, Error(mismatch) where they are of
  /// another family or size than what names and shapes of the result tell.
  GivenConfigs(std::string folder, std::span<const FolderFile> files);

  const std::string& folder() const { return folder_; }
  bool has(std::string_view file) const;
  /// A sentence for each thing that is not as in `folder`, by which programs will miss something.
  std::vector<std::string> warnings() const;
  /// Throws as OutputFile does.
  void write_into(const PartialFolder& target, bool sync) const;

 private:
  void expect_same_models(std::span<const FolderFile> files) const;
  void expect_same_config(const FolderFile& file) const;
  void change_config(const FolderFile& file);
  void leave_out_lacking(std::span<const FolderFile> files);

  std::string folder_;
  std::vector<std::string> files_;  // below it
  std::optional<PipelineIndex> index_;
  std::vector<std::string> lacking_;            // components of the index whose weights the result lacks
  std::vector<std::string> unnamed_;            // components of the result that the index lacks
  std::vector<std::string> untrue_;             // what configs said of other weights
  std::map<std::string, std::string> changed_;  // texts of files
};

}  // namespace ckmerge::cli
