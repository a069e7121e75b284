// SPDX-License-Identifier: Apache-2.0
#include "core/families/told_component.h"

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <map>
#include <utility>

namespace ckmerge {
namespace {

using std::string_view;

// Signs as a tree of components from their ends on, so that most names are done with after their last but one
// component, and that what is in front of a sign is the prefix.
class SignTree {
 public:
  SignTree() : nodes_(1) {}

  /// The number of `sign`.
  uint32_t add(string_view sign) {
    uint32_t node = 0;
    for (size_t end = sign.size(); end != string_view::npos;) {
      const auto [component, before] = last_component(sign, end);
      node = child(node, component);
      end = before;
    }
    if (nodes_[node].sign == kNone) nodes_[node].sign = count_++;
    return nodes_[node].sign;
  }
  uint32_t count() const { return count_; }

  /// Calls `found(sign, prefix)` for each sign that `name` ends with.
  template <typename Found>
  void walk(string_view name, const Found& found) const {
    walk(0, name, name.size(), found);
  }

 private:
  static constexpr uint32_t kNone = UINT32_MAX;
  // Components are told apart by their first bytes as a number; of those that agree in them few are siblings. Compared
  // as texts they took half of the time.
  struct Literal {
    uint64_t beginning;
    string_view text;
    uint32_t node;
  };
  struct Node {
    std::vector<Literal> literals;  // sorted by their beginnings
    uint32_t number = 0;            // 0: none
    uint32_t sign = kNone;
  };

  // What ends at `end`, and where that in front of it ends: npos in front of the first.
  static std::pair<string_view, size_t> last_component(string_view name, size_t end) {
    const size_t dot = end == 0 ? string_view::npos : name.rfind('.', end - 1);
    const size_t begin = dot == string_view::npos ? 0 : dot + 1;
    return {name.substr(begin, end - begin), dot};
  }

  static uint64_t beginning(string_view component) {
    uint64_t bytes = 0;
    std::memcpy(&bytes, component.data(), std::min(component.size(), sizeof bytes));
    return bytes;
  }

  // kNone where it has no such child.
  static uint32_t literal_child(const Node& node, string_view component) {
    const uint64_t wanted = beginning(component);
    auto place = std::ranges::lower_bound(node.literals, wanted, {}, &Literal::beginning);
    for (; place != node.literals.end() && place->beginning == wanted; ++place)
      if (place->text == component) return place->node;
    return kNone;
  }

  uint32_t child(uint32_t node, string_view component) {
    const auto next = static_cast<uint32_t>(nodes_.size());
    if (component == "#") {
      if (nodes_[node].number != 0) return nodes_[node].number;
      nodes_[node].number = next;
    } else {
      if (const uint32_t known = literal_child(nodes_[node], component); known != kNone) return known;
      auto& literals = nodes_[node].literals;
      const Literal literal{beginning(component), component, next};
      literals.insert(std::ranges::upper_bound(literals, literal.beginning, {}, &Literal::beginning), literal);
    }
    nodes_.emplace_back();
    return next;
  }

  template <typename Found>
  void walk(uint32_t index, string_view name, size_t end, const Found& found) const {
    const Node& node = nodes_[index];
    if (node.sign != kNone) found(node.sign, name.substr(0, end == string_view::npos ? 0 : end + 1));
    if (end == string_view::npos) return;
    const auto [component, before] = last_component(name, end);
    if (const uint32_t literal = literal_child(node, component); literal != kNone) walk(literal, name, before, found);
    if (node.number != 0 && !component.empty() && component.find_first_not_of("0123456789") == string_view::npos)
      walk(node.number, name, before, found);
  }

  std::vector<Node> nodes_;
  uint32_t count_ = 0;
};

// One naming of one family.
struct Side {
  const ModelFamily* family;
  bool is_left;
  std::vector<std::vector<uint32_t>> there = {};  // of each group of signs one
  std::vector<uint32_t> not_there = {};
};

struct Signs {
  SignTree tree;
  std::vector<Side> sides;  // in the order of the families

  Signs() {
    for (const ModelFamily& family : model_families())
      for (const bool is_left : {true, false}) add(family, is_left);
  }
  void add(const ModelFamily& family, bool is_left) {
    Side side{.family = &family, .is_left = is_left};
    for (string_view sign : is_left ? family.left_signs : family.right_signs) {
      if (sign.starts_with('!')) {
        side.not_there.push_back(tree.add(sign.substr(1)));
        continue;
      }
      std::vector<uint32_t>& any = side.there.emplace_back();
      for (size_t bar = 0; bar != string_view::npos; sign.remove_prefix(std::min(sign.size(), bar + 1))) {
        bar = sign.find('|');
        any.push_back(tree.add(sign.substr(0, bar)));
      }
    }
    if (!side.there.empty()) sides.push_back(std::move(side));
  }
};

const Side* told_side(const Signs& signs, const std::vector<bool>& found) {
  const auto is_found = [&](uint32_t sign) { return found[sign]; };
  const auto any_is_found = [&](const std::vector<uint32_t>& group) { return std::ranges::any_of(group, is_found); };
  for (const Side& side : signs.sides)
    if (std::ranges::all_of(side.there, any_is_found) && std::ranges::none_of(side.not_there, is_found)) return &side;
  return nullptr;
}

bool is_encoder(const ToldComponent& component) { return component.family->role == ComponentRole::text_encoder; }

// Text encoders of some libraries are a module or two more than those of others, and are found again inside of that.
// REQUIRES: in the order of prefixes, so that what is inside follows.
void leave_out_inner_encoders(std::vector<ToldComponent>& told) {
  constexpr std::ptrdiff_t kMostModules = 2;
  const ToldComponent* outer = nullptr;
  std::vector<ToldComponent> kept;
  kept.reserve(told.size());
  for (const ToldComponent& component : told) {
    const bool is_inner =
        outer && is_encoder(component) && component.prefix.starts_with(outer->prefix) &&
        std::ranges::count(string_view(component.prefix).substr(outer->prefix.size()), '.') <= kMostModules;
    if (is_inner) continue;
    kept.push_back(component);
    if (is_encoder(component)) outer = &kept.back();
  }
  told = std::move(kept);
}

}  // namespace

bool are_one_family(const ToldComponent& a, const ToldComponent& b) {
  return a.family->role == b.family->role && string_view(a.family->name) == b.family->name;
}

std::vector<ToldComponent> told_components(const TensorTable& tensors) {
  static const Signs kSigns;
  std::map<string_view, std::vector<bool>> found;  // signs, by prefix
  std::vector<bool>* last = nullptr;               // names of one prefix lie side by side
  string_view last_prefix;
  for (size_t i = 0; i < tensors.size(); ++i) {
    kSigns.tree.walk(tensors.name(i), [&](uint32_t sign, string_view prefix) {
      if (!last || prefix != last_prefix) {
        last = &found.try_emplace(prefix, kSigns.tree.count()).first->second;
        last_prefix = prefix;
      }
      (*last)[sign] = true;
    });
  }
  std::vector<ToldComponent> told;
  for (const auto& [prefix, signs] : found)
    if (const Side* side = told_side(kSigns, signs))
      told.push_back({.family = side->family, .is_left = side->is_left, .prefix = std::string(prefix)});
  leave_out_inner_encoders(told);
  return told;
}

}  // namespace ckmerge
