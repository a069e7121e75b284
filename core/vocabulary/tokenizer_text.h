// SPDX-License-Identifier: Apache-2.0
// tokenizer.json, the document of Hugging Face's tokenizers: which tokens have which ids. All else in it (how texts are
// cut and put together) is kept as it is written.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace ckmerge {

/// How words become tokens.
enum class TokenizerKind : uint8_t { bpe, unigram, word_piece, word_level };

/// "BPE", "Unigram", "WordPiece", "WordLevel": as tokenizer.json spells it.
const char* name(TokenizerKind kind);

/// A token that is found in a text as it stands, before the text is cut into words.
struct AddedToken {
  uint32_t id = 0;
  std::string content;
  std::string settings = {};  ///< its other members, as JSON writes them one after another
  bool is_word = false;       ///< the model has it, too, and its id is that
  bool made = false;          ///< no document says anything of it: it counts as a text that somebody added
  bool special = false;       ///< what they say of that
};

/// Where in the document what can change is written, brackets included.
struct TokenizerPlaces {
  std::string_view added = {};   ///< empty: there is none
  std::string_view vocab = {};   ///< an object, or of Unigram an array
  std::string_view merges = {};  ///< of BPE
};

struct TokenizerText {
  TokenizerKind kind = TokenizerKind::bpe;
  std::vector<AddedToken> added = {};  ///< in the order of the document
  uint32_t end = 0;                    ///< one more than the largest id
  uint64_t words = 0;                  ///< tokens that are not added ones, or are both
  TokenizerPlaces places = {};         ///< in the text that was read
};

/// Reads a document in one pass, in memory for its added tokens alone, and calls `visit` with each token of the model
/// and its id, in the order of the document. Throws Error(malformed) with a clause that says what is wrong and where.
TokenizerText read_tokenizer(std::string_view text,
                             const std::function<void(std::string_view token, uint32_t id)>& visit);

}  // namespace ckmerge
