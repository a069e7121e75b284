// SPDX-License-Identifier: Apache-2.0
// Small tokenizer.json files for tests, of the four kinds that there are.
#pragma once

#include <string>
#include <vector>

namespace ckmerge::test {

struct MadeToken {
  std::string text;
  unsigned id;
};

/// Tokens of a model, in the order of their ids for Unigram; `added` are added ones, special.
std::string tokenizer_json(const std::string& type, const std::vector<MadeToken>& tokens,
                           const std::vector<MadeToken>& added, const std::string& more = "");

}  // namespace ckmerge::test
