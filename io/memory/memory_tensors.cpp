// SPDX-License-Identifier: Apache-2.0
#include "io/memory/memory_tensors.h"

#include <algorithm>
#include <memory>
#include <optional>
#include <unordered_map>
#include <utility>
#include <vector>

#include "io/text/error.h"
#include "io/text/sentence.h"
#include "io/text/utf8.h"

namespace ckmerge {
namespace {

// Of names in sentences.
constexpr size_t kMaxQuotedSize = 200;

std::string shown(std::string_view text) { return sentence("'", valid_utf8(text.substr(0, kMaxQuotedSize)), "'"); }

const DtypeInfo* dtype_spelled(std::string_view spelling) {
  const auto found = std::ranges::find_if(kDtypes, [&](const DtypeInfo& row) { return spelling == row.name; });
  return found == std::end(kDtypes) ? nullptr : &*found;
}

bool lies_in_order(const MemoryTensor& tensor) {
  uint64_t expected = 1;
  for (size_t i = tensor.strides.size(); i-- > 0;) {
    if (tensor.shape[i] != 1 && tensor.strides[i] != expected) return false;
    expected *= tensor.shape[i];
  }
  return true;
}

// Bytes from the first element to behind the last; none where 64 bits cannot count them. REQUIRES: it has elements.
std::optional<uint64_t> reach(const MemoryTensor& tensor, uint64_t item) {
  uint64_t last = 0;
  for (size_t i = 0; i < tensor.strides.size(); ++i) {
    uint64_t steps = 0;
    if (__builtin_mul_overflow(tensor.shape[i] - 1, tensor.strides[i], &steps)) return std::nullopt;
    if (__builtin_add_overflow(last, steps, &last)) return std::nullopt;
  }
  if (__builtin_add_overflow(last, uint64_t{1}, &last) || __builtin_mul_overflow(last, item, &last))
    return std::nullopt;
  return last;
}

// Tensors whose bytes are asked for, one behind another in offsets of their own.
struct Asked {
  std::string owner;
  ReadTensor read;
  std::vector<uint64_t> begins;
  std::vector<std::pair<size_t, std::string>> tensors;  // number and name of each

  // Bytes of several where they are joined.
  void operator()(uint64_t offset, std::span<std::byte> out) const {
    while (!out.empty()) {
      const auto behind = std::ranges::upper_bound(begins, offset);
      const auto k = static_cast<size_t>(behind - begins.begin()) - 1;
      const uint64_t end = behind == begins.end() ? offset + out.size() : std::min(*behind, offset + out.size());
      ask(tensors[k], offset - begins[k], out.first(end - offset));
      out = out.subspan(end - offset);
      offset = end;
    }
  }

  void ask(const std::pair<size_t, std::string>& tensor, uint64_t offset, std::span<std::byte> out) const {
    if (const int fault = read(tensor.first, offset, out); fault != 0)
      throw Error(ErrorCode::io, owner,
                  sentence(owner, ": tensor ", shown(tensor.second), " cannot be read: its owner answered ", fault));
  }
};

class Filler {
 public:
  Filler(Checkpoint& checkpoint, const MemoryTensors& described)
      : checkpoint_(checkpoint), described_(described), asked_(std::make_shared<Asked>()) {
    asked_->owner = described.name;
    asked_->read = described.read;
  }

  void fill() {
    for (size_t i = 0; i < described_.tensors.size(); ++i) take(i);
    refuse_faults();
    const std::vector<size_t> repeated = checkpoint_.tensors.sort_by_name();
    for (const size_t row : repeated) fault(checkpoint_.tensors.name(row), "the name is there twice");
    fill_metadata();
    refuse_faults();
    checkpoint_.shards.emplace_back(MemoryBytes{.size = size_}, described_.name);
    if (asked_->begins.empty()) return;
    const auto read = [asked = asked_](uint64_t offset, std::span<std::byte> out) { (*asked)(offset, out); };
    checkpoint_.shards.emplace_back(MemoryBytes{.size = asked_size_, .read = read}, described_.name);
  }

 private:
  template <typename... Parts>
  void fault(std::string_view name, const Parts&... parts) {
    if (faults_.empty()) where_ = valid_utf8(name.substr(0, kMaxQuotedSize));
    faults_.push_back(sentence("tensor ", shown(name), ": ", parts...));
  }

  void refuse_faults() {
    if (faults_.empty()) return;
    const size_t others = faults_.size() - 1;
    if (others == 0) throw Error(ErrorCode::usage, where_, faults_[0]);
    throw Error(ErrorCode::usage, where_, sentence(faults_[0], ", and ", counted(others, "more fault")), faults_);
  }

