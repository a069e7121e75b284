// SPDX-License-Identifier: Apache-2.0
#include "io/table/joined_pieces.h"

#include <algorithm>

namespace ckmerge {
namespace {

// Row by row without gaps, whatever the strides of dimensions of one element are.
bool lies_in_order(const Piece& piece) {
  uint64_t expected = 1;
  for (size_t i = piece.strides.size(); i-- > 0; expected *= piece.shape[i])
    if (piece.shape[i] != 1 && piece.strides[i] != expected) return false;
  return true;
}

}  // namespace

std::vector<Piece> fewest_pieces(std::span<const Piece> pieces, Dtype dtype) {
  std::vector<Piece> fewest;
  const auto continues = [&](const Piece& piece) {
    if (fewest.empty() || !piece.strides.empty()) return false;
    const Piece& last = fewest.back();
    return last.strides.empty() && last.shard == piece.shard &&
           last.offset + last.count * info(dtype).bits / 8 == piece.offset;
  };
  for (Piece piece : pieces) {
    if (piece.count == 0) continue;
    if (lies_in_order(piece)) piece.shape = piece.strides = {};
    if (continues(piece))
      fewest.back().count += piece.count;
    else
      fewest.push_back(piece);
  }
  return fewest;
}

void JoinedPieces::add(std::span<const Piece> pieces, Dtype dtype) {
  uint64_t end = 0;
  for (const Piece& piece : pieces) {
    end += piece.count * info(dtype).bits / 8;
    rows_.push_back({.end = end,
                     .offset = piece.offset,
                     .numbers_begin = numbers_.size(),
                     .shard = piece.shard,
                     .rank = static_cast<uint32_t>(piece.strides.size())});
    if (piece.strides.empty()) continue;
    numbers_.insert(numbers_.end(), piece.shape.begin(), piece.shape.end());
    numbers_.insert(numbers_.end(), piece.strides.begin(), piece.strides.end());
  }
}

std::vector<PiecePart> JoinedPieces::parts(size_t first, Dtype dtype, uint64_t begin, uint64_t end) const {
  std::vector<PiecePart> parts;
  uint64_t at = 0;
  for (size_t i = first; at < end && begin < end; at = rows_[i++].end) {
    const Row& row = rows_[i];
    if (row.end <= begin) continue;
    const Shape numbers = Shape(numbers_).subspan(row.numbers_begin, size_t{row.rank} * 2);
    parts.push_back({.piece = {.count = (row.end - at) * 8 / info(dtype).bits,
                               .shard = row.shard,
                               .offset = row.offset,
                               .shape = numbers.first(row.rank),
                               .strides = numbers.subspan(row.rank)},
                     .begin = std::max(begin, at) - at,
                     .end = std::min(end, row.end) - at});
  }
  return parts;
}

uint64_t JoinedPieces::memory() const {
  return rows_.capacity() * sizeof(Row) + numbers_.capacity() * sizeof(uint64_t);
}

void JoinedPieces::release_unused() {
  rows_.shrink_to_fit();
  numbers_.shrink_to_fit();
}

}  // namespace ckmerge
