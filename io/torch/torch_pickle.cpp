// SPDX-License-Identifier: Apache-2.0
// Protocol 2. Nothing is memoized but what is said again for every tensor, which keeps a pickle of 10^6 tensors small.
#include "io/torch/torch_pickle.h"

#include <algorithm>
#include <array>
#include <numeric>
#include <string_view>

#include "io/pickle/torch_limits.h"
#include "io/text/error.h"
#include "io/text/sentence.h"

namespace ckmerge {
namespace {

using namespace std::string_view_literals;

struct Storage {
  Dtype dtype;
  const char* name;
  bool known_to_a1111;  // modules/safe.py, from its first version on
};

constexpr Storage kStorages[] = {
    {Dtype::BOOL, "BoolStorage", false}, {Dtype::U8, "ByteStorage", true},   {Dtype::I8, "CharStorage", false},
    {Dtype::I16, "ShortStorage", false}, {Dtype::F16, "HalfStorage", true},  {Dtype::BF16, "BFloat16Storage", false},
    {Dtype::I32, "IntStorage", true},    {Dtype::F32, "FloatStorage", true}, {Dtype::C64, "ComplexFloatStorage", false},
    {Dtype::F64, "DoubleStorage", true}, {Dtype::I64, "LongStorage", true},
};

const Storage* storage_of(Dtype dtype) {
  const auto found = std::ranges::find(kStorages, dtype, &Storage::dtype);
  return found == std::end(kStorages) ? nullptr : &*found;
}

// What is memoized, by number; storage classes follow, by dtype.
enum Memo : uint8_t { kRebuild, kOrderedDict, kStorageWord, kDevice, kFirstStorage };

// Items that CPython sets at once; its stack, and those of others, need not hold a million.
constexpr size_t kBatch = 1000;

class Writer {
 public:
  explicit Writer(size_t expected_size) { out_.reserve(expected_size); }

  void op(char opcode) { out_ += opcode; }

  void text(std::string_view text) {
    if (text.size() > UINT32_MAX)
      throw Error(ErrorCode::resources, "", "a text of more than 4 GiB has no place in a .ckpt; write a .safetensors");
    op('X');
    little_endian(text.size(), 4);
    out_ += text;
  }

  void number(uint64_t value) {
    if (value <= UINT8_MAX) return op('K'), little_endian(value, 1);
    if (value <= UINT16_MAX) return op('M'), little_endian(value, 2);
    if (value <= INT32_MAX) return op('J'), little_endian(value, 4);
    op('\x8a');  // signed, and no longer than it must be
    int size = 4;
    while (size < 9 && (size < 8 ? value >> (8 * size - 1) : value >> 63) != 0) ++size;
    out_ += static_cast<char>(size);
    little_endian(value, std::min(size, 8));
    if (size == 9) out_ += '\0';
  }

  void numbers(std::span<const uint64_t> values) {
    constexpr std::string_view kTuples = ")\x85\x86\x87";  // of none, one, two, three
    if (values.size() > 3) op('(');
    for (const uint64_t value : values) number(value);
    op(values.size() > 3 ? 't' : kTuples[values.size()]);
  }

  // `write` the first time, a reference to it afterwards.
  void once(uint8_t memo, const auto& write) {
    if (known_[memo]) return op('h'), little_endian(memo, 1);
    known_[memo] = true;
    write();
    op('q');
    little_endian(memo, 1);
  }

  void global(uint8_t memo, std::string_view module, std::string_view name) {
    once(memo, [&] { (((out_ += 'c') += module) += '\n').append(name) += '\n'; });
  }

  void ordered_dict() {
    global(kOrderedDict, "collections", "OrderedDict");
    out_ += ")R";
  }

  std::string take() { return std::move(out_); }

 private:
  void little_endian(uint64_t value, int bytes) {
    for (int i = 0; i < bytes; ++i) out_ += static_cast<char>(value >> 8 * i & 0xff);
  }

