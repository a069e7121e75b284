// SPDX-License-Identifier: Apache-2.0
#include "io/torch/tensor_dicts.h"

#include <algorithm>

#include "io/table/average_rows.h"
#include "io/text/error.h"
#include "io/text/utf8.h"
#include "io/text/words.h"
#include "io/torch/torch_tensor.h"

namespace ckmerge {
namespace {

// Training is told by a word or the part of one, settings by a word.
constexpr std::string_view kTrainingParts[] = {"optim", "sched", "scaler", "callback", "criterion"};
constexpr std::string_view kTrainingWords[] = {"opt",     "loss",    "losses",    "amp",    "rng",
                                               "random",  "loops",   "metric",    "gns",    "sampler",
                                               "stopper", "history", "averaging", "metrics"};
constexpr std::string_view kSettingsWords[] = {"hyper", "hparams", "config",   "cfg",     "args", "opts",
                                               "meta",  "options", "metadata", "message", "hub",  "settings"};

// A hostile file could make the list, or the search, as long as the pickle.
constexpr size_t kMostDicts = 1000, kMostPlaces = 1 << 20;

DictRole role_of(std::string_view name) {
  if (has_word(name, kTrainingWords) ||
      std::ranges::any_of(kTrainingParts, [&](std::string_view part) { return name.find(part) != name.npos; }))
    return DictRole::training;
  if (has_word(name, kSettingsWords)) return DictRole::settings;
  return says_average(name) ? DictRole::average : DictRole::weights;
}

bool holds_values(PickleKind kind) {
  return kind == PickleKind::dict || kind == PickleKind::list || kind == PickleKind::tuple;
}

class Walk {
 public:
  explicit Walk(const PickleValues& values) : values_(values) {}

  std::vector<FoundDict> run(PickleRef top) {
    enter({.at = top});
    // Not by recursion, however deep a file nests them.
    for (size_t next = 0; next < places_.size(); ++next) look_into(next);
    std::erase_if(found_, [](const FoundDict& found) { return found.dict.tensors == 0; });
    return std::move(found_);
  }

 private:
  static constexpr uint32_t kNobody = UINT32_MAX;
  struct Place {
    PickleRef at = PickleValues::kNone;
    uint32_t above = kNobody;  // the place that holds it
    MemberName name = {};
    DictRole role = DictRole::weights;
    uint32_t owner = kNobody;  // the entry that counts what is in it, if that is not its own
  };

  void enter(const Place& place) {
    if (!holds_values(values_.kind(place.at)) || places_.size() == kMostPlaces) return;
    if (seen_.size() <= place.at) seen_.resize(std::max<size_t>(place.at + 1, 2 * seen_.size()));
    if (seen_[place.at]) return;
    seen_[place.at] = true;
    places_.push_back(place);
  }

  void look_into(size_t index) {
    const Place place = places_[index];
    const bool gathers = place.role == DictRole::training || place.role == DictRole::settings;
    const uint32_t owner = gathers && place.owner == kNobody ? add(index) : place.owner;
    uint64_t tensors = 0;
    bool has_elements = false;
    for_each_inside(values_, place.at, [&](MemberName name, PickleRef value) {
      if (is_tensor(values_, value)) {
        if (!has_elements && tensors < kEnough) has_elements = is_more_than_a_number(value);
        ++tensors;
      } else if (holds_values(values_.kind(value))) {
        enter({value, static_cast<uint32_t>(index), name, gathers ? place.role : role_inside(place, name), owner});
      }
    });
    if (tensors == 0) return;
    const uint32_t entry = owner != kNobody ? owner : add(index);
    if (entry == kNobody) return;
    found_[entry].dict.tensors += tensors;
    // Tensors of one number each count something.
    if (!has_elements && tensors <= kEnough && place.role == DictRole::weights)
      found_[entry].dict.role = DictRole::training;
  }

  DictRole role_inside(const Place& place, MemberName name) const {
    if (name.key == PickleValues::kNone) return place.role;
    const DictRole own = role_of(text_of(values_, name));
    return own == DictRole::weights ? place.role : own;
  }

  uint32_t add(size_t index) {
    if (found_.size() == kMostDicts) return kNobody;
    const Place& place = places_[index];
    found_.push_back({place.at, {.key = key_of(index), .role = place.role, .named = is_dict(place.at)}});
    return static_cast<uint32_t>(found_.size() - 1);
  }

  std::string key_of(size_t index) const {
    std::vector<MemberName> names;
    for (; places_[index].above != kNobody; index = places_[index].above) names.push_back(places_[index].name);
    std::string key;
    for (size_t i = names.size(); i-- > 0;) key += text_of(values_, names[i]) + (i > 0 ? "." : "");
    return key;
  }

  bool is_dict(PickleRef at) const { return values_.kind(at) == PickleKind::dict; }

  bool is_more_than_a_number(PickleRef value) {
    try {
      read_tensor(values_, value, tensor_);
      return tensor_.count != 1;
    } catch (const Error&) {
      return true;
    }
  }

  static constexpr uint64_t kEnough = 16;  // tensors that are looked at

  const PickleValues& values_;
  std::vector<Place> places_;
  std::vector<FoundDict> found_;
  std::vector<bool> seen_;
  TorchTensor tensor_;
};

}  // namespace

std::string text_of(const PickleValues& values, MemberName name) {
  constexpr size_t kLongest = 200;  // bytes
  if (name.key == PickleValues::kNone) return std::to_string(name.index);
  if (values.kind(name.key) == PickleKind::text) return valid_utf8(values.text(name.key).substr(0, kLongest));
  return values.kind(name.key) == PickleKind::integer ? std::to_string(values.integer(name.key)) : std::string("?");
}

std::vector<FoundDict> tensor_dicts(const PickleValues& values, PickleRef top) { return Walk(values).run(top); }

}  // namespace ckmerge
