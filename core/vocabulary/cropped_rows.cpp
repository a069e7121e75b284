// SPDX-License-Identifier: Apache-2.0
#include "core/vocabulary/cropped_rows.h"

#include <algorithm>
#include <map>
#include <numeric>
#include <span>

#include "core/vocabulary/gathered_rows.h"
#include "core/vocabulary/vocabulary_tensors.h"
#include "io/checkpoint.h"
#include "io/text/error.h"
#include "io/text/sentence.h"

namespace ckmerge {
namespace {

uint64_t rows_of(const Checkpoint& checkpoint) {
  const std::vector<size_t> tensors = vocabulary_tensors(checkpoint);
  return tensors.empty() ? 0 : vocabulary_rows(checkpoint.tensors[tensors[0]]);
}

// How many rows are paired, by the names of tensors: of the embedding that tells, and what has as many rows, at once,
// since they are one vocabulary; of others that differ each by itself.
class PairedRows {
 public:
  explicit PairedRows(std::span<const Checkpoint> checkpoints) : checkpoints_(checkpoints) {
    uint64_t least = UINT64_MAX, most = 0;
    for (const Checkpoint& checkpoint : checkpoints) {
      const uint64_t rows = rows_of(checkpoint);
      least = std::min(least, rows);
      most = std::max(most, rows);
    }
    const bool differ = least < most && least > 0;
    if (differ) main_ = least;
    for (const Checkpoint& checkpoint : checkpoints) {
      if (differ)
        for (const size_t index : vocabulary_tensors(checkpoint)) add(checkpoint.tensors.name(index), least);
      for (size_t i = 0; i < checkpoint.tensors.size(); ++i)
        if (vocabulary_axis(checkpoint.tensors[i])) pair(checkpoint.tensors[i]);
    }
  }

  /// Rows of the vocabulary that is told, where checkpoints differ in it.
  std::optional<uint64_t> main() const { return main_; }
  const std::map<std::string, uint64_t, std::less<>>& by_name() const { return rows_; }

 private:
  void add(std::string_view name, uint64_t rows) {
    const auto place = rows_.emplace(name, rows).first;
    place->second = std::min(place->second, rows);
  }

  void pair(const Tensor& tensor) {
    for (const Checkpoint& other : checkpoints_) {
      const size_t index = other.tensors.find(tensor.name);
      if (index == TensorTable::npos || !differ_in_rows_alone(tensor, other.tensors[index])) continue;
      add(tensor.name, std::min(vocabulary_rows(tensor), vocabulary_rows(other.tensors[index])));
    }
  }

  std::span<const Checkpoint> checkpoints_;
  std::optional<uint64_t> main_;
  std::map<std::string, uint64_t, std::less<>> rows_;
};

// Of each tensor in `paired` no more than its rows there.
void crop(Checkpoint& checkpoint, const PairedRows& paired) {
  std::vector<size_t> longer;
  for (const auto& [name, rows] : paired.by_name()) {
    const size_t index = checkpoint.tensors.find(name);
    if (index != TensorTable::npos && vocabulary_axis(checkpoint.tensors[index]) &&
        vocabulary_rows(checkpoint.tensors[index]) > rows)
      longer.push_back(index);
  }
  const auto source = part_of(checkpoint, longer);
  std::vector<GatheredTensor> cropped;
  for (const size_t index : longer) {
    const Tensor tensor = checkpoint.tensors[index];
    GatheredRows rows;
    rows.own.resize(paired.by_name().find(tensor.name)->second);
    std::iota(rows.own.begin(), rows.own.end(), uint32_t{0});
    cropped.push_back(gather_rows(checkpoint, source, tensor.name, *vocabulary_axis(tensor), std::move(rows)));
  }
  put_tensors(checkpoint, cropped);
}

std::string sentence_of(const Recipe& recipe, std::span<const std::string> sizes, const std::vector<uint64_t>& rows,
                        uint64_t paired) {
  std::string text = "the vocabularies differ (";
  for (size_t k = 0; k < sizes.size(); ++k) text += (k ? "; " : "") + sizes[k];
  if (recipe.vocab == VocabPolicy::crop) return sentence(text, "): the result has the first ", counted(paired, "row"));
  return rows[0] > paired
             ? sentence(text, "): the first ", counted(paired, "row"), " are merged, those behind are A's alone")
             : sentence(text, "): rows that A lacks are left out");
}

}  // namespace

std::vector<std::string> crop_rows(const Recipe& recipe, std::vector<Checkpoint>& checkpoints,
                                   VocabularyChanges& changes) {
  if (recipe.vocab == VocabPolicy::error) return {};
  const std::span<Checkpoint> merged = std::span(checkpoints).first(given_inputs(recipe, checkpoints.size()));
  const PairedRows paired(merged);
  if (paired.by_name().empty()) return {};
  std::vector<std::string> sizes;
  std::vector<uint64_t> rows;
  for (const Checkpoint& checkpoint : merged) {
    rows.push_back(rows_of(checkpoint));
    sizes.push_back(sentence(checkpoint.path, " ", rows.back()));
  }
  for (size_t k = recipe.vocab == VocabPolicy::base ? 1 : 0; k < merged.size(); ++k) crop(merged[k], paired);
  share_names(merged);
  if (!paired.main())
    return {sentence("rows of ", paired.by_name().begin()->first, " that not all checkpoints have are ",
                     recipe.vocab == VocabPolicy::crop ? "left out" : "A's alone")};
  if (recipe.vocab == VocabPolicy::crop && *paired.main() < rows[0]) changes.rows = *paired.main();
  return {sentence_of(recipe, sizes, rows, *paired.main())};
}

}  // namespace ckmerge