  void take(size_t number) {
    const MemoryTensor& tensor = described_.tensors[number];
    if (tensor.name.size() > UINT32_MAX || !is_utf8(tensor.name)) return fault(tensor.name, "the name is not UTF-8");
    const DtypeInfo* const row = dtype_spelled(tensor.dtype);
    if (!row) return fault(tensor.name, "unknown dtype ", shown(tensor.dtype));
    if (!tensor.strides.empty() && tensor.strides.size() != tensor.shape.size())
      return fault(tensor.name, "it has ", tensor.shape.size(), " dimensions and ", tensor.strides.size(), " strides");
    uint64_t count = 1, bits = 0;
    bool overflows = false;
    for (const uint64_t dimension : tensor.shape)
      overflows = overflows || __builtin_mul_overflow(count, dimension, &count);
    if (overflows || __builtin_mul_overflow(count, uint64_t{row->bits}, &bits))
      return fault(tensor.name, "it has more elements or bits than 64 bits can count");
    if (bits % 8 != 0) return fault(tensor.name, "it has ", bits, " bits, expected whole bytes");
    add(number, *row,
        {.name = tensor.name, .dtype = row->dtype, .shape = tensor.shape, .size = bits / 8, .count = count});
  }

  // `checked` has what take() has checked.
  void add(size_t number, const DtypeInfo& row, const Tensor& checked) {
    const MemoryTensor& tensor = described_.tensors[number];
    if (checked.count > 0 && !tensor.data) return ask(number, checked);
    const bool in_order = checked.count == 0 || lies_in_order(tensor);
    if (!in_order && row.bits % 8 != 0) return fault(tensor.name, "its elements, less than a byte, lie out of order");
    const auto address = reinterpret_cast<uintptr_t>(tensor.data);
    const std::optional<uint64_t> size = in_order ? checked.size : reach(tensor, row.bits / 8);
    if (uint64_t end = 0; !size || __builtin_add_overflow(address, *size, &end))
      return fault(tensor.name, "it reaches beyond the last address");
    if (__builtin_add_overflow(size_, checked.size, &size_)) size_ = UINT64_MAX;  // expanded ones have any number
    if (in_order)
      checkpoint_.tensors.add(tensor.name, checked.dtype, checked.shape, 0, address, checked.size, checked.count);
    else
      checkpoint_.tensors.add_view(tensor.name, checked.dtype, checked.shape, tensor.strides, 0, address, checked.size,
                                   checked.count);
  }

  void ask(size_t number, const Tensor& checked) {
    const MemoryTensor& tensor = described_.tensors[number];
    if (!described_.read) return fault(tensor.name, "it has neither an address nor somebody to ask for its bytes");
    std::optional<uint64_t> begin = begin_of_same(tensor);
    if (!begin) {
      begin = asked_size_;
      if (__builtin_add_overflow(asked_size_, checked.size, &asked_size_))
        return fault(tensor.name, "it and others have more bytes than 64 bits can count");
      asked_->begins.push_back(*begin);
      asked_->tensors.emplace_back(number, tensor.name);
      if (tensor.same != 0) tied_.emplace(tensor.same, Tied{number, *begin});
    }
    checkpoint_.tensors.add(tensor.name, checked.dtype, checked.shape, 1, *begin, checked.size, checked.count);
  }

  // Where the bytes of an earlier one begin that this one is.
  std::optional<uint64_t> begin_of_same(const MemoryTensor& tensor) const {
    if (tensor.same == 0) return std::nullopt;
    const auto [first, last] = tied_.equal_range(tensor.same);
    for (auto found = first; found != last; ++found) {
      const MemoryTensor& other = described_.tensors[found->second.number];
      if (other.dtype == tensor.dtype && std::ranges::equal(other.shape, tensor.shape)) return found->second.begin;
    }
    return std::nullopt;
  }

  void fill_metadata() {
    if (!described_.metadata) return;
    for (const auto& [key, value] : *described_.metadata)
      if (!is_utf8(key) || !is_utf8(value)) faults_.push_back(sentence("metadata: ", shown(key), " is not UTF-8"));
    checkpoint_.metadata = *described_.metadata;
    keep_last_of_equal_keys(checkpoint_.metadata);
    checkpoint_.has_metadata = true;
  }

  Checkpoint& checkpoint_;
  const MemoryTensors& described_;
  std::shared_ptr<Asked> asked_;
  uint64_t size_ = 0, asked_size_ = 0;
  struct Tied {
    size_t number;
    uint64_t begin;
  };
  std::unordered_multimap<uint64_t, Tied> tied_;  // what is asked for, by MemoryTensor::same
  std::string where_;
  std::vector<std::string> faults_;
};

}  // namespace

bool begins_no_file(std::span<const std::byte> /*first_bytes*/) { return false; }

void open_no_file(Checkpoint& /*checkpoint*/, const OpenOptions& /*options*/) {
  throw Error(ErrorCode::usage, "", "no file is of the form that tensors in memory have");
}

void read_memory(Checkpoint& checkpoint, const MemoryTensors& described) { Filler(checkpoint, described).fill(); }

}  // namespace ckmerge
