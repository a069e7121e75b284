// SPDX-License-Identifier: Apache-2.0
// What a folder of diffusers consists of: names of its sub-folders and of the files in them.
#pragma once

#include <string>
#include <string_view>

namespace ckmerge {

/// The one folder in a sub-folder: of a tokenizer.
inline constexpr std::string_view kChatTemplates = "additional_chat_templates";

/// Whether a component that has weights is called so: "transformer", "text_encoder_2", "safety_checker".
bool is_component_name(std::string_view folder);

/// Whether pipelines have a sub-folder of this name, with weights or without: a component's, "tokenizer_2",
/// "scheduler".
bool is_pipeline_folder(std::string_view folder);

/// What lies in `folder` and is no part of a pipeline, relative to it: the first by name. Sub-folders that
/// model_index.json names are part of it. Empty: there is nothing such. Throws Error(io) where it cannot be read.
std::string foreign_entry(const std::string& folder);

/// Whether there is a pipeline at all: its index, or a component's weights.
bool holds_pipeline(const std::string& folder);

}  // namespace ckmerge
