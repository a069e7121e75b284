// SPDX-License-Identifier: Apache-2.0
// Chat templates: texts in Jinja that lay a conversation out as a model was trained to see it.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "core/vocabulary/vocabulary_changes.h"

namespace ckmerge {

/// The chat template of the tokenizer in `folder`; none where it has none.
std::optional<std::string> chat_template_of(const std::string& folder);

/// What `asked`, mergekit's `chat_template`, means: a name that mergekit knows, `auto`, which is what most of `folders`
/// have, or a template itself. None where none of them has one. Throws Error(usage) for what is neither.
std::optional<std::string> chat_template(std::string_view asked, std::span<const std::string> folders);

/// In `changes` the files that hold the chat template, for `text`. `folder`: that whose files are taken.
void put_chat_template(const std::string& folder, std::string text, VocabularyChanges& changes);

}  // namespace ckmerge
