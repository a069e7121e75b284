// SPDX-License-Identifier: Apache-2.0
#include "cli/recipes/recipe_slices.h"

#include <algorithm>
#include <charconv>

#include "cli/system/text.h"
#include "io/text/error.h"
#include "io/text/sentence.h"
#include "io/text/yaml_text.h"

namespace ckmerge::cli {
namespace {

using Kind = YamlValue::Kind;

constexpr const char* kForm = "a slice is {of: CHECKPOINT, layers: [FROM, TO]}, without the layer TO";

class SliceReader {
 public:
  SliceReader(const std::string& path, const std::vector<std::string>& names) : path_(path), names_(names) {}

  Slices operand(const YamlValue& list) const {
    if (list.kind != Kind::list || list.items.empty()) refuse(list, std::string("slices are a list; ") + kForm);
    Slices slices;
    for (const YamlValue& item : list.items) slices.push_back(slice(item));
    return slices;
  }

 private:
  [[noreturn]] void refuse(const YamlValue& place, const std::string& what) const { refuse_at(path_, place, what); }

  Slice slice(const YamlValue& map) const {
    if (map.kind != Kind::map || !map.find("of")) refuse(map, kForm);
    Slice out;
    for (size_t i = 0; i < map.keys.size(); ++i) {
      const YamlValue &key = map.keys[i], &value = map.items[i];
      if (key.text == "of")
        out.input = input(value);
      else if (key.text == "layers")
        read_layers(value, out);
      else if (key.text == "run" && value.kind == Kind::scalar)
        out.run = value.text;
      else
        refuse(key, sentence("'", visible(key.text), "' is unknown; ", kForm));
    }
    return out;
  }

  uint32_t input(const YamlValue& value) const {
    const auto found = std::ranges::find(names_, value.text);
    if (value.kind != Kind::scalar || found == names_.end())
      refuse(value, "no checkpoint is called '" + visible(value.text) + "'; they are " + joined(names_, ", "));
    return static_cast<uint32_t>(found - names_.begin());
  }

  void read_layers(const YamlValue& value, Slice& out) const {
    if (value.kind != Kind::list || value.items.size() != 2) refuse(value, kForm);
    out.begin = layer(value.items[0]);
    out.end = layer(value.items[1]);
    if (out.begin > out.end) refuse(value, "the layers end before they begin");
  }

  uint32_t layer(const YamlValue& value) const {
    uint32_t number = 0;
    const char* const end = value.text.data() + value.text.size();
    const auto [stop, fault] = std::from_chars(value.text.data(), end, number);
    if (value.kind != Kind::scalar || fault != std::errc() || stop != end)
      refuse(value, "a layer is a whole number from 0");
    return number;
  }

  const std::string& path_;
  const std::vector<std::string>& names_;
};

}  // namespace

std::vector<Slices> read_slices(const YamlValue& slices, const std::string& path,
                                const std::vector<std::string>& names) {
  if (slices.kind == Kind::null) return {};
  if (slices.kind != Kind::map)
    refuse_at(path, slices, "'slices' is a map: a checkpoint, and what stands in its place");
  for (const YamlValue& key : slices.keys)
    if (std::ranges::find(names, key.text) == names.end())
      refuse_at(path, key, "no checkpoint is called '" + visible(key.text) + "'; they are " + joined(names, ", "));
  const SliceReader reader(path, names);
  std::vector<Slices> operands;
  for (size_t k = 0; k < slices.keys.size(); ++k) {
    const YamlValue* const list = slices.find(names[k]);
    if (!list)
      refuse_at(path, slices,
                sentence("slices stand for the first checkpoints, but there are none for '", names[k], "'"));
    operands.push_back(reader.operand(*list));
  }
  return operands;
}

std::string slices_text(const std::vector<Slices>& operands, const std::vector<std::string>& names) {
  std::string out = operands.empty() ? "" : "slices:\n";
  for (size_t k = 0; k < operands.size(); ++k) {
    out += "  " + yaml_scalar(names[k]) + ":\n";
    for (const Slice& slice : operands[k]) {
      out += "    - {of: " + yaml_scalar(names[slice.input]);
      if (!slice.is_empty()) out += sentence(", layers: [", slice.begin, ", ", slice.end, "]");
      if (!slice.run.empty()) out += ", run: " + yaml_scalar(slice.run);
      out += "}\n";
    }
  }
  return out;
}

void leave_operands_named(Recipe& recipe) {
  std::vector<std::string>& names = recipe.formula->names;
  if (!recipe.operands.empty() && names.size() > recipe.operands.size()) names.resize(recipe.operands.size());
}

}  // namespace ckmerge::cli
