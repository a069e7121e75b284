// SPDX-License-Identifier: Apache-2.0
#include "core/adapters/whole_tensors.h"

#include <algorithm>
#include <utility>

#include "core/adapters/replaced_rows.h"
#include "io/text/sentence.h"

namespace ckmerge {
namespace {

bool is_vocabulary(std::string_view name) {
  return name.ends_with("lm_head.weight") || name.ends_with("embed_tokens.weight");
}

class Taking {
 public:
  Taking(const std::shared_ptr<const Adapter>& adapter, const std::shared_ptr<const Checkpoint>& first)
      : adapter_(adapter), first_(first) {
    taken_.whole.path = adapter->file.path;
    for (const InputFile& shard : adapter->file.own_shards()) taken_.whole.shards.push_back(shard);
  }

  WholeTensors take(const AdapterTargets& targets, const StrengthOf& strength) {
    for (const ReplacedTensor& replaced : targets.replaced) {
      const AdapterReplacement& replacement = adapter_->replacements[replaced.replacement];
      const AdapterModule module{.name = replacement.name, .kind = nullptr, .factors = {}, .scale = 1, .numbers = {}};
      if (strength(first_->tensors.name(replaced.tensor), module) != 0) take(replaced.tensor, replacement);
    }
    taken_.whole.tensors.sort_by_name();
    if (taken_.rows != 0) expect_rows_alike();
    if (!rows_.empty()) {
      const std::shared_ptr<const Checkpoint> file(adapter_, &adapter_->file);
      taken_.whole.shards.push_back(replaced_rows(first_, file, std::move(rows_), taken_.whole.path));
    }
    return std::move(taken_);
  }

 private:
  // Whole tensors are those of the file; of rows the others are the first checkpoint's.
  void take(uint32_t tensor, const AdapterReplacement& replacement) {
    const Tensor own = first_->tensors[tensor], other = adapter_->file.tensors[replacement.tensor];
    if (const std::string fault = replacement_fault(own, other, replacement.rows); !fault.empty())
      return taken_.faults.push_back(sentence(own.name, ": ", fault));
    TensorTable& tensors = taken_.whole.tensors;
    if (replacement.rows.empty()) {
      if (has_more_rows(own, other)) note_grown(own, other);
      return tensors.add_again(own.name, adapter_->file.tensors, replacement.tensor);
    }
    const Dtype dtype = replaced_dtype(own, other);
    const uint64_t size = own.count * element_size(dtype);
    tensors.add(own.name, dtype, own.shape, static_cast<uint32_t>(taken_.whole.shards.size()), size_, size, own.count);
    size_ += size;
    rows_.push_back({.tensor = tensor, .rows_of = replacement.tensor, .rows = replacement.rows});
  }

  void note_grown(const Tensor& own, const Tensor& other) {
    if (taken_.rows != 0 && taken_.rows != other.shape[0])
      taken_.faults.push_back(sentence(own.name, ": has ", counted(other.shape[0], "row"),
                                       " in the adapter, and another of its ", "vocabularies ", taken_.rows,
                                       "; embeddings and head must have the same"));
    rows_before_ = own.shape[0];
    taken_.rows = other.shape[0];
  }

  // Embeddings and head must have the same rows.
  void expect_rows_alike() {
    for (size_t i = 0; i < first_->tensors.size(); ++i) {
      const Tensor tensor = first_->tensors[i];
      if (!is_vocabulary(tensor.name) || tensor.shape.size() != 2 || tensor.shape[0] != rows_before_) continue;
      const size_t row = taken_.whole.tensors.find(tensor.name);
      if (row == TensorTable::npos || taken_.whole.tensors[row].shape[0] == rows_before_)
        taken_.faults.push_back(sentence(tensor.name, ": has ", counted(rows_before_, "row"),
                                         ", and the adapter's embeddings ", taken_.rows,
                                         "; it lacks those of this tensor"));
    }
  }

  const std::shared_ptr<const Adapter>& adapter_;
  const std::shared_ptr<const Checkpoint>& first_;
  WholeTensors taken_;
  std::vector<RowReplacement> rows_;
  uint64_t size_ = 0;         // bytes of all tensors that rows_ are of
  uint64_t rows_before_ = 0;  // of vocabularies that grow
};

}  // namespace

WholeTensors whole_tensors(const std::shared_ptr<const Adapter>& adapter, const AdapterTargets& targets,
                           const std::shared_ptr<const Checkpoint>& first, const StrengthOf& strength) {
  return Taking(adapter, first).take(targets, strength);
}

Checkpoint with_whole(const Checkpoint& first, const Checkpoint& whole) {
  Checkpoint out = first;
  const auto behind = static_cast<uint32_t>(first.shards.size());
  for (const InputFile& shard : whole.shards) out.shards.push_back(shard);
  out.borrowed += static_cast<uint32_t>(whole.shards.size());
  out.tensors = {};
  for (size_t i = 0; i < first.tensors.size(); ++i) {
    const size_t row = whole.tensors.find(first.tensors.name(i));
    if (row != TensorTable::npos)
      out.tensors.add_again(first.tensors.name(i), whole.tensors, row, behind);
    else
      out.tensors.add_again(first.tensors.name(i), first.tensors, i);
  }
  out.tensors.sort_by_name();
  return out;
}

}  // namespace ckmerge
