// SPDX-License-Identifier: Apache-2.0
#include "core/mergekit/mergekit_setting.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <initializer_list>

#include "io/text/error.h"
#include "io/text/sentence.h"
#include "io/text/utf8.h"

namespace ckmerge {
namespace {

using YamlKind = YamlValue::Kind;

constexpr std::array<std::string_view, 6> kYes = {"true", "yes", "on", "1", "1.0", "y"},
                                          kNo = {"false", "no", "off", "0", "0.0", "n"};

std::string lower(std::string_view text) {
  std::string out(text);
  for (char& c : out)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  return out;
}

std::optional<bool> flag_of(std::string_view word) {
  const std::string text = lower(word);
  if (std::ranges::find(kYes, text) != kYes.end()) return true;
  if (std::ranges::find(kNo, text) != kNo.end()) return false;
  return std::nullopt;
}

bool is_list_of_scalars(const YamlValue& value) {
  return value.kind == YamlKind::list &&
         std::ranges::all_of(value.items, [](const YamlValue& item) { return item.kind == YamlKind::scalar; });
}

}  // namespace

MergekitSetting::MergekitSetting(const YamlValue& name, const YamlValue& value, const std::string& where)
    : name_(name.text), where_(where), place_{.line = name.line, .column = name.column} {
  if (value.kind == YamlKind::scalar || (is_list_of_scalars(value) && !value.items.empty()))
    entries_.push_back({.filter = "", .words = words_of(value)});
  else if (value.kind == YamlKind::map)
    add_entry(value);
  else if (value.kind == YamlKind::list)
    for (const YamlValue& item : value.items) add_entry(item);
  else
    refuse_at(where_, value, sentence("'", name_, "' has no value"));
}

void MergekitSetting::add_entry(const YamlValue& entry) {
  const char* const kForm = "an entry is {value: X} or {filter: TEXT, value: X}";
  if (entry.kind != YamlKind::map) refuse_at(where_, entry, kForm);
  Entry read;
  bool has_value = false;
  for (size_t i = 0; i < entry.keys.size(); ++i) {
    const YamlValue &key = entry.keys[i], &value = entry.items[i];
    if (key.text == "value") {
      read.words = words_of(value);
      has_value = true;
    } else if (key.text == "filter") {
      if (value.kind != YamlKind::scalar && value.kind != YamlKind::null)
        refuse_at(where_, value, "a filter is a text");
      read.filter = value.text == "*" ? "" : value.text;
      read.place = {.line = value.line, .column = value.column};
    } else {
      refuse_at(where_, key, sentence("'", valid_utf8(key.text), "' is unknown; ", kForm));
    }
  }
  if (!has_value) refuse_at(where_, entry, sentence("'value' is missing; ", kForm));
  entries_.push_back(std::move(read));
}

std::vector<std::string> MergekitSetting::words_of(const YamlValue& value) const {
  if (value.kind == YamlKind::scalar) return {value.text};
  if (!is_list_of_scalars(value) || value.items.empty())
    refuse_at(where_, value, sentence("'", name_, "' is a number, a flag, or a gradient such as [0, 0.5, 1]"));
  std::vector<std::string> words;
  for (const YamlValue& item : value.items) words.push_back(item.text);
  return words;
}

double MergekitSetting::number_of(const std::string& word, MergekitKind kind) const {
  const std::optional<bool> flag = flag_of(word);
  if (kind == MergekitKind::flag) {
    if (flag) return *flag;
    refuse_at(where_, place_, sentence("'", name_, "' is true or false, not '", valid_utf8(word), "'"));
  }
  const size_t digits = word.find_first_not_of("+-");
  if (digits != word.npos && word.size() > digits + 1 && word[digits] == '0' && word[digits + 1] != '.' &&
      word[digits + 1] != 'e' && word[digits + 1] != 'E')
    refuse_at(where_, place_,
              sentence("'", name_, "' is a decimal number; '", valid_utf8(word), "' is none to all readers of YAML"));
  double number = 0;
  const size_t begin = word.starts_with('+') ? 1 : 0;
  const auto [end, fault] = std::from_chars(word.data() + begin, word.data() + word.size(), number);
  if (fault == std::errc() && end == word.data() + word.size() && std::isfinite(number)) return number;
  if (flag) return *flag;
  refuse_at(where_, place_, sentence("'", name_, "' is a number, not '", valid_utf8(word), "'"));
}

std::vector<MergekitSetting::Value> MergekitSetting::at(double t, MergekitKind kind) const {
  std::vector<Value> values;
  for (const Entry& entry : entries_) {
    const double place = t * static_cast<double>(entry.words.size() - 1);
    const auto first = static_cast<size_t>(place);
    double number = number_of(entry.words[first], kind);
    if (kind == MergekitKind::number && entry.words.size() > 1) {
      const double next = number_of(entry.words[std::min(first + 1, entry.words.size() - 1)], kind),
                   share = place - static_cast<double>(first);
      number = (1 - share) * number + share * next;
    }
    values.push_back({.filter = entry.filter, .number = number});
    if (entry.filter.empty()) break;
  }
  return values;
}

std::vector<MergekitSetting::Filter> MergekitSetting::filters() const {
  std::vector<Filter> filters;
  for (const Entry& entry : entries_)
    if (!entry.filter.empty()) filters.push_back({.text = entry.filter, .place = entry.place});
  return filters;
}

bool MergekitSetting::has_gradient() const {
  return std::ranges::any_of(entries_, [](const Entry& entry) { return entry.words.size() > 1; });
}

MergekitSettings read_mergekit_settings(const YamlValue& map, const std::string& where) {
  MergekitSettings settings;
  if (map.kind == YamlKind::null) return settings;
  if (map.kind != YamlKind::map) refuse_at(where, map, "'parameters' is a map, as in {weight: 0.5}");
  for (size_t i = 0; i < map.keys.size(); ++i) settings.emplace_back(map.keys[i], map.items[i], where);
  return settings;
}

}  // namespace ckmerge
