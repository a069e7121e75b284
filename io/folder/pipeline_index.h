// SPDX-License-Identifier: Apache-2.0
// model_index.json of a folder of diffusers: of which components a pipeline consists.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace ckmerge {

struct PipelineIndex {
  struct Entry {
    std::string component;   ///< its sub-folder
    std::string class_name;  ///< "CLIPTextModel"; empty: the pipeline goes without it
    std::string library;     ///< "transformers"
  };

  std::string class_name;  ///< the pipeline's; empty where it is not told
  std::vector<Entry> entries;
  std::string text;  ///< as it was written

  const Entry* find(std::string_view component) const;
  /// The text with these entries in place of those of the same components, or at the end; all else as it was.
  std::string with(std::span<const Entry> changed) const;
};

/// Of `folder`; empty where it has none. Throws Error(malformed) for one that is no index, and Error(io).
std::optional<PipelineIndex> pipeline_index(const std::string& folder);

/// Whether a component of this class has weights: a tokenizer, a scheduler and what prepares images have none.
bool has_weights(const PipelineIndex::Entry& entry);

}  // namespace ckmerge
