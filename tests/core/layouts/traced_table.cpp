// SPDX-License-Identifier: Apache-2.0
#include "tests/core/layouts/traced_table.h"

#include "io/text/sentence.h"

namespace ckmerge::test {
namespace {

uint64_t product(const std::vector<uint64_t>& shape) {
  uint64_t count = 1;
  for (const uint64_t dimension : shape) count *= dimension;
  return count;
}

std::string text(Shape numbers) {
  std::string out = "[";
  for (const uint64_t number : numbers) out += sentence(out.size() > 1 ? "," : "", number);
  return out + "]";
}

// Element by element, by its index along each dimension.
void add_places(const Piece& piece, uint64_t element, std::vector<uint64_t>& out) {
  for (uint64_t i = 0; i < piece.count; ++i) {
    uint64_t at = i, left = i;
    if (!piece.shape.empty()) {
      at = 0;
      for (size_t axis = piece.shape.size(); axis-- > 0; left /= piece.shape[axis])
        at += left % piece.shape[axis] * piece.strides[axis];
    }
    out.push_back(piece.offset + at * element);
  }
}

}  // namespace

TracedTable& TracedTable::add(const std::string& name, const std::vector<uint64_t>& shape, Dtype dtype) {
  const uint64_t count = product(shape), size = count * element_size(dtype);
  tensors_.add(name, dtype, shape, 0, end_, size, count);
  end_ += size;
  return *this;
}

TracedTable& TracedTable::add_turned(const std::string& name, const std::vector<uint64_t>& shape) {
  const uint64_t count = product(shape);
  std::vector<uint64_t> strides;
  for (uint64_t stride = 1; const uint64_t dimension : shape) {
    strides.push_back(stride);
    stride *= dimension;
  }
  tensors_.add_view(name, Dtype::F32, shape, strides, 0, end_, 4 * count, count);
  end_ += 4 * count;
  return *this;
}

Checkpoint TracedTable::checkpoint() const {
  Checkpoint checkpoint;
  checkpoint.path = "model.safetensors";
  checkpoint.tensors = tensors_;
  checkpoint.tensors.sort_by_name();
  return checkpoint;
}

Checkpoint copy(const Checkpoint& checkpoint) {
  Checkpoint other;
  other.path = checkpoint.path;
  other.tensors = checkpoint.tensors;
  other.unread = checkpoint.unread;
  return other;
}

std::vector<uint64_t> places(const TensorTable& tensors, size_t index) {
  std::vector<uint64_t> out;
  for (const Piece& piece : tensors.pieces(index)) add_places(piece, element_size(tensors[index].dtype), out);
  return out;
}

std::vector<std::string> lines(const TensorTable& tensors) {
  std::vector<std::string> out;
  for (size_t i = 0; i < tensors.size(); ++i)
    out.push_back(sentence(tensors.name(i), " ", info(tensors[i].dtype).name, " ", text(tensors[i].shape), " ",
                           text(places(tensors, i))));
  return out;
}

std::vector<std::string> rows(const TensorTable& tensors) {
  std::vector<std::string> out = lines(tensors);
  for (size_t i = 0; i < tensors.size(); ++i)
    out[i] += sentence(tensors[i].joined ? " joined " : " at ", tensors[i].offset, " ", text(tensors[i].strides));
  return out;
}

}  // namespace ckmerge::test
