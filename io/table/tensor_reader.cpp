// SPDX-License-Identifier: Apache-2.0
#include "io/table/tensor_reader.h"

namespace ckmerge {

void TensorReader::read(const Checkpoint& checkpoint, size_t row, uint64_t begin, uint64_t end, std::byte* out) {
  const Dtype dtype = checkpoint.tensors[row].dtype;
  for (const PiecePart& part : checkpoint.tensors.parts(row, begin, end)) {
    const Piece& piece = part.piece;
    const InputFile& file = checkpoint.shards[piece.shard];
    const uint64_t size = part.end - part.begin;
    if (piece.strides.empty())
      file.read_at(piece.offset + part.begin, {out, size});
    else
      strided_.read(file, dtype, piece, part.begin / element_size(dtype), part.end / element_size(dtype), out);
    out += size;
  }
}

}  // namespace ckmerge
