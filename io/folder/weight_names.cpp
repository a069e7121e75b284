// SPDX-License-Identifier: Apache-2.0
// Names as transformers 5.24, diffusers 0.42 and huggingface_hub 2.4 write them, and Mistral's own.
#include "io/folder/weight_names.h"

#include <algorithm>
#include <array>
#include <charconv>

namespace ckmerge {
namespace {

using std::string_view;

constexpr auto kStems = std::to_array<string_view>({"diffusion_pytorch_model", "model", "pytorch_model"});
constexpr auto kExtensions = std::to_array<string_view>({".safetensors", ".bin"});
// Of files that people call as they like, what stands in front of the extension is a variant only if it is one of
// these.
constexpr auto kVariants = std::to_array<string_view>({"fp16", "bf16", "fp32", "fp8", "non_ema", "ema"});

bool is_digit(char c) { return c >= '0' && c <= '9'; }

bool is_one_of(const auto& known, string_view text) { return std::ranges::find(known, text) != known.end(); }

// Takes ".index.json" or ".index.VARIANT.json" off.
bool take_index(string_view& name, string_view& variant) {
  constexpr string_view kJson = ".json", kIndex = ".index";
  if (!name.ends_with(kJson)) return false;
  string_view rest = name.substr(0, name.size() - kJson.size());
  const size_t at = rest.rfind(kIndex);
  if (at == string_view::npos) return false;
  const string_view behind = rest.substr(at + kIndex.size());
  if (!behind.empty() && (behind[0] != '.' || behind.find('.', 1) != string_view::npos)) return false;
  variant = behind.empty() ? behind : behind.substr(1);
  name = rest.substr(0, at);
  return true;
}

// "-00001-of-00003" somewhere in `rest`: what stands before and behind it. All writers use five digits.
struct Numbered {
  string_view before, behind;
  uint64_t number = 0, of = 0;
};

std::optional<Numbered> numbered(string_view rest) {
  constexpr string_view kOf = "-of-";
  constexpr size_t kFewestDigits = 4, kMostDigits = 9;
  const size_t of = rest.rfind(kOf);
  if (of == string_view::npos) return std::nullopt;
  size_t begin = of, end = of + kOf.size();
  while (begin > 0 && is_digit(rest[begin - 1])) --begin;
  while (end < rest.size() && is_digit(rest[end])) ++end;
  const size_t digits = of - begin;
  const bool separated = begin > 1 && (rest[begin - 1] == '-' || rest[begin - 1] == '_');
  if (!separated || digits < kFewestDigits || digits > kMostDigits || end - of - kOf.size() != digits)
    return std::nullopt;
  Numbered found{.before = rest.substr(0, begin - 1), .behind = rest.substr(end)};
  std::from_chars(rest.data() + begin, rest.data() + of, found.number);
  std::from_chars(rest.data() + of + kOf.size(), rest.data() + end, found.of);
  const bool is_shard = found.number >= 1 && found.number <= found.of;
  return is_shard && (found.behind.empty() || found.behind[0] == '.') ? std::optional(found) : std::nullopt;
}

// Splits "model.fp16"; all behind a stem that loaders know is the variant.
void split_variant(string_view text, WeightName& name) {
  name.stem = text;
  const size_t dot = is_known_stem(text.substr(0, text.find('.'))) ? text.find('.') : text.rfind('.');
  if (dot == string_view::npos || dot == 0) return;
  const string_view behind = text.substr(dot + 1);
  if (behind.empty() || !(is_known_stem(text.substr(0, dot)) || is_one_of(kVariants, behind))) return;
  name.stem = text.substr(0, dot);
  name.variant = behind;
}

}  // namespace

bool is_known_stem(string_view stem) { return is_one_of(kStems, stem); }

bool is_adapter_name(string_view name) { return name == "adapter_model.safetensors" || name == "adapter_model.bin"; }

std::optional<WeightName> weight_name(string_view text) {
  WeightName name;
  string_view index_variant;
  name.is_index = take_index(text, index_variant);
  const auto extension = std::ranges::find_if(kExtensions, [&](string_view end) { return text.ends_with(end); });
  if (extension == kExtensions.end() || text.size() == extension->size()) return std::nullopt;
  name.extension = text.substr(text.size() - extension->size());
  string_view rest = text.substr(0, text.size() - extension->size());
  string_view behind;
  if (const auto shard = name.is_index ? std::nullopt : numbered(rest)) {
    name.number = shard->number;
    name.of = shard->of;
    rest = shard->before;
    if (!shard->behind.empty()) behind = shard->behind.substr(1);
  }
  split_variant(rest, name);
  if (!behind.empty()) name.variant = behind;
  if (!index_variant.empty()) name.variant = index_variant;
  return name;
}

}  // namespace ckmerge
