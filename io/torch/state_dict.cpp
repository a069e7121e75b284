// SPDX-License-Identifier: Apache-2.0
#include "io/torch/state_dict.h"

#include <algorithm>
#include <iterator>
#include <optional>

#include "io/pickle/pickle_members.h"
#include "io/text/error.h"
#include "io/text/sentence.h"
#include "io/text/utf8.h"
#include "io/torch/tensor_dicts.h"
#include "io/torch/torch_tensor.h"

namespace ckmerge {
namespace {

// In this order: where a file has several, the first is what its program would load, or the smoothed weights.
constexpr std::string_view kNames[] = {"state_dict", "model_state_dict", "model", "module",
                                       "params_ema", "params",           "ema",   "weight"};

// A1111 unwraps twice; no program is known that wraps deeper.
constexpr int kMostWraps = 4;

bool is_dict(const PickleValues& values, PickleRef value) {
  return value != PickleValues::kNone && values.kind(value) == PickleKind::dict;
}

struct Census {
  uint64_t members = 0, tensors = 0;
};

// More members than an archive may have entries need no exact count.
Census census(const PickleValues& values, PickleRef dict) {
  constexpr uint64_t kEnough = 2 << 20;
  Census census;
  values.while_members(dict, [&](PickleRef, PickleRef value) {
    census.tensors += is_tensor(values, value);
    return ++census.members < kEnough;
  });
  return census;
}

// Under a known name one tensor is enough. The top holds weights with a few counters beside them, or something else
// with a tensor in it.
bool holds_weights(const PickleValues& values, const StateDict& at) {
  const Census all = census(values, at.dict);
  return all.tensors > 0 && (!at.key.empty() || all.tensors * 2 >= all.members);
}

// What a name leads to first, however few tensors are beside it. No dict is looked at twice.
StateDict search(const PickleValues& values, const StateDict& at, int wraps, std::vector<PickleRef>& seen) {
  if (!is_dict(values, at.dict) || std::ranges::find(seen, at.dict) != seen.end()) return {};
  seen.push_back(at.dict);
  if (wraps < kMostWraps)
    for (const std::string_view name : kNames) {
      const StateDict inner{values.member(at.dict, name), at.key + (at.key.empty() ? "" : ".") + std::string(name)};
      StateDict found = search(values, inner, wraps + 1, seen);
      if (found.dict != PickleValues::kNone) return found;
    }
  return holds_weights(values, at) ? at : StateDict{};
}

std::string shown(std::string_view text) {
  constexpr size_t kLongest = 80;
  return valid_utf8(text.substr(0, kLongest));
}

void list_members(const PickleValues& values, PickleRef top, const std::string& prefix,
                  std::vector<std::string>& lines) {
  constexpr size_t kMostLines = 20;
  values.for_each_member(top, [&](PickleRef key, PickleRef value) {
    if (lines.size() >= kMostLines || values.kind(key) != PickleKind::text) return;
    const std::string name = prefix + shown(values.text(key));
    lines.push_back(name + ": " + description(values, value));
    if (prefix.empty() && is_dict(values, value) && census(values, value).tensors == 0)
      list_members(values, value, name + ".", lines);
  });
}

StateDict at_key(const PickleValues& values, PickleRef top, std::string_view key) {
  const PickleRef found = key == "." ? top : follow(values, top, key);
  if (is_dict(values, found) && census(values, found).tensors > 0) return {found, std::string(key == "." ? "" : key)};
  std::vector<std::string> lines;
  if (is_dict(values, top)) list_members(values, top, "", lines);
  throw Error(ErrorCode::usage, "--key",
              sentence("the key '", shown(key),
                       found == PickleValues::kNone ? "' is not in it" : "' leads to no dict of tensors"),
              lines);
}

// A whole module, as ultralytics saves one: what it consists of is its program's business.
std::string pickled_module(const PickleValues& values, PickleRef top) {
  constexpr std::string_view kPlaces[] = {"model", "ema", "net", "network", "module", "state_dict"};
  for (const std::string_view place : kPlaces) {
    const PickleRef found = is_dict(values, top) ? values.member(top, place) : PickleValues::kNone;
    if (found != PickleValues::kNone && values.kind(found) == PickleKind::call && !is_tensor(values, found))
      return sentence(place, ", ", description(values, found));
  }
  return "";
}

// How the dict with most tensors is reached, at whatever depth; "NAME" where none can be.
std::string key_of_most(const PickleValues& values, PickleRef top) {
  uint64_t most = census(values, top).tensors;
  std::string key = most > 0 ? "." : "NAME";
  for (const FoundDict& found : tensor_dicts(values, top)) {
    if (found.at == top || !found.dict.named || found.dict.tensors <= most) continue;
    if (follow(values, top, found.dict.key) != found.at) continue;
    most = found.dict.tensors;
    key = found.dict.key;
  }
  return key;
}

[[noreturn]] void fail_without_weights(const PickleValues& values, PickleRef top) {
  std::vector<std::string> lines;
  if (is_dict(values, top)) list_members(values, top, "", lines);
  if (lines.empty())
    throw Error(ErrorCode::malformed, "",
                sentence("a PyTorch file that holds ", description(values, top),
                         ", not a dict of tensors; save the model's state_dict() instead"));
  if (const std::string module = pickled_module(values, top); !module.empty())
    throw Error(ErrorCode::malformed, "",
                sentence("a PyTorch file whose weights are a whole module (", module,
                         "); save its state_dict() in the program that wrote it"),
                lines);
  throw Error(ErrorCode::malformed, "",
              sentence("a PyTorch file in which no dict of tensors has a known name; say which it is (--key ",
                       key_of_most(values, top), ")"),
              lines);
}

}  // namespace

StateDict find_state_dict(const PickleValues& values, PickleRef top) {
  StateDict found = search_state_dict(values, {top, ""});
  if (found.dict != PickleValues::kNone) return found;
  if (is_dict(values, top) && census(values, top).members == 0) return {top, ""};
  fail_without_weights(values, top);
}

StateDict search_state_dict(const PickleValues& values, const StateDict& from) {
  std::vector<PickleRef> seen;
  return search(values, from, 0, seen);
}

std::vector<StateDict> dicts_at(const PickleValues& values, PickleRef top, std::string_view key) {
  if (key.find(',') == key.npos || follow(values, top, key) != PickleValues::kNone) return {at_key(values, top, key)};
  std::vector<StateDict> found;
  for (size_t begin = 0; begin <= key.size();) {
    const size_t end = std::min(key.find(',', begin), key.size());
    found.push_back(at_key(values, top, key.substr(begin, end - begin)));
    begin = end + 1;
  }
  return found;
}

PickleRef follow(const PickleValues& values, PickleRef from, std::string_view key) {
  const auto member = [&](std::string_view name) {
    PickleRef found = PickleValues::kNone;
    if (is_dict(values, from)) return values.member(from, name);
    if (values.kind(from) == PickleKind::list)
      for_each_inside(values, from, [&](MemberName item, PickleRef value) {
        if (text_of(values, item) == name) found = value;
      });
    return found;
  };
  if (const PickleRef found = member(key); found != PickleValues::kNone) return found;
  for (size_t dot = key.find('.'); dot != key.npos; dot = key.find('.', dot + 1))
    if (const PickleRef part = member(key.substr(0, dot)); part != PickleValues::kNone)
      return follow(values, part, key.substr(dot + 1));
  return PickleValues::kNone;
}

std::string description(const PickleValues& values, PickleRef value) {
  const auto named = [&](PickleRef named) {
    const std::optional<DottedName> name = dotted_name(values, named);
    return name ? shown(name->module) + "." + shown(name->name) : std::string("?");
  };
  switch (values.kind(value)) {
    case PickleKind::none: return "None";
    case PickleKind::boolean: return "a boolean";
    case PickleKind::integer: return sentence("the integer ", values.integer(value));
    case PickleKind::real: return "a number";
    case PickleKind::text: return "the text '" + shown(values.text(value)) + "'";
    case PickleKind::tuple: return sentence("a tuple of ", values.tuple(value).size());
    case PickleKind::list: return "a list";
    case PickleKind::dict: {
      const Census all = census(values, value);
      return all.tensors
                 ? sentence("a dict of ", all.members, ", ", all.tensors, all.tensors == 1 ? " tensor" : " tensors")
                 : sentence("a dict of ", all.members);
    }
    case PickleKind::global: return named(value);
    case PickleKind::call:
      if (is_tensor(values, value)) return "a tensor";
      return dotted_name(values, value) ? named(value) : "an object of " + named(values.called(value));
    case PickleKind::persistent: return "a storage";
    case PickleKind::opaque: break;
  }
  return "other data";
}

}  // namespace ckmerge
