// SPDX-License-Identifier: Apache-2.0
#include "core/adapters/adapter_targets.h"

#include <algorithm>
#include <array>
#include <map>
#include <numeric>
#include <optional>
#include <string_view>
#include <utility>

#include "core/adapters/factors.h"
#include "core/adapters/module_entries.h"
#include "core/adapters/module_weight.h"
#include "core/adapters/names/nearest_module.h"
#include "core/adapters/replaced_rows.h"
#include "core/adapters/replaced_tensors.h"
#include "core/adapters/saved_bases.h"
#include "core/adapters/tied_tensors.h"
#include "io/text/error.h"
#include "io/text/sentence.h"

namespace ckmerge {
namespace {

using std::string;
using std::string_view;
using Entries = std::vector<TargetEntry>;

bool is_head(string_view name) { return name == "lm_head" || name.ends_with(".lm_head") || name.ends_with("_lm_head"); }

ChangedParts parts_of(const Adapter& adapter, const AdapterModule& module) {
  return module.kind->parts ? module.kind->parts(adapter, module) : ChangedParts();
}

class Targets {
 public:
  Targets(const Adapter& adapter, const Checkpoint& checkpoint, TiedModules tied)
      : adapter_(adapter), checkpoint_(checkpoint), tied_(tied), entries_(adapter, checkpoint) {}

  AdapterTargets find() {
    faults_ = unlike_bases(adapter_, checkpoint_, entries_);
    for (string& fault : find_replaced(adapter_, checkpoint_, entries_, found_)) faults_.push_back(std::move(fault));
    for (uint32_t i = 0; i < adapter_.modules.size(); ++i) place(i);
    place_saved_heads();
    follow_ties();
    for (auto& [tensor, adapted] : adapted_) put_in_order(adapted);
    name_nearest();
    throw_faults();
    for (auto& [tensor, adapted] : adapted_) found_.adapted.push_back(std::move(adapted));
    return std::move(found_);
  }

 private:
  void place(uint32_t number) {
    const AdapterModule& module = adapter_.modules[number];
    const Entries entries = entries_.of_module(number);
    if (entries.empty()) {
      if (!is_head(module.name) || !place_tied_head(number)) found_.unmatched.push_back(number);
      return;
    }
    const ChangedParts parts = parts_of(adapter_, module);
    const std::optional<TargetEntry> entry = parts.weight ? place_weight(number, entries) : entries.front();
    if (entry && parts.bias) place_bias(number, *entry);
  }

  string fault_of(uint32_t number, const PlacedWeight& placed) const {
    const AdapterModule& module = adapter_.modules[number];
    return placed.fault.empty() ? module.kind->fault(adapter_, module, placed.weight) : placed.fault;
  }

  void fault(uint32_t number, const auto&... parts) {
    faults_.push_back(sentence(adapter_.modules[number].name, ": ", parts...));
  }

  // Rows of what the adapter has in the tensor's place, where its vocabulary grew; else 0.
  uint64_t grown_rows(TargetEntry entry) const {
    const std::vector<Piece> pieces = entries_.index().table(entry).tensors.pieces(entry.row);
    for (const ReplacedTensor& replaced : found_.replaced) {
      if (pieces.size() != 1 || pieces[0].shard != replaced.tensor || !pieces[0].strides.empty()) continue;
      const AdapterReplacement& whole = adapter_.replacements[replaced.replacement];
      const Tensor grown = adapter_.file.tensors[whole.tensor];
      if (whole.rows.empty() && has_more_rows(checkpoint_.tensors[replaced.tensor], grown)) return grown.shape[0];
    }
    return 0;
  }

  // Of several the one that its factors fit.
  std::optional<TargetEntry> place_weight(uint32_t number, const Entries& entries) {
    std::vector<std::pair<TargetEntry, PlacedWeight>> fitting;
    string why_not;
    for (const TargetEntry entry : entries) {
      PlacedWeight placed = placed_weight(adapter_, number, entries_.index(), entry, false, grown_rows(entry));
      if (const string fault = fault_of(number, placed); fault.empty())
        fitting.emplace_back(entry, std::move(placed));
      else if (why_not.empty())
        why_not = sentence(fault, " (", entries_.shown(entry), ")");
    }
    if (fitting.empty())
      fault(number, why_not);
    else if (fitting.size() > 1)
      fault(number, "may be ", entries_.shown(fitting[0].first), " or ", entries_.shown(fitting[1].first));
    if (fitting.size() != 1) return std::nullopt;
    add(fitting[0].second);
    return fitting[0].first;
  }

