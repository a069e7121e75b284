// SPDX-License-Identifier: Apache-2.0
#include "tests/core/joined_checkpoints.h"

#include <algorithm>
#include <random>

namespace ckmerge::test {
namespace {

constexpr uint64_t kStorage = 96'000;  // elements

const FileTensor& find(const std::vector<FileTensor>& tensors, const std::string& name) {
  return *std::ranges::find(tensors, name, &FileTensor::name);
}

uint64_t count_of(const std::vector<uint64_t>& shape) {
  uint64_t count = 1;
  for (const uint64_t dimension : shape) count *= dimension;
  return count;
}

uint64_t size_of(Dtype dtype, uint64_t count) { return count * info(dtype).bits / 8; }

// Elements from `first` to behind the last.
uint64_t reach_of(const StoredPiece& piece) {
  if (piece.strides.empty()) return piece.count;
  uint64_t last = 0;
  for (size_t i = 0; i < piece.shape.size(); ++i) last += (piece.shape[i] - 1) * piece.strides[i];
  return last + 1;
}

class PieceMaker {
 public:
  PieceMaker(const FileTensor& storage, uint64_t seed) : storage_(storage), random_(seed) {}

  // Rows in order, rows of a turned matrix, every other row, or what lies behind the piece before.
  StoredPiece make(uint64_t rows, uint64_t columns, const StoredPiece* before) {
    StoredPiece piece{.storage = storage_.name, .first = 0, .count = rows * columns};
    const uint64_t kind = info(storage_.dtype).bits < 8 || rows == 0 ? 0 : random_() % 4;
    if (kind == 1) piece.strides = {1, rows};
    if (kind == 2) piece.strides = {columns + 1 + random_() % 3, 1};
    if (!piece.strides.empty()) piece.shape = {rows, columns};
    const bool follows = kind == 3 && before && before->strides.empty() &&
                         before->first + before->count + piece.count <= count_of(storage_.shape);
    piece.first =
        follows ? before->first + before->count : random_() % (count_of(storage_.shape) - reach_of(piece) + 1) / 8 * 8;
    return piece;
  }

 private:
  const FileTensor& storage_;
  std::mt19937_64 random_;
};

}  // namespace

std::vector<FileTensor> random_storages(uint64_t seed, bool with_opaque) {
  std::vector<FileTensor> storages;
  for (const Dtype dtype : {Dtype::F32, Dtype::BF16, Dtype::F16, Dtype::F64, Dtype::F8_E4M3, Dtype::I32})
    storages.push_back(random(info(dtype).name, dtype, {kStorage}, seed + static_cast<uint64_t>(dtype)));
  if (with_opaque)
    for (const Dtype dtype : {Dtype::F4, Dtype::F6_E3M2}) {
      const FileTensor bytes = random("", Dtype::U8, {size_of(dtype, kStorage)}, 7);
      storages.push_back({info(dtype).name, dtype, {kStorage}, bytes.bytes});
    }
  return storages;
}

std::vector<PiecedTensor> random_tensors(const std::vector<FileTensor>& storages, uint64_t shapes_seed, uint64_t seed) {
  std::mt19937_64 shapes(shapes_seed);
  std::vector<PiecedTensor> tensors;
  for (const FileTensor& storage : storages) {
    PieceMaker maker(storage, seed + tensors.size());
    for (const char* const kind : {".a", ".b", ".large"}) {
      const bool large = kind == std::string(".large");
      const uint64_t unit = info(storage.dtype).bits < 8 ? 8 : 1;
      const uint64_t columns = large ? 1000 : (1 + shapes() % 70) * unit;
      PiecedTensor tensor{storage.name + kind, storage.dtype, {0, columns}, {}};
      for (uint64_t count = 1 + shapes() % 5; count > 0; --count) {
        const uint64_t rows = large ? 20 + shapes() % 40 : shapes() % 30;
        const StoredPiece* const before = tensor.pieces.empty() ? nullptr : &tensor.pieces.back();
        const StoredPiece piece = maker.make(rows, columns, before);
        tensor.pieces.push_back(piece);
        tensor.shape[0] += rows;
      }
      tensors.push_back(tensor);
    }
  }
  return tensors;
}

std::vector<FileTensor> plain_tensors(const std::vector<PiecedTensor>& tensors,
                                      const std::vector<FileTensor>& storages) {
  std::vector<FileTensor> plain;
  for (const PiecedTensor& tensor : tensors) {
    FileTensor& made = plain.emplace_back(FileTensor{tensor.name, tensor.dtype, tensor.shape, ""});
    for (const StoredPiece& piece : tensor.pieces) {
      const std::string& bytes = find(storages, piece.storage).bytes;
      if (piece.strides.empty()) {
        made.bytes += bytes.substr(size_of(tensor.dtype, piece.first), size_of(tensor.dtype, piece.count));
        continue;
      }
      const uint64_t size = element_size(tensor.dtype);
      for (uint64_t i = 0; i < piece.count; ++i) {
        const uint64_t row = i / piece.shape[1], column = i % piece.shape[1];
        made.bytes += bytes.substr((piece.first + row * piece.strides[0] + column * piece.strides[1]) * size, size);
      }
    }
  }
  return plain;
}

void rebuild(Checkpoint& checkpoint, const std::vector<PiecedTensor>& tensors) {
  TensorTable table;
  for (const PiecedTensor& tensor : tensors) {
    std::vector<Piece> pieces;
    for (const StoredPiece& piece : tensor.pieces) {
      const Tensor storage = checkpoint.tensors[checkpoint.tensors.find(piece.storage)];
      pieces.push_back({.count = piece.count,
                        .shard = storage.shard,
                        .offset = storage.offset + size_of(tensor.dtype, piece.first),
                        .shape = piece.shape,
                        .strides = piece.strides});
    }
    const uint64_t count = count_of(tensor.shape);
    table.add_joined(tensor.name, tensor.dtype, tensor.shape, pieces, size_of(tensor.dtype, count), count);
  }
  table.sort_by_name();
  checkpoint.tensors = std::move(table);
}

}  // namespace ckmerge::test
