// SPDX-License-Identifier: Apache-2.0
#include "core/mergekit/numbers_by_place.h"

#include <algorithm>
#include <map>
#include <set>

#include "core/mergekit/expert_names.h"
#include "io/text/error.h"
#include "io/text/sentence.h"
#include "io/text/utf8.h"

namespace ckmerge {
namespace {

using Trees = std::vector<const FlatTree*>;
using Value = PlaceNumber::Value;

std::string quoted(std::string_view text) {
  std::string out;
  for (const char c : text) {
    const bool is_plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
                          static_cast<unsigned char>(c) >= 0x80;
    if (!is_plain) out += '\\';
    out += c;
  }
  return out;
}

std::string one_of(const std::set<std::string>& texts) {
  std::string out;
  for (const std::string& text : texts) out += (out.empty() ? "" : "|") + text;
  return texts.size() == 1 ? out : "(?:" + out + ")";
}

// ^RUN\.(?:0|1|2)\. of layers.
std::string layers_pattern(const Trees& trees) {
  std::string numbers;
  for (const FlatTree* const tree : trees) numbers += (numbers.empty() ? "" : "|") + std::to_string(tree->place.layer);
  if (trees.size() > 1) numbers = "(?:" + numbers + ")";
  return sentence("^", quoted(trees[0]->place.run), "\\.", numbers, "\\.");
}

std::string names_pattern(const std::set<std::string>& names) {
  std::set<std::string> texts;
  for (const std::string& name : names) texts.insert(quoted(name));
  return "^" + one_of(texts) + "$";
}

std::string behind_prefix(const Value& value) {
  std::set<std::string> texts = {".*" + quoted(value.contains)};
  for (const std::string& begin : value.begins) texts.insert(quoted(begin));
  return one_of(texts);
}

// A pattern of the rest of a name, whatever the number of its expert.
std::string rest_pattern(std::string_view rest) {
  const std::string_view number = expert_number(rest);
  if (number.empty()) return quoted(rest);
  const auto begin = static_cast<size_t>(number.data() - rest.data());
  return quoted(rest.substr(0, begin)) + "[0-9]+" + quoted(rest.substr(begin + number.size()));
}

std::string key_of(const LayerPlace& place, const PlaceNumber& number) {
  std::string key = sentence(static_cast<int>(place.side), "\n", place.module, "\n", place.run);
  for (const Value& value : number.values) {
    key += sentence("\n", value.contains, "\t", number_text(value.number));
    for (const std::string& begin : value.begins) key += "\t" + begin;
  }
  return key;
}

bool is_everywhere_else(const LayerPlace& place) { return place == LayerPlace{}; }

}  // namespace

std::string exact_pattern(std::string_view name) { return "/^" + quoted(name) + "$/"; }

std::string selector_of(const Trees& trees, const PlaceNames& names) {
  if (trees[0]->place.is_layer()) return "/" + layers_pattern(trees) + "/";
  std::set<std::string> all;
  for (const FlatTree* const tree : trees)
    for (std::string& name : names.rests(*tree)) all.insert(std::move(name));
  return all.empty() ? "" : "/" + names_pattern(all) + "/";
}

namespace {

// The weights of one number.
class NumberWeights {
 public:
  NumberWeights(const Trees& trees, size_t number, const PlaceNames& names, Recipe& recipe)
      : trees_(trees), number_(number), names_(names), recipe_(recipe) {}

  std::string add() {
    const PlaceNumber& first = of(*trees_[0]);
    const auto is_same = [&](const FlatTree* tree) {
      return of(*tree).is_constant() && of(*tree).values == first.values;
    };
    if (std::ranges::all_of(trees_, is_same)) return number_text(first.values[0].number);
    name_ = new_name(first.name);
    recipe_.parameters[name_] = {first.values.back().number};
    std::map<std::string, Trees> alike;
    std::vector<std::string> order;
    for (const FlatTree* const tree : trees_) {
      const auto [found, is_new] = alike.try_emplace(key_of(tree->place, of(*tree)));
      if (is_new) order.push_back(found->first);
      found->second.push_back(tree);
    }
    for (const std::string& key : order) add_alike(alike.at(key));
    return name_;
  }