  // Factors that are the bias's alone need one; kinds that change whatever bias there is do not.
  void place_bias(uint32_t number, TargetEntry weight) {
    constexpr auto kOfBias = std::to_array<string_view>({"lora_B.bias", "diff_b", "b_norm", "beft_bias"});
    const string bias = string(module_of_tensor(entries_.index().tensor(weight).name)) + ".bias";
    const TargetEntry entry = entries_.index().beside(weight, bias);
    if (entry.row != TargetIndex::npos) return place_whole(number, entry, true);
    for (const string_view factor : kOfBias)
      if (find_factor(adapter_.modules[number], factor))
        fault(number, "has ", factor, " for a bias, and there is none beside ", entries_.shown(weight));
  }

  void place_whole(uint32_t number, TargetEntry entry, bool is_bias) {
    PlacedWeight placed =
        placed_weight(adapter_, number, entries_.index(), entry, is_bias, is_bias ? 0 : grown_rows(entry));
    if (!is_bias) placed.weight.is_embedding = false;  // of a head
    if (const string why = fault_of(number, placed); why.empty())
      add(placed);
    else
      fault(number, why, " (", entries_.shown(entry), ")");
  }

  // Of a model whose head is its embeddings, so that it has no tensor for it.
  std::optional<TargetEntry> tied_embedding() const {
    constexpr auto kEmbeddings =
        std::to_array<string_view>({"embed_tokens", "wte", "word_embeddings", "shared", "embed_in"});
    for (const string_view name : kEmbeddings)
      if (const Entries entries = entries_.called(name); entries.size() == 1) return entries[0];
    return std::nullopt;
  }

  bool place_tied_head(uint32_t number) {
    const std::optional<TargetEntry> entry = tied_embedding();
    if (!entry) return false;
    if (tied_ == TiedModules::sum)
      place_whole(number, *entry, false);
    else
      tell_tied(number, entries_.shown(*entry));
    return true;
  }

  void tell_tied(uint32_t number, string_view embedding) {
    tied_lines_.push_back(sentence(adapter_.modules[number].name, ": the head is one with the embeddings, ", embedding,
                                   ", which would change in both places"));
  }

  // Whole heads, for which such a model has no tensor: one that was saved with the embeddings is as they are.
  void place_saved_heads() {
    const std::optional<TargetEntry> entry = found_.unplaced.empty() ? std::nullopt : tied_embedding();
    if (!entry) return;
    const string embedding = entries_.shown(*entry);
    std::erase_if(found_.unplaced, [&](uint32_t i) {
      const AdapterReplacement& head = adapter_.replacements[i];
      if (!is_head(module_of_tensor(head.name))) return false;
      const auto saved = std::ranges::find_if(found_.replaced, [&](const ReplacedTensor& replaced) {
        return checkpoint_.tensors.name(replaced.tensor) == embedding;
      });
      if (saved != found_.replaced.end() && is_same(adapter_.replacements[saved->replacement], head))
        found_.repeated.push_back(i);
      else
        faults_.push_back(sentence(head.name, ": the head of the model is one with its embeddings, ", embedding,
                                   ", and the adapter's is another; give the model a head of its own first"));
      return true;
    });
  }

  bool is_same(const AdapterReplacement& a, const AdapterReplacement& b) const {
    return a.rows == b.rows && have_same_bytes(adapter_.file, a.tensor, b.tensor);
  }

  // Embeddings and head that both lie in the files of a model which ties them: both get what either gets.
  void follow_ties() {
    const std::optional<TiedTensors> tied = tied_tensors(checkpoint_);
    if (!tied) return;
    AdaptedTensor both;
    for (const uint32_t tensor : {tied->embedding, tied->head})
      if (const auto found = adapted_.find(tensor); found != adapted_.end()) {
        const AdaptedTensor& one = found->second;
        both.places.insert(both.places.end(), one.places.begin(), one.places.end());
        both.weights.insert(both.weights.end(), one.weights.begin(), one.weights.end());
        for (const ModulePlace& place : one.places)
          if (tensor == tied->head && tied_ == TiedModules::refuse)
            tell_tied(place.module, checkpoint_.tensors.name(tied->embedding));
      }
    for (const uint32_t tensor : {tied->embedding, tied->head})
      if (!both.places.empty()) (adapted_[tensor] = both).tensor = tensor;
    expect_replaced_alike(*tied);
  }

