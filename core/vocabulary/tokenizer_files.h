// SPDX-License-Identifier: Apache-2.0
// The files of a model's folder that are about its tokens.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/vocabulary/united_tokens.h"
#include "core/vocabulary/vocabulary_changes.h"
#include "io/table/checkpoint.h"

namespace ckmerge {

/// The folder that `checkpoint` is, or none: it is a file.
std::optional<std::string> folder_of(const Checkpoint& checkpoint);

/// The text of a file of `folder`; none where there is no such. Throws Error(io), and Error(malformed) for one that is
/// larger than any of its kind.
std::optional<std::string> text_in(const std::string& folder, std::string_view name);

/// The text of its tokenizer.json; none where it has no tokenizer at all. Throws Error(mismatch) for a folder that has
/// one of another form only.
std::optional<std::string> tokenizer_text_in(const std::string& folder);

/// Which files there are in `folder` that are about tokens, by their paths below it.
std::vector<std::string> tokenizer_files_in(const std::string& folder);

/// In `changes` the files of A's folder, whose tokens were `before`, for a result whose tokens are `result`; `text` is
/// its tokenizer.json. `is_shorter`: some of A's tokens are not in it.
void follow_tokens(const std::string& folder, const ModelTokens& before, const ModelTokens& result, std::string text,
                   bool is_shorter, VocabularyChanges& changes);

/// In `changes` the files of `from` in place of those of A's folder.
void take_files(const std::string& from, const std::string& folder, VocabularyChanges& changes);

}  // namespace ckmerge
