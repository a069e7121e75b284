// SPDX-License-Identifier: Apache-2.0
// Fields of config.json and generation_config.json that are ids of tokens.
#pragma once

#include <string>

#include "core/vocabulary/vocabulary_changes.h"

namespace ckmerge {

/// In `changes` those of the folder `from`, whose tokens the result has, in place of A's, of the folder `to`: where
/// both have them, or A's alone, which then say nothing. Throws Error(malformed) for a file that is no JSON.
void follow_special_ids(const std::string& from, const std::string& to, VocabularyChanges& changes);

}  // namespace ckmerge
