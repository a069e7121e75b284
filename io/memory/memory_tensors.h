// SPDX-License-Identifier: Apache-2.0
// A checkpoint that no file holds: tensors in the memory of the program that calls. Those that the processor can reach
// are read where they lie, neither mapped nor copied; the bytes of others, which a device holds, are asked for, each
// range when a tile needs it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <string_view>

#include "io/table/checkpoint.h"

namespace ckmerge {

/// What names of such checkpoints begin with, where a path would stand: "memory:unet". A file of that name is
/// "./memory:unet".
inline constexpr std::string_view kMemoryPrefix = "memory:";
inline bool names_memory(std::string_view path) { return path.starts_with(kMemoryPrefix); }

/// A tensor as the program that has it describes it.
struct MemoryTensor {
  std::string_view name;       ///< UTF-8
  std::string_view dtype;      ///< as safetensors spells it: "BF16"
  Shape shape;                 ///< empty for a scalar
  Shape strides = {};          ///< elements from one to the next along each dimension; empty: they lie in order
  const void* data = nullptr;  ///< of the first element, aligned or not; null: asked of MemoryTensors::read
  /// Of one that is asked for: those with the same number, dtype and shape are one, under several names. 0: it is alone
  uint64_t same = 0;
};

/// What `read` of a tensor's bytes goes by.
using ReadTensor = std::function<int(size_t tensor, uint64_t offset, std::span<std::byte> out)>;

/// A checkpoint as the program describes it. What it points to must live, and its bytes must stay what they are, until
/// the last use of the Checkpoint that is made of it; the descriptions themselves are needed no longer than until then.
struct MemoryTensors {
  std::string name;  ///< what messages and recipes call it: kMemoryPrefix and a name that no other has
  std::span<const MemoryTensor> tensors;
  const Metadata* metadata = nullptr;  ///< null: it has none
  /// Copies out.size() bytes from byte `offset` on of tensor number `tensor`, as if its elements lay in order. Returns
  /// 0, or a number that says why not. Called from any thread, and from several at once.
  ReadTensor read = {};
};

/// The row of io/input_forms: no file is of this form.
bool begins_no_file(std::span<const std::byte> first_bytes);
void open_no_file(Checkpoint& checkpoint, const OpenOptions& options);

/// Fills `checkpoint` with what is described, every number checked (invariant I5). Throws Error(usage) with a detail
/// line per tensor: of no known dtype, without bytes, of more bytes than there are addresses, with a name twice.
void read_memory(Checkpoint& checkpoint, const MemoryTensors& described);

}  // namespace ckmerge
