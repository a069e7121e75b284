// SPDX-License-Identifier: Apache-2.0
#include "core/vocabulary/united_vocabulary.h"

#include <algorithm>
#include <map>
#include <memory>
#include <set>
#include <span>
#include <utility>

#include "core/vocabulary/gathered_rows.h"
#include "core/vocabulary/made_rows.h"
#include "core/vocabulary/model_vocabulary.h"
#include "core/vocabulary/token_rows.h"
#include "core/vocabulary/vocabulary_tensors.h"
#include "io/checkpoint.h"
#include "io/text/error.h"
#include "io/text/sentence.h"

namespace ckmerge {
namespace {

class UnitedRows {
 public:
  UnitedRows(const VocabularyRequest& request, std::span<Checkpoint> models, const ModelVocabularies& known)
      : request_(request), models_(models), known_(known) {
    for (const Checkpoint& model : models) {
      const std::vector<size_t> tensors = vocabulary_tensors(model);
      if (tensors.empty())
        throw Error(ErrorCode::mismatch, model.path,
                    sentence(model.path,
                             ": has no embedding that is known, and so no rows of tokens; leave the "
                             "tokenizer out of the request"));
      for (const size_t index : tensors) names_.emplace(model.tensors.name(index));
      parts_.push_back(part_of(model, tensors));
    }
  }

  /// Returns the rows of the result.
  uint64_t put() {
    std::vector<std::vector<GatheredTensor>> put(models_.size());
    uint64_t rows = 0;
    for (const std::string& name : names_) {
      const auto tensors = std::make_shared<const std::vector<ModelRows>>(model_rows(name));
      const auto placed = placed_rows(name, *tensors);
      rows = placed->others.size();
      for (size_t k = 0; k < models_.size(); ++k)
        if (tensors->at(k).part && !is_same(*placed, k, tensors->at(k)))
          put[k].push_back(gather_rows(models_[k], parts_[k], name, axis(tensors->at(k)),
                                       {.own = placed->own[k], .other = made_rows(placed, tensors, k)}));
    }
    for (size_t k = 0; k < models_.size(); ++k) put_tensors(models_[k], put[k]);
    share_names(models_);
    return rows;
  }

  size_t most(size_t TokenRows::*count) const {
    size_t most = 0;
    for (const auto& [rows, placed] : placed_) most = std::max(most, (*placed).*count);
    return most;
  }

 private:
  static size_t axis(const ModelRows& model) { return *vocabulary_axis(model.part->tensors[model.index]); }

  std::vector<ModelRows> model_rows(const std::string& name) const {
    std::vector<ModelRows> out(models_.size());
    const Checkpoint* first = nullptr;
    uint64_t row_count = 0;
    for (size_t k = 0; k < models_.size(); ++k) {
      const size_t index = parts_[k]->tensors.find(name);
      if (index == TensorTable::npos) continue;
      const Tensor tensor = parts_[k]->tensors[index];
      const uint64_t rows = vocabulary_rows(tensor);
      out[k] = {
          .part = parts_[k], .index = index, .row_count = rows == 0 ? 0 : tensor.count / rows, .dtype = tensor.dtype};
      if (!is_real(tensor.dtype))
        throw Error(ErrorCode::mismatch, name,
                    sentence(name, ": is ", info(tensor.dtype).name, " in ", models_[k].path,
                             ", which has no arithmetic: its rows cannot be joined; give the model in floats"));
      if (first && row_count != out[k].row_count)
        throw Error(ErrorCode::mismatch, name,
                    sentence(name, ": has rows of ", row_count, " elements in ", first->path, ", of ", out[k].row_count,
                             " in ", models_[k].path, "; merge models of one size"));
      first = &models_[k];
      row_count = out[k].row_count;
    }
    return out;
  }

  // Those of one size have them in common: an embedding and its head.
  std::shared_ptr<const TokenRows> placed_rows(const std::string& name, const std::vector<ModelRows>& tensors) {
    std::vector<uint64_t> rows;
    rows.reserve(tensors.size());
    for (const ModelRows& model : tensors)
      rows.push_back(model.part ? vocabulary_rows(model.part->tensors[model.index]) : 0);
    std::shared_ptr<const TokenRows>& placed = placed_[rows];
    if (placed) return placed;
    std::vector<std::string> paths;
    for (const Checkpoint& model : models_) paths.push_back(model.path);
    const KnownTokens known{.texts = known_.texts, .models = known_.models, .paths = paths, .result = known_.result};
    try {
      placed = std::make_shared<const TokenRows>(place_rows(request_, known, rows));
    } catch (const Error& error) {
      throw Error(error.code(), error.where(), sentence(name, ": ", error.what()));
    }
    return placed;
  }

  static bool is_same(const TokenRows& placed, size_t k, const ModelRows& model) {
    const std::vector<uint32_t>& own = placed.own[k];
    if (own.size() != vocabulary_rows(model.part->tensors[model.index])) return false;
    for (size_t row = 0; row < own.size(); ++row)
      if (own[row] != row) return false;
    return true;
  }

  const VocabularyRequest& request_;
  std::span<Checkpoint> models_;
  const ModelVocabularies& known_;
  std::vector<std::shared_ptr<const Checkpoint>> parts_;
  std::set<std::string> names_;
  std::map<std::vector<uint64_t>, std::shared_ptr<const TokenRows>> placed_;
};

void note_rows(std::span<Checkpoint> models, const ModelVocabularies& known, uint64_t rows) {
  for (size_t k = 0; k < models.size(); ++k) {
    size_t own = 0;
    for (uint32_t number = 0; number < known.texts.size(); ++number)
      own += known.result.id_of(number) != ModelTokens::kNoId && known.models[k].id_of(number) != ModelTokens::kNoId;
    models[k].notes.push_back(
        sentence("its rows are put in the order of the result's ", rows, ", of whose tokens it knows ", own));
  }
}

}  // namespace

std::vector<std::string> unite_vocabularies(const Recipe& recipe, std::vector<Checkpoint>& checkpoints,
                                            VocabularyChanges& changes) {
  const std::span<Checkpoint> models = std::span(checkpoints).first(given_inputs(recipe, checkpoints.size()));
  ModelVocabularies known = vocabularies_of(*recipe.vocabulary, models, changes);
  UnitedRows united(*recipe.vocabulary, models, known);
  const uint64_t rows = united.put();
  changes.rows = rows;
  note_rows(models, known, rows);
  if (const size_t unused = united.most(&TokenRows::unused); unused > 0)
    known.warnings.push_back(sentence(counted(unused, "row"), " of the result ", unused == 1 ? "belongs" : "belong",
                                      " to no token, since ids of its tokenizer have gaps: zeros"));
  if (const size_t unknown = united.most(&TokenRows::unknown); unknown > 0)
    known.warnings.push_back(sentence(counted(unknown, "token"), " of the result ", unknown == 1 ? "is" : "are",
                                      " in no model that is merged: ", unknown == 1 ? "its row is" : "their rows are",
                                      " zeros"));
  return std::move(known.warnings);
}

}  // namespace ckmerge