 private:
  const PlaceNumber& of(const FlatTree& tree) const { return tree.numbers[number_]; }

  double default_number() const { return recipe_.parameters.at(name_)[0]; }

  std::string new_name(const std::string& name) const {
    std::string free = name;
    for (size_t k = 2; recipe_.parameters.contains(free); ++k) free = sentence(name, k);
    return free;
  }

  void add_weight(const std::string& pattern, double value) {
    recipe_.weights.push_back({.parameter = name_, .selector = "/" + pattern + "/", .values = {value}});
  }

  // Of names for each of which the first value holds that fits it: rules in the opposite order, of which the last does.
  void add_alike(const Trees& alike) {
    const PlaceNumber& number = of(*alike[0]);
    const PlaceNumber& usual = of(*trees_[0]);
    const bool is_default = alike[0] == trees_[0] && is_everywhere_else(alike[0]->place);
    if (number.is_constant() && usual.is_constant() && number.values == usual.values) return;
    const bool is_of_layers = alike[0]->place.is_layer();
    if (number.is_constant() && is_of_layers) {
      if (has_filters_ || number.values[0].number != default_number())
        add_weight(layers_pattern(alike), number.values[0].number);
      return;
    }
    const std::vector<std::set<std::string>> names = names_by_value(alike, number);
    for (size_t i = number.values.size(); i-- > 0;) {
      const Value& value = number.values[i];
      const bool holds_anyway =
          value.is_of_all() && (is_default || (!has_filters_ && value.number == default_number()));
      if (names[i].empty() || holds_anyway) continue;
      const bool by_filter = is_default && is_in_all(value, names[i]);
      has_filters_ |= by_filter;
      if (!is_of_layers)
        add_weight(by_filter ? quoted(value.contains) : names_pattern(names[i]), value.number);
      else
        add_weight(layers_pattern(alike) + rest_of(value, names[i]), value.number);
    }
  }

  // Else the filter is written as another model spells one of them.
  static bool is_in_all(const Value& value, const std::set<std::string>& names) {
    return std::ranges::all_of(names, [&](const std::string& name) { return value.fits(name); });
  }

  // Of names that mergekit calls otherwise each is said.
  std::string rest_of(const Value& value, const std::set<std::string>& patterns) const {
    if (value.is_of_all()) return "";
    return is_renamed_ ? one_of(patterns) + "$" : behind_prefix(value);
  }

  // Which names have which of the values; of layers patterns of their rests.
  std::vector<std::set<std::string>> names_by_value(const Trees& alike, const PlaceNumber& number) {
    std::vector<std::set<std::string>> names(number.values.size());
    for (const FlatTree* const tree : alike)
      for (std::string& rest : names_.rests(*tree)) {
        const std::vector<std::string> spellings = names_.filtered(*tree, rest);
        is_renamed_ |= spellings[0] != rest;
        const size_t found = number.value_for(spellings);
        if (found == number.values.size())
          throw Error(ErrorCode::usage, number.name,
                      sentence("no value of the parameter '", number.name, "' is for ", tree->place.prefix(), rest,
                               "; give one without a filter"));
        std::set<std::string>& those = names[found];
        those.insert(tree->place.is_layer() ? rest_pattern(rest) : std::move(rest));
      }
    return names;
  }

  const Trees& trees_;
  const size_t number_;
  const PlaceNames& names_;
  Recipe& recipe_;
  std::string name_;
  bool is_renamed_ = false;
  bool has_filters_ = false;  // of what is no layer: patterns that fit names of layers, too
};

}  // namespace

std::string add_number(const Trees& trees, size_t number, const PlaceNames& names, Recipe& recipe) {
  return NumberWeights(trees, number, names, recipe).add();
}

}  // namespace ckmerge