  void expect_replaced_alike(const TiedTensors& tied) {
    const auto saved = [&](uint32_t tensor) -> const AdapterReplacement* {
      const auto found = std::ranges::find(found_.replaced, tensor, &ReplacedTensor::tensor);
      return found == found_.replaced.end() ? nullptr : &adapter_.replacements[found->replacement];
    };
    const AdapterReplacement *const embedding = saved(tied.embedding), *const head = saved(tied.head);
    if ((!embedding && !head) || (embedding && head && is_same(*embedding, *head))) return;
    faults_.push_back(sentence((head ? head : embedding)->name, ": the model's config ties embeddings and head, and ",
                               embedding && head ? "the adapter has two for them" : "the adapter replaces one of them",
                               "; set tie_word_embeddings in its config.json to false, since its files have both"));
  }

  void add(const PlacedWeight& placed) {
    for (const PlacedRows& rows : placed.rows) {
      AdaptedTensor& adapted = adapted_[rows.tensor];
      adapted.tensor = rows.tensor;
      adapted.places.push_back(rows.place);
      adapted.weights.push_back(placed.weight);
    }
  }

  // What several modules change is an error, but for a whole matrix that two names mean.
  void put_in_order(AdaptedTensor& adapted) {
    std::vector<size_t> order(adapted.places.size());
    std::iota(order.begin(), order.end(), size_t{0});
    std::ranges::stable_sort(order, {}, [&](size_t i) { return adapted.places[i].first_row; });
    AdaptedTensor sorted{.tensor = adapted.tensor, .places = {}, .weights = {}};
    for (const size_t i : order) {
      const ModulePlace& place = adapted.places[i];
      if (!sorted.places.empty() && sorted.places.back().first_row + sorted.places.back().row_count > place.first_row)
        tell_both(adapted.tensor, sorted.places.back(), place);
      sorted.places.push_back(place);
      sorted.weights.push_back(std::move(adapted.weights[i]));
    }
    adapted = std::move(sorted);
  }

  void tell_both(uint32_t tensor, const ModulePlace& a, const ModulePlace& b) {
    const string &one = adapter_.modules[a.module].name, &other = adapter_.modules[b.module].name;
    const bool is_tied = is_head(one) != is_head(other);
    if (is_tied && tied_ == TiedModules::sum) return;
    // The head was told of already.
    if (!is_tied) faults_.push_back(sentence(one, " and ", other, " both change ", checkpoint_.tensors.name(tensor)));
  }

  // Of the first few: who has more of them has another model.
  void name_nearest() {
    constexpr size_t kNamed = 20;
    for (size_t i = 0; i < found_.unmatched.size(); ++i) {
      const string module = without_base_layer(adapter_.modules[found_.unmatched[i]].name);
      found_.nearest.push_back(i < kNamed ? nearest_module(module, checkpoint_.tensors) : "");
    }
  }

  void throw_faults() {
    const string& path = adapter_.file.path;
    if (faults_.empty() && !tied_lines_.empty())
      throw Error(ErrorCode::mismatch, path,
                  sentence(path, ": ", tied_lines_[0],
                           "; embeddings and head are tied in this model, and one matrix gets both changes: --tied sum "
                           "does so, as PEFT does when it merges"));
    faults_.insert(faults_.end(), tied_lines_.begin(), tied_lines_.end());
    if (faults_.empty()) return;
    const size_t count = faults_.size();
    const string what =
        count == 1 ? faults_[0] : sentence(count, " of its modules do not fit ", checkpoint_.path, ": ", faults_[0]);
    throw Error(ErrorCode::mismatch, path,
                sentence(path, ": ", what, "; take the model that the adapter was trained on"),
                count == 1 ? std::vector<string>() : std::move(faults_));
  }

  const Adapter& adapter_;
  const Checkpoint& checkpoint_;
  TiedModules tied_;
  ModuleEntries entries_;
  std::map<uint32_t, AdaptedTensor> adapted_;  // by tensor
  std::vector<string> faults_, tied_lines_;
  AdapterTargets found_;
};

}  // namespace

AdapterTargets adapter_targets(const Adapter& adapter, const Checkpoint& checkpoint, TiedModules tied) {
  return Targets(adapter, checkpoint, tied).find();
}

}  // namespace ckmerge
