// SPDX-License-Identifier: Apache-2.0
// What operations that are placed, and stochastic rounding, come to for one tensor.
#include <algorithm>

#include "kernels/program.h"

namespace ckmerge {
namespace {

// FNV-1a, and at the end the finalizer of splitmix64, so that every bit of the key hangs on every bit of the name.
class Key {
 public:
  void add(uint64_t number) {
    for (int byte = 0; byte < 8; ++byte) add_byte(static_cast<unsigned char>(number >> (8 * byte)));
  }
  void add(std::string_view text) {
    for (const char c : text) add_byte(static_cast<unsigned char>(c));
  }
  uint64_t finished() const {
    uint64_t key = hash_;
    key = (key ^ key >> 30) * 0xbf58476d1ce4e5b9;
    key = (key ^ key >> 27) * 0x94d049bb133111eb;
    return key ^ key >> 31;
  }

 private:
  void add_byte(unsigned char byte) { hash_ = (hash_ ^ byte) * 0x100000001b3; }

  uint64_t hash_ = 0xcbf29ce484222325;
};

void fill_uniform(Instruction& i, std::string_view name) {
  const uint64_t key = uniform_key(static_cast<uint64_t>(i.k0), static_cast<uint64_t>(i.k1), i.operand, name);
  i.k0 = static_cast<double>(key >> 32);
  i.k1 = static_cast<double>(key & UINT32_MAX);
}

uint64_t product(std::span<const uint64_t> dimensions) {
  uint64_t count = 1;
  for (const uint64_t dimension : dimensions) count *= dimension;
  return count;
}

// Columns are those of the second dimension; a tensor that has none has rows alone, and a scalar is one row.
void fill_before(Instruction& i, std::span<const uint64_t> shape) {
  const size_t axis = i.operand == 1 && shape.size() > 1 ? 1 : 0;
  const uint64_t lines = shape.empty() ? 1 : shape[axis], line = shape.empty() ? 1 : product(shape.subspan(axis + 1));
  const double share = i.k0 * static_cast<double>(lines);
  const auto wanted = static_cast<uint64_t>(std::clamp(share, 0.0, static_cast<double>(lines)));
  i.k0 = static_cast<double>(std::max<uint64_t>(1, lines * line));
  i.k1 = static_cast<double>(wanted * line);
}

}  // namespace

uint64_t method_number(std::string_view method) {
  uint32_t hash = 0x811c9dc5;  // FNV-1a
  for (const char c : method) hash = (hash ^ static_cast<unsigned char>(c)) * 0x01000193;
  return hash;
}

uint64_t uniform_key(uint64_t seed, uint64_t method, uint64_t input, std::string_view tensor) {
  Key key;
  for (const uint64_t number : {seed, method, input}) key.add(number);
  key.add(tensor);
  return key.finished();
}

// A number that is no method's: theirs have 32 bits (method_number()).
Rounding stochastic_rounding(uint64_t seed, std::string_view tensor) {
  return {.stochastic = true, .key = uniform_key(seed, UINT64_MAX, 0, tensor)};
}

void fill_places(Program& program, const TensorFacts& tensor) {
  for (Instruction& i : program.code) {
    if (i.op == Op::uniform) fill_uniform(i, tensor.name);
    if (i.op == Op::before) fill_before(i, tensor.shape);
    if (is_placed(i.op) && i.op != Op::line) i.operand = 0;
  }
}

}  // namespace ckmerge
