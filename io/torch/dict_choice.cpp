// SPDX-License-Identifier: Apache-2.0
#include "io/torch/dict_choice.h"

#include <algorithm>
#include <optional>
#include <unordered_map>

#include "io/text/error.h"
#include "io/text/sentence.h"
#include "io/text/utf8.h"
#include "io/torch/average_dicts.h"
#include "io/torch/dict_notes.h"
#include "io/torch/tensor_dicts.h"
#include "io/torch/torch_tensor.h"

namespace ckmerge {
namespace {

using NamesIn = std::unordered_map<std::string_view, size_t>;  // which of the dicts has each name

class Chooser {
 public:
  Chooser(const PickleValues& values, PickleRef top, const OpenOptions& options, Checkpoint& checkpoint)
      : values_(values), top_(top), options_(options), checkpoint_(checkpoint), pair_(find_average_pair(values, top)) {}

  DictChoice run() {
    DictChoice choice{take(), PickleValues::kNone};
    for (const StateDict& dict : choice.taken)
      checkpoint_.key += (checkpoint_.key.empty() || dict.key.empty() ? "" : ",") + dict.key;
    list_dicts(choice.taken);
    checkpoint_.average_taken = is_average(choice.taken);
    if (pair_ && pair_->row->stale_buffers && is(choice.taken, pair_->average)) choice.buffers = pair_->weights.dict;
    if (!options_.as_stored) check_policy(choice.taken);
    refuse_repeated(choice.taken);
    if (options_.key.empty() && !options_.as_stored) refuse_strays(choice.taken);
    note_averages(checkpoint_, pair_ ? &*pair_ : nullptr);
    note_others(values_, top_, pair_ ? &*pair_ : nullptr, checkpoint_);
    return choice;
  }

 private:
  static bool is(const std::vector<StateDict>& taken, const StateDict& dict) {
    return std::ranges::find(taken, dict.dict, &StateDict::dict) != taken.end();
  }

  std::vector<StateDict> take() {
    if (!options_.key.empty()) return dicts_at(values_, top_, options_.key);
    if (pair_ && options_.ema == EmaPolicy::use) return {pair_->average};
    if (pair_ && options_.ema == EmaPolicy::drop) return {pair_->weights};
    return {find_state_dict(values_, top_)};
  }

  void list_dicts(const std::vector<StateDict>& taken) {
    found_ = tensor_dicts(values_, top_);
    for (FoundDict& found : found_) {
      if (pair_ && found.at == pair_->average.dict) found.dict.role = DictRole::average;
      if (pair_ && found.at == pair_->weights.dict) found.dict.role = DictRole::weights;
      found.dict.taken = std::ranges::find(taken, found.at, &StateDict::dict) != taken.end();
      checkpoint_.dicts.push_back(found.dict);
    }
  }

  bool is_average(const std::vector<StateDict>& taken) const {
    if (pair_) return is(taken, pair_->average);
    return std::ranges::any_of(checkpoint_.dicts,
                               [](const TensorDict& dict) { return dict.taken && dict.role == DictRole::average; });
  }

  void check_policy(const std::vector<StateDict>& taken) const {
    if (options_.ema == EmaPolicy::drop && checkpoint_.average_taken)
      throw Error(ErrorCode::mismatch, "",
                  sentence("what is at ", valid_utf8(taken[0].key),
                           " is an average of weights, of which nothing would be left; leave out --ema drop"));
    if (options_.ema != EmaPolicy::use || checkpoint_.average_taken) return;
    for (const TensorDict& dict : checkpoint_.dicts)
      if (!dict.named && dict.role == DictRole::average)
        throw Error(ErrorCode::mismatch, "",
                    sentence("the average of its weights is ", dict.key, ", ", dict.tensors,
                             " tensors without names in the order of the model's parameters(); copy them into the "
                             "model in the program that wrote them (torch-ema, diffusers' EMAModel), and save that"));
  }

  NamesIn names_in(const std::vector<StateDict>& dicts, const auto& repeated) const {
    NamesIn names;
    for (size_t k = 0; k < dicts.size(); ++k)
      values_.for_each_member(dicts[k].dict, [&](PickleRef key, PickleRef value) {
        if (values_.kind(key) != PickleKind::text || !is_tensor(values_, value)) return;
        const auto [known, added] = names.emplace(values_.text(key), k);
        if (!added && known->second != k) repeated(known->first, known->second, k);
      });
    return names;
  }

  void refuse_repeated(const std::vector<StateDict>& taken) const {
    if (taken.size() < 2) return;
    names_in(taken, [&](std::string_view name, size_t a, size_t b) {
      const std::string shown = valid_utf8(name.substr(0, 200));
      throw Error(
          ErrorCode::malformed, shown,
          sentence("tensor '", shown, "' is in ", valid_utf8(taken[a].key), " and in ", valid_utf8(taken[b].key),
                   ", which cannot be joined; take one of them (--key ", valid_utf8(taken[a].key), ")"));
    });
  }

  // Weights under names that nobody has taken would be lost.
  void refuse_strays(const std::vector<StateDict>& taken) const {
    std::optional<NamesIn> names;
    std::vector<std::string> lines;
    std::string joined = checkpoint_.key.empty() ? "." : checkpoint_.key;
    for (const FoundDict& found : found_) {
      if (found.dict.taken || found.dict.role != DictRole::weights || !found.dict.named || found.at == top_) continue;
      if (pair_ && found.at == pair_->weights.dict) continue;
      if (!names) names = names_in(taken, [](std::string_view, size_t, size_t) {});
      const uint64_t others = strangers(found.at, *names);
      if (others == 0) continue;
      lines.push_back(sentence(found.dict.key, ": ", counted(found.dict.tensors, "tensor"), ", ", others,
                               " under names that are not in ", taken[0].key.empty() ? "the top" : taken[0].key));
      joined += "," + found.dict.key;
    }
    if (lines.empty()) return;
    const std::string key = checkpoint_.key.empty() ? "." : checkpoint_.key;
    throw Error(ErrorCode::malformed, "",
                sentence("holds other dicts of tensors beside ", key == "." ? "those at the top" : key,
                         "; say which is meant (--key ", key, "), or join them (--key ", joined, ")"),
                lines);
  }

  uint64_t strangers(PickleRef dict, const NamesIn& names) const {
    uint64_t count = 0;
    values_.for_each_member(dict, [&](PickleRef key, PickleRef value) {
      count +=
          is_tensor(values_, value) && (values_.kind(key) != PickleKind::text || !names.contains(values_.text(key)));
    });
    return count;
  }

  const PickleValues& values_;
  const PickleRef top_;
  const OpenOptions& options_;
  Checkpoint& checkpoint_;
  const std::optional<AveragePair> pair_;
  std::vector<FoundDict> found_;
};

}  // namespace

DictChoice choose_dicts(const PickleValues& values, PickleRef top, const OpenOptions& options, Checkpoint& checkpoint) {
  return Chooser(values, top, options, checkpoint).run();
}

}  // namespace ckmerge
