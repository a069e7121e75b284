// SPDX-License-Identifier: Apache-2.0
#include "io/torch/average_dicts.h"

#include <map>
#include <unordered_set>

#include "io/text/utf8.h"
#include "io/torch/torch_tensor.h"

namespace ckmerge {
namespace {

// The rows share their names: each is looked for once, in whatever is at the top.
class Places {
 public:
  Places(const PickleValues& values, PickleRef top) : values_(values), fruitless_{top} {
    for (const AverageDicts& row : average_dicts())
      for (const std::string_view key : {row.weights, row.average, row.proof})
        at_top_.emplace(key.substr(0, key.find('.')), PickleValues::kNone);
    values.for_each_member(top, [&](PickleRef key, PickleRef value) {
      if (values.kind(value) != PickleKind::dict || values.kind(key) != PickleKind::text) return;
      if (const auto found = at_top_.find(values.text(key)); found != at_top_.end()) found->second = value;
    });
  }

  bool has(std::string_view name) const { return at_top_.at(name) != PickleValues::kNone; }

  const StateDict& dict_of(std::string_view key) {
    const auto [known, added] = dicts_.try_emplace(key);
    const size_t star = key.find(".*.");
    if (added && star == key.npos)
      known->second = dict_at(at_top_.at(key), key);
    else if (added)
      known->second = dict_below(key.substr(0, star), key.substr(star + 3));
    return known->second;
  }

 private:
  StateDict dict_at(PickleRef place, std::string_view key) {
    if (place == PickleValues::kNone || fruitless_.contains(place)) return {};
    StateDict found = search_state_dict(values_, {place, std::string(key)});
    if (found.dict == PickleValues::kNone) fruitless_.insert(place);
    return found;
  }

  // The first member of the dict called `before` that has a dict called `behind`.
  StateDict dict_below(std::string_view before, std::string_view behind) {
    StateDict out;
    if (!has(before)) return out;
    values_.while_members(at_top_.at(before), [&](PickleRef key, PickleRef value) {
      if (values_.kind(key) != PickleKind::text || values_.kind(value) != PickleKind::dict) return true;
      out = dict_at(values_.member(value, behind), behind);
      if (out.dict != PickleValues::kNone)
        out.key = std::string(before) + "." + valid_utf8(values_.text(key)) + "." + out.key;
      return out.dict == PickleValues::kNone;
    });
    return out;
  }

  const PickleValues& values_;
  std::map<std::string_view, PickleRef> at_top_;
  std::map<std::string_view, StateDict> dicts_;
  std::unordered_set<PickleRef> fruitless_;  // a hostile file may have one large dict under every name
};

uint64_t tensors_in(const PickleValues& values, PickleRef dict) {
  uint64_t count = 0;
  values.for_each_member(dict, [&](PickleRef, PickleRef value) { count += is_tensor(values, value); });
  return count;
}

// A counter beside a list of averages is a dict of tensors too.
bool fit(const PickleValues& values, const AveragePair& pair) {
  return pair.average.dict != PickleValues::kNone && pair.average.dict != pair.weights.dict &&
         2 * tensors_in(values, pair.average.dict) >= tensors_in(values, pair.weights.dict);
}

}  // namespace

std::optional<AveragePair> find_average_pair(const PickleValues& values, PickleRef top) {
  if (values.kind(top) != PickleKind::dict) return std::nullopt;
  Places places(values, top);
  for (const AverageDicts& row : average_dicts()) {
    if (!row.proof.empty() && !places.has(row.proof)) continue;
    AveragePair pair{&row, places.dict_of(row.weights), {}};
    if (pair.weights.dict == PickleValues::kNone) continue;
    pair.average = places.dict_of(row.average);
    if (fit(values, pair)) return pair;
  }
  return std::nullopt;
}

}  // namespace ckmerge
