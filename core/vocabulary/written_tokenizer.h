// SPDX-License-Identifier: Apache-2.0
// tokenizer.json written again with other tokens. What is said of how texts are cut and put together stays as it was.
#pragma once

#include <string>
#include <string_view>

#include "core/vocabulary/united_tokens.h"

namespace ckmerge {

/// The document `text` without tokens of `rows` or more in its model, and with the added tokens of `tokens`. Throws as
/// expect_same_ids().
std::string written_tokenizer(std::string_view text, const ModelTokens& tokens, uint64_t rows);

/// What is said of an added token beside its id and content, behind those in an object.
void append_settings(std::string& out, const AddedToken& token);

}  // namespace ckmerge
