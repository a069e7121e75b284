// SPDX-License-Identifier: Apache-2.0
#include "io/safetensors/header_pieces.h"

#include <algorithm>
#include <cstdint>

#include "io/text/error.h"

namespace ckmerge {
namespace {

constexpr std::string_view kWhiteSpace = " \t\r\n";

std::string_view trimmed(std::string_view text) {
  text.remove_prefix(std::min(text.find_first_not_of(kWhiteSpace), text.size()));
  return text.substr(0, text.find_last_not_of(kWhiteSpace) + 1);
}

// Index of the quote that ends the string opened at `open`, or the text's size.
size_t end_of_string(std::string_view text, size_t open) {
  size_t i = open + 1;
  while (i < text.size() && text[i] != '"') i += text[i] == '\\' ? 2 : 1;
  return std::min(i, text.size());
}

}  // namespace

HeaderPieces::HeaderPieces(std::string_view json, size_t piece_size) : piece_size_(piece_size) {
  const std::string_view object = trimmed(json);
  if (object.empty()) throw Error(ErrorCode::malformed, "", "the header is empty, expected a JSON object");
  if (object.front() != '{')
    throw Error(ErrorCode::malformed, "", "the header is not a JSON object: it does not begin with {");
  if (object.back() == '\0')
    throw Error(ErrorCode::malformed, "",
                "the header is padded with NUL bytes, expected spaces after its JSON object; `ckmerge convert --mend` "
                "writes it "
                "anew");
  if (object.size() < 2 || object.back() != '}')
    throw Error(ErrorCode::malformed, "", "the header is not a JSON object: it does not end with }");
  members_ = trimmed(object.substr(1, object.size() - 2));
  done_ = members_.empty();
}

std::string_view HeaderPieces::next() {
  const size_t end = end_of_piece();
  const std::string_view piece = members_.substr(0, end);
  if (trimmed(piece).empty())
    throw Error(ErrorCode::malformed, "", "the header is not valid JSON: a comma without a member");
  done_ = end == members_.size();
  members_.remove_prefix(done_ ? end : end + 1);
  return piece;
}

size_t HeaderPieces::end_of_piece() const {
  int64_t depth = 0;
  for (size_t i = 0; i < members_.size(); ++i) switch (members_[i]) {
      case '"': i = end_of_string(members_, i); break;
      case '{':
      case '[': ++depth; break;
      case '}':
      case ']': --depth; break;
      case ',':
        if (depth == 0 && i >= piece_size_) return i;
    }
  return members_.size();
}

}  // namespace ckmerge
