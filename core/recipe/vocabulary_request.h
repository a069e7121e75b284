// SPDX-License-Identifier: Apache-2.0
// What is asked of the vocabulary of a merge: which tokens the result knows, where their rows come from.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "io/text/json_value.h"

namespace ckmerge {

/// Embeddings and heads that differ in their rows alone, where nothing is said of tokens.
enum class VocabPolicy : uint8_t {
  error,  ///< the merge is refused
  crop,   ///< the first rows, as many as all have
  base,   ///< A's rows; those that another lacks stay as A has them
};

/// Where the row of a token comes from.
struct TokenSource {
  enum class Kind : uint8_t {
    usual,  ///< as of a token of which nothing is said
    zero,   ///< a row of zeros
    input,  ///< the row that `input` has for the token itself
    token,  ///< the row that `input` has for `token`
    id,     ///< row `id` of `input`
  };
  Kind kind = Kind::usual;
  uint32_t input = 0;
  std::string token = {};
  uint64_t id = 0;
  bool force = false;  ///< for inputs that have a row of the token, too

  friend bool operator==(const TokenSource&, const TokenSource&) = default;
};

/// mergekit's `tokenizer_source` and `tokenizer`.
struct VocabularyRequest {
  enum class Kind : uint8_t {
    base,    ///< the tokens of A
    united,  ///< the tokens of A, then those of the others that it lacks, input by input
    input,   ///< the tokens of `input`
    folder,  ///< the tokens of a model that is not merged
  };
  Kind kind = Kind::united;
  uint32_t input = 0;
  std::string folder = {};  ///< its path
  /// Whether A's row is taken for a token that another lacks; else the average of those that have it. True where the
  /// method has a base, which is A then.
  bool has_base = false;
  std::vector<std::pair<std::string, TokenSource>> tokens =
      {};                           ///< by token; those that are new are added in this order
  uint64_t pad_to_multiple_of = 0;  ///< rows of the result; 0: as many as tokens

  friend bool operator==(const VocabularyRequest&, const VocabularyRequest&) = default;
};

/// As `ckmerge.recipe` has it (docs/format.md): of a folder its last name alone, since where it lies is no one's
/// business.
void append_json(std::string& out, const VocabularyRequest& request);

/// Throws Error(malformed) that names what is wrong.
VocabularyRequest parse_vocabulary_request(const JsonValue& value);

}  // namespace ckmerge
