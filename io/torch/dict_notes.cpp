// SPDX-License-Identifier: Apache-2.0
#include "io/torch/dict_notes.h"

#include <algorithm>
#include <set>

#include "io/text/error.h"
#include "io/text/sentence.h"
#include "io/text/utf8.h"
#include "io/torch/tensor_dicts.h"
#include "io/torch/torch_tensor.h"

namespace ckmerge {
namespace {

constexpr size_t kMostListed = 20, kMostBeside = 1000;

std::string trainer_of(const AveragePair& pair) {
  return pair.row->trainer == "a trainer" ? std::string() : sentence(" (", pair.row->trainer, ")");
}

const TensorDict* entry(const Checkpoint& checkpoint, std::string_view key) {
  const auto found = std::ranges::find(checkpoint.dicts, key, &TensorDict::key);
  return found == checkpoint.dicts.end() ? nullptr : &*found;
}

std::string with_count(const Checkpoint& checkpoint, const std::string& key) {
  const TensorDict* const dict = entry(checkpoint, key);
  return valid_utf8(key) + (dict ? " (" + counted(dict->tensors, "tensor") + ")" : "");
}

// "a, b, ... (30 in all)"
std::string joined(const std::vector<std::string>& items, size_t count) {
  std::string out;
  for (const std::string& item : items) out += (out.empty() ? "" : ", ") + item;
  return count > items.size() ? sentence(out, ", ... (", count, " in all)") : out;
}

std::string said_of(const TensorDict& dict) {
  const char* const role = dict.role == DictRole::average    ? ", an average"
                           : dict.role == DictRole::training ? ", training's"
                           : dict.role == DictRole::settings ? ", settings"
                                                             : "";
  return sentence(dict.key.empty() ? "the top" : dict.key, " (", counted(dict.tensors, "tensor"),
                  dict.named || dict.role == DictRole::training ? "" : " without names", role, ")");
}

bool is_in(const AveragePair* pair, const TensorDict& dict) {
  return pair && (dict.key == pair->average.key || dict.key == pair->weights.key);
}

class BesideList {
 public:
  BesideList(const PickleValues& values, Checkpoint& checkpoint) : values_(values), checkpoint_(checkpoint) {
    for (const TensorDict& dict : checkpoint.dicts) {
      known_.insert(dict.key);
      if (dict.taken) taken_.insert(dict.key);
    }
  }

  void list(PickleRef dict, const std::string& prefix) {
    if (values_.kind(dict) != PickleKind::dict || taken_.contains(prefix)) return;
    for_each_inside(values_, dict, [&](MemberName name, PickleRef value) {
      const std::string key = (prefix.empty() ? "" : prefix + ".") + text_of(values_, name);
      if (leads_to(taken_, key)) return list(value, key);
      if (known_.contains(key) || leads_to(known_, key)) return;
      ++count_;
      if (lines_.size() < kMostListed) lines_.push_back(sentence(key, " (", description(values_, value), ")"));
      if (checkpoint_.beside.size() < kMostBeside) checkpoint_.beside.push_back(key);
    });
  }

  void note() const {
    if (count_ > 0) checkpoint_.notes.push_back("left out beside its tensors: " + joined(lines_, count_));
  }

 private:
  static bool leads_to(const std::set<std::string, std::less<>>& keys, const std::string& key) {
    if (keys.contains(key)) return true;
    const auto below = keys.lower_bound(key + ".");
    return below != keys.end() && below->starts_with(key + ".");
  }

  const PickleValues& values_;
  Checkpoint& checkpoint_;
  std::set<std::string, std::less<>> known_, taken_;
  std::vector<std::string> lines_;
  size_t count_ = 0;
};

}  // namespace

void note_averages(Checkpoint& checkpoint, const AveragePair* pair) {
  if (!pair) return;
  const auto is_taken = [&](const StateDict& dict) {
    const TensorDict* const found = entry(checkpoint, dict.key);
    return found && found->taken;
  };
  const std::string average = with_count(checkpoint, pair->average.key), trainer = trainer_of(*pair),
                    weights = with_count(checkpoint, pair->weights.key);
  if (checkpoint.average_taken)
    checkpoint.notes.push_back(sentence(average, " holds the average of the weights", trainer,
                                        "; the trained ones are ", weights, ": --key ", pair->weights.key,
                                        ", or convert --ema drop"));
  else if (is_taken(pair->weights))
    checkpoint.notes.push_back(
        sentence(weights, " holds the trained weights", trainer, "; their average is ", average, ": ",
                 pair->row->average.find('*') == std::string_view::npos ? sentence("--key ", pair->average.key, ", or ")
                                                                        : std::string(),
                 "convert --ema use"));
}

void note_others(const PickleValues& values, PickleRef top, const AveragePair* pair, Checkpoint& checkpoint) {
  std::vector<std::string> items;
  size_t count = 0;
  for (const TensorDict& dict : checkpoint.dicts) {
    if (dict.taken || dict.key.empty() || is_in(pair, dict)) continue;  // those at the top are listed as values
    if (++count <= kMostListed) items.push_back(said_of(dict));
  }
  if (count > 0)
    checkpoint.notes.push_back(sentence(count == 1 ? "other tensors were" : "other dicts of tensors were",
                                        " left behind: ", joined(items, count)));
  BesideList beside(values, checkpoint);
  beside.list(top, "");
  beside.note();
}

void note_masters(const PickleValues& values, PickleRef top, PickleRef taken, Checkpoint& checkpoint) {
  if (taken == top || values.kind(top) != PickleKind::dict || values.member(top, "ds_version") == PickleValues::kNone)
    return;
  bool rounded = false;
  TorchTensor tensor;
  values.while_members(taken, [&](PickleRef, PickleRef value) {
    if (!is_tensor(values, value)) return true;
    try {
      read_tensor(values, value, tensor);
    } catch (const Error&) {
      return true;
    }
    rounded = tensor.type->dtype == Dtype::BF16 || tensor.type->dtype == Dtype::F16;
    return !rounded;
  });
  if (rounded)
    checkpoint.notes.push_back(
        "DeepSpeed's 16-bit weights: the F32 masters that they are roundings of are in the optim_states files beside "
        "it; zero_to_fp32.py makes one file of those, at stage 1 without frozen weights");
}

}  // namespace ckmerge