  std::string out_;
  std::array<bool, 256> known_ = {};
};

// As torch counts them: a dimension of 0 counts as one of 1.
std::vector<uint64_t> strides_of(Shape shape) {
  std::vector<uint64_t> strides(shape.size());
  uint64_t stride = 1;
  for (size_t i = shape.size(); i-- > 0;) {
    strides[i] = stride;
    stride *= std::max<uint64_t>(shape[i], 1);
  }
  return strides;
}

uint64_t count_of(Shape shape) {
  return std::accumulate(shape.begin(), shape.end(), uint64_t{1}, std::multiplies<uint64_t>());
}

// ("storage", torch.FloatStorage, "7", "cpu", 320): what a persistent id says of data/7.
void write_storage(Writer& out, const OutputTensor& tensor, uint64_t key) {
  out.op('(');
  out.once(kStorageWord, [&] { out.text("storage"); });
  const auto memo = static_cast<uint8_t>(kFirstStorage + static_cast<uint8_t>(tensor.dtype));
  out.global(memo, "torch", torch_storage(tensor.dtype));
  out.text(std::to_string(key));
  out.once(kDevice, [&] { out.text("cpu"); });
  out.number(count_of(tensor.shape));
  out.op('t');
  out.op('Q');
}

// _rebuild_tensor_v2(storage, offset, size, stride, requires_grad, hooks)
void write_tensor(Writer& out, const OutputTensor& tensor, uint64_t key) {
  out.text(tensor.name);
  out.global(kRebuild, "torch._utils", "_rebuild_tensor_v2");
  out.op('(');
  write_storage(out, tensor, key);
  out.number(0);
  out.numbers(tensor.shape);
  out.numbers(strides_of(tensor.shape));
  out.op('\x89');
  out.ordered_dict();
  out.op('t');
  out.op('R');
}

// The state of an OrderedDict is its attributes; torch itself keeps versions of modules there, as `_metadata`.
void write_attribute(Writer& out, const Metadata& metadata) {
  out.op('}');
  out.text("__metadata__");
  out.op('}');
  out.op('(');
  for (const auto* entry : entries_by_key(metadata)) {
    out.text(entry->first);
    out.text(entry->second);
  }
  out.op('u');
  out.op('s');
  out.op('b');
}

size_t expected_size(std::span<const OutputTensor> tensors) {
  size_t size = 4096;
  for (const OutputTensor& tensor : tensors) size += tensor.name.size() + 72 + 10 * tensor.shape.size();
  return size;
}

// What a reader makes of it, counted from above.
void check_limits(std::span<const OutputTensor> tensors, uint64_t size) {
  uint64_t values = 0, items = 0;
  for (const OutputTensor& tensor : tensors) {
    values += 12 + 2 * tensor.shape.size();
    items += 13 + 2 * tensor.shape.size();
  }
  constexpr uint64_t kOther = 1000;  // the dict itself, and what is said once
  if (size <= kLargestPickle && values + kOther <= kMostPickleValues && items + kOther <= kMostPickleItems &&
      tensors.size() + kOther <= kMostZipEntries)
    return;
  throw Error(ErrorCode::resources, "",
              sentence("the output's ", tensors.size(), " tensors would take a pickle of ", size,
                       " bytes, more than ckmerge reads again of a .ckpt (docs/pickles.md, Limits); write a "
                       ".safetensors, or leave out tensors (--discard)"));
}

}  // namespace

const char* torch_storage(Dtype dtype) {
  const Storage* const storage = storage_of(dtype);
  return storage ? storage->name : nullptr;
}

bool is_known_to_a1111(Dtype dtype) {
  const Storage* const storage = storage_of(dtype);
  return storage && storage->known_to_a1111;
}

std::string torch_pickle(std::span<const OutputTensor> tensors, std::span<const uint32_t> order,
                         std::span<const uint32_t> storages, const Metadata* metadata, std::string_view wrap) {
  Writer out(expected_size(tensors));
  out.op('\x80');
  out.op('\x02');
  if (!wrap.empty()) out.op('}'), out.text(wrap);
  out.ordered_dict();
  for (size_t begin = 0; begin < order.size(); begin += kBatch) {
    out.op('(');
    for (size_t k = begin; k < std::min(begin + kBatch, order.size()); ++k)
      write_tensor(out, tensors[order[k]], storages[order[k]]);
    out.op('u');
  }
  if (metadata && !metadata->empty()) write_attribute(out, *metadata);
  if (!wrap.empty()) out.op('s');
  out.op('.');
  std::string pickle = out.take();
  check_limits(tensors, pickle.size());
  return pickle;
}

}  // namespace ckmerge
