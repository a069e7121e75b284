// SPDX-License-Identifier: Apache-2.0
#include "cli/options/recipe_options.h"

#include <algorithm>
#include <array>
#include <filesystem>

#include "cli/options/adapter_option.h"
#include "cli/options/option_table.h"
#include "cli/options/pair_text.h"
#include "cli/options/request.h"
#include "cli/system/text.h"
#include "core/inputs/renames.h"
#include "core/plan/selection.h"
#include "io/folder/hub_cache.h"
#include "io/input_forms.h"
#include "io/memory/memory_tensors.h"
#include "io/text/error.h"

namespace ckmerge::cli {
namespace {

using Kind = YamlValue::Kind;

struct Flag {
  std::string_view text;
  std::string_view word;
};
constexpr auto kFlags = std::to_array<Flag>(
    {{"true", "true"}, {"True", "true"}, {"TRUE", "true"}, {"false", "false"}, {"False", "false"}, {"FALSE", "false"}});

OptionSpec option_called(const std::string& name) {
  const std::vector<OptionSpec> options = options_of(Command::merge);
  const auto found = std::ranges::find(options, name, &OptionSpec::name);
  return found == options.end() ? OptionSpec() : *found;
}

class Options {
 public:
  Options(const std::string& path, size_t inputs, Places& places) : path_(path), inputs_(inputs), places_(places) {}

  // Each is read by itself first, so that a fault is told with its place.
  Settings read(const YamlValue& options) {
    if (options.kind != Kind::map) refuse(options, "'options' are options of merge and their values, as in dtype: f16");
    CommandLine line{.command = Command::merge, .operands = {}, .options = {}};
    for (size_t i = 0; i < options.keys.size(); ++i) {
      const std::string name = option_name(options.keys[i]);
      if (!line.options.try_emplace(name, words(name, options.items[i])).second)
        refuse(options.keys[i], "'" + options.keys[i].text + "' is given twice");
      try {
        check(name, line.options.at(name));
      } catch (const Error& error) {
        refuse(options.items[i], error.what());
      }
      note_places(name, options.items[i], line.options.at(name));
    }
    return read_request(line).settings;
  }

 private:
  // Messages speak of an option's word, or of a part to which it gives a value.
  void note_places(const std::string& name, const YamlValue& value, const std::vector<std::string>& words) {
    for (size_t i = 0; i < words.size(); ++i) {
      const YamlValue& item = value.items.size() == words.size() ? value.items[i] : value;
      const std::string place = path_ + ":" + std::to_string(item.line) + ":" + std::to_string(item.column);
      places_.emplace_back("--" + name + " '" + words[i] + "'", place);
      if (const size_t equals = words[i].find('='); equals != std::string::npos)
        places_.emplace_back("--" + name + " " + words[i].substr(0, equals + 1), place);
    }
  }

  [[noreturn]] void refuse(const YamlValue& place, const std::string& sentence) const {
    refuse_at(path_, place, sentence);
  }

  void check(const std::string& name, const std::vector<std::string>& words) const {
    const Request read = read_request({.command = Command::merge, .operands = {}, .options = {{name, words}}});
    read.refused.raise();
    Selection(read.settings.recipe).expect_understood();
    check_renames(read.settings.recipe, inputs_);
  }

  // With _ as in programs, or - as on the command line.
  std::string option_name(const YamlValue& key) const {
    std::string name = key.text;
    std::ranges::replace(name, '_', '-');
    const std::vector<std::string>& known = recipe_options();
    if (std::ranges::find(known, name) == known.end())
      refuse(key, "'" + key.text + "' is no option of a recipe" + suggestion_of(name, known));
    return name;
  }

  // A word, a list of words, or a map for words such as vae=f32.
  std::vector<std::string> words(const std::string& name, const YamlValue& value) const {
    const OptionSpec option = option_called(name);
    const bool may_repeat = option.kind() == OptionKind::list;
    if (option.kind() == OptionKind::flag) {
      const std::string_view flag = value.kind == Kind::scalar ? recipe_flag(value.text) : "";
      if (flag.empty()) refuse(value, "'" + name + "' is true or false");
      return {std::string(flag)};
    }
    if ((value.kind == Kind::list && !may_repeat) || (value.kind == Kind::map && !option.may_be_map()))
      refuse(value, "'" + name + "' has one value" + (may_repeat ? ", or a list of them" : ""));
    if (value.kind != Kind::list && value.kind != Kind::map) return {word(name, value)};
    std::vector<std::string> all;
    for (size_t i = 0; i < value.items.size(); ++i)
      all.push_back(value.kind == Kind::map ? one_pair(name, value.keys[i].text, word(name, value.items[i]))
                                            : word(name, value.items[i]));
    if (all.empty()) refuse(value, kWanted);
    return all;
  }

  static std::string one_pair(const std::string& name, const std::string& key, const std::string& value) {
    return name == "set-metadata" ? pair_text(key, value) : key + "=" + value;
  }

  std::string word(const std::string& name, const YamlValue& item) const {
    if (item.kind != Kind::scalar || item.text.empty()) refuse(item, kWanted);
    if (name == "lora") {
      AdapterWord adapter = parse_adapter_word("lora", item.text);
      adapter.path = beside_recipe(adapter.path, path_);
      return adapter_text(adapter);
    }
    return name == "vae" || name == "config-from" ? beside_recipe(item.text, path_) : item.text;
  }

  static constexpr const char* kWanted =
      "an option has a value; those that may be repeated have a list of values, too, and those of the kind NAME=VALUE "
      "a map";

  const std::string& path_;
  size_t inputs_;
  Places& places_;
};

}  // namespace

const std::vector<std::string>& recipe_options() {
  static const std::vector<std::string> options{"add-prefix",  "allow-unmatched",
                                                "component",   "config-from",
                                                "copy-code",   "copy-codes",
                                                "discard",     "dora",
                                                "dtype",       "exclude",
                                                "expand",      "first-channels",
                                                "extra",       "format",
                                                "half",        "hash",
                                                "hash-inputs", "key",
                                                "layout",      "lora",
                                                "mend",        "merge-buffers",
                                                "metadata",    "missing",
                                                "nan",         "only",
                                                "rename",      "rounding",
                                                "seed",        "set-metadata",
                                                "shard-size",  "strip-prefix",
                                                "tied",        "underflow",
                                                "vae",         "vocab",
                                                "wrap"};
  return options;
}

Settings read_recipe_options(const YamlValue* options, const std::string& path, size_t inputs, Places& places) {
  if (options && options->kind != Kind::null) return Options(path, inputs, places).read(*options);
  return read_request({.command = Command::merge, .operands = {}, .options = {}}).settings;
}

std::string beside_recipe(const std::string& file, const std::string& path) {
  if (file.starts_with('@') || names_memory(file)) return file;
  const std::filesystem::path beside = std::filesystem::path(path).parent_path() / file;
  std::error_code error;
  const bool names_model = hub_name(file) && !is_called_like_a_form(file);  // in the cache of Hugging Face
  return names_model && !std::filesystem::exists(beside, error) ? file : beside.string();
}

std::string suggestion_of(const std::string& typed, const std::vector<std::string>& known) {
  const std::string near = did_you_mean(typed, known);
  return near.empty() ? "; there can be " + joined(known, ", ") : near;
}

std::string_view recipe_flag(std::string_view text) {
  const auto found = std::ranges::find(kFlags, text, &Flag::text);
  return found == kFlags.end() ? "" : found->word;
}

}  // namespace ckmerge::cli
