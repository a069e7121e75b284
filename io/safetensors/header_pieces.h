// SPDX-License-Identifier: Apache-2.0
// Cuts a header's JSON object into runs of whole members. Parsed whole, 100 MB of JSON take the DOM parser some 400 MB
// of structure and tape; piece by piece its memory is that of one piece, and stays in the CPU's cache.
#pragma once

#include <cstddef>
#include <string_view>

namespace ckmerge {

class HeaderPieces {
 public:
  static constexpr size_t kPieceSize = size_t{256} << 10;

  /// A piece ends at the first comma between members that has `piece_size` bytes before it. Throws Error(malformed)
  /// when `json` is not one pair of braces between white space.
  explicit HeaderPieces(std::string_view json, size_t piece_size = kPieceSize);

  bool done() const { return done_; }

  /// The next run of members, without braces or a comma at either end. The cuts need no trust: if each piece between
  /// braces is a JSON object with members then so is the whole, and a valid object is cut between members only. Throws
  /// Error(malformed) on a piece without members.
  std::string_view next();

 private:
  size_t end_of_piece() const;

  std::string_view members_;  // not yet handed out
  size_t piece_size_;
  bool done_ = false;
};

}  // namespace ckmerge
