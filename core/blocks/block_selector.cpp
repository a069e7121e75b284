// SPDX-License-Identifier: Apache-2.0
#include "core/blocks/block_selector.h"

#include <re2/re2.h>

#include <algorithm>
#include <numeric>
#include <optional>
#include <span>

#include "core/names/name_pattern.h"
#include "core/names/near_name.h"
#include "core/names/part.h"
#include "io/text/error.h"
#include "io/text/sentence.h"

namespace ckmerge {
namespace {

char upper(char c) { return c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c; }

std::string uppercase(std::string_view text) {
  std::string out(text);
  std::ranges::transform(out, out.begin(), upper);
  return out;
}

// Letters and digits of a block's name, whatever the case and however many zeros.
struct Spelled {
  std::string group;
  int number = -1;
};

Spelled spelled(std::string_view text, const BlockTable& table) {
  constexpr size_t kMostDigits = 4;
  // Of T5 the digit is no number.
  const std::string whole = uppercase(text);
  if (std::ranges::any_of(table.rows, [&](const BlockRow& row) { return row.group == whole; })) return {whole, -1};
  size_t digits = text.size();
  while (digits > 0 && text[digits - 1] >= '0' && text[digits - 1] <= '9') --digits;
  Spelled out{uppercase(text.substr(0, digits)), -1};
  for (const BlockAlias& alias : table.aliases)
    if (out.group == alias.spelling) out.group = alias.group;
  if (digits < text.size() && text.size() - digits <= kMostDigits) {
    out.number = 0;
    for (const char c : text.substr(digits)) out.number = 10 * out.number + (c - '0');
  }
  return out;
}

std::optional<BlockId> block_called(std::string_view text, const BlockMap& map) {
  const Spelled wanted = spelled(text, map.table());
  for (BlockId id = 0; id < map.blocks().size(); ++id)
    if (map.blocks()[id].group == wanted.group && map.blocks()[id].number == wanted.number) return id;
  return std::nullopt;
}

// What a text that is no block was meant to be: a part, the block of a group that has but one, a range.
std::string meant(std::string_view typed, const BlockMap& map) {
  std::string lower(typed);
  for (char& c : lower)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  for (const char* const part : kPartNames)
    if (lower == part) return part;
  const Spelled wanted = spelled(typed, map.table());
  for (const Block& block : map.blocks())
    if (wanted.number < 0 && block.group == wanted.group) return block.name;
  const size_t sign = typed.find_first_of("-,");
  if (sign == typed.npos) return "";
  const std::string_view first = typed.substr(0, sign), last = typed.substr(sign + 1);
  const auto begin = block_called(first, map), end = block_called(last, map);
  const bool is_range = begin && end && *begin < *end && (typed[sign] == '-' || *begin + 1 == *end);
  return is_range ? sentence(first, "..", last) : "";
}

[[noreturn]] void refuse(const std::string& where, std::string_view what, std::string_view wrong, const BlockMap& map) {
  std::vector<std::string> names;
  const Spelled typed = spelled(what, map.table());
  bool known_group = false;
  for (const Block& block : map.blocks()) {
    names.push_back(block.name);
    known_group |= block.group == typed.group;
  }
  std::string near = meant(what, map);
  if (near.empty() && !known_group) near = nearest_name(uppercase(what), names);
  if (near == what) near.clear();  // a part that the model lacks
  const std::string of = map.architecture().empty() ? "A" : sentence("A (", map.architecture(), ")");
  throw Error(ErrorCode::usage, where,
              sentence(where, ": '", what, "' ", wrong, "; the blocks of ", of, " are ", map.text(),
                       near.empty() ? "" : sentence("; did you mean '", near, "'?")));
}

// A layer by what its names begin with, whatever stands before that: `layers.3` of model.layers.3.
std::optional<BlockId> layer_at(std::string_view text, const BlockMap& map) {
  const BlockId id = map.of(sentence(text, text.ends_with('.') ? "" : "."));
  if (id == BlockMap::kNoBlock || !map.blocks()[id].is_layer()) return std::nullopt;
  return id;
}

BlockId end_of_range(std::string_view text, const BlockMap& map, const std::string& where) {
  if (const auto id = block_called(text, map)) return *id;
  if (const auto id = layer_at(text, map)) return *id;
  refuse(where, text, "is no block", map);
}

std::vector<BlockId> range(std::string_view first, std::string_view last, const BlockMap& map,
                           const std::string& where) {
  const BlockId begin = end_of_range(first, map, where), end = end_of_range(last, map, where);
  if (begin > end) refuse(where, sentence(first, "..", last), "runs backwards", map);
  std::vector<BlockId> ids(end - begin + 1);
  std::iota(ids.begin(), ids.end(), begin);
  return ids;
}

// Back to the last star only, so that the time is bounded whatever the pattern is.
bool matches_wildcard(std::string_view text, std::string_view wildcard) {
  size_t t = 0, w = 0, star = wildcard.npos, after_star = 0;
  while (t < text.size()) {
    if (w < wildcard.size() && wildcard[w] == '*') {
      star = w++;
      after_star = t;
    } else if (w < wildcard.size() && (wildcard[w] == '?' || wildcard[w] == text[t])) {
      ++w, ++t;
    } else if (star != wildcard.npos) {
      w = star + 1;
      t = ++after_star;
    } else {
      return false;
    }
  }
  return wildcard.find_first_not_of('*', w) == wildcard.npos;
}

std::vector<BlockId> wildcard(std::string_view text, const BlockMap& map, const std::string& where) {
  const std::string wanted = uppercase(text);
  std::vector<BlockId> ids;
  for (BlockId id = 0; id < map.blocks().size(); ++id)
    if (matches_wildcard(map.blocks()[id].name, wanted)) ids.push_back(id);
  if (ids.empty()) refuse(where, text, "matches no block", map);
  return ids;
}

// Whether a name begins with `prefix` and there is at an end of a component.
bool is_prefix(const TensorTable& tensors, const std::string& prefix) {
  size_t begin = 0, end = tensors.size();
  while (begin < end) {
    const size_t middle = begin + (end - begin) / 2;
    tensors.name(middle) < prefix ? begin = middle + 1 : end = middle;
  }
  for (; begin < tensors.size() && tensors.name(begin).starts_with(prefix); ++begin) {
    const std::string_view rest = tensors.name(begin).substr(prefix.size());
    if (rest.empty() || rest[0] == '.' || prefix.ends_with('.')) return true;
  }
  return false;
}

std::string alternatives(std::span<const std::string_view> texts) {
  std::string out;
  for (const std::string_view text : texts) out += (out.empty() ? "" : "|") + RE2::QuoteMeta(text);
  return out;
}

BlockSelection with_prefix(std::string_view text, const Selectable& of, const std::string& where) {
  bool found = is_prefix(of.tensors, std::string(text));
  for (const std::string_view prefix : network_prefixes())
    found = found || is_prefix(of.tensors, sentence(prefix, text));
  if (!found) {
    if (const auto id = layer_at(text, of.blocks)) return {.everywhere = false, .blocks = {*id}};
    refuse(where, text, "is no block, and no name begins with it", of.blocks);
  }
  return {.pattern = sentence("^(?:", alternatives(network_prefixes()), ")?", RE2::QuoteMeta(text),
                              text.ends_with('.') ? "" : "(?:\\.|$)")};
}

// The folder of a pipeline calls what denoises so; so do models of language their own blocks.
constexpr std::string_view kTransformer = "transformer.";

bool has_denoising_transformer(const TensorTable& tensors) {
  if (!is_prefix(tensors, std::string(kTransformer))) return false;
  for (size_t i = 0; i < tensors.size(); ++i)
    if (tensors.name(i).starts_with(kTransformer) && part_of(tensors.name(i)) == Part::unet) return true;
  return false;
}

BlockSelection with_part(Part part, const Selectable& of, const std::string& where) {
  std::vector<std::string_view> prefixes = prefixes_of(part);
  if (part == Part::unet && has_denoising_transformer(of.tensors)) prefixes.push_back(kTransformer);
  if (std::ranges::none_of(prefixes, [&](std::string_view text) { return is_prefix(of.tensors, std::string(text)); }))
    refuse(where, kPartNames[static_cast<size_t>(part)], "is a part of which no name is", of.blocks);
  return {.pattern = sentence("^(?:", alternatives(prefixes), ")")};
}

std::vector<std::string_view> words_of(std::string_view text) {
  std::vector<std::string_view> words;
  for (size_t begin = 0; begin < text.size();) {
    const size_t end = std::min(text.find(' ', begin), text.size());
    if (end > begin) words.push_back(text.substr(begin, end - begin));
    begin = end + 1;
  }
  return words;
}

// Takes a NOT off the front.
bool is_turned(std::vector<std::string_view>& words, const std::string& where) {
  const bool is_turned = !words.empty() && words[0] == "NOT";
  if (is_turned) words.erase(words.begin());
  if (std::ranges::find(words, "NOT") != words.end())
    throw Error(
        ErrorCode::usage, where,
        sentence(where, ": NOT stands in front of a list, which it turns round as a whole; here it stands within"));
  return is_turned;
}

std::vector<BlockId> all_but(const std::vector<BlockId>& ids, const BlockMap& map) {
  std::vector<BlockId> others;
  for (BlockId id = 0; id < map.blocks().size(); ++id)
    if (!std::ranges::binary_search(ids, id)) others.push_back(id);
  return others;
}

// REQUIRES: `selector` begins with a slash.
NamePattern pattern_in(std::string_view selector, const std::string& where) {
  if (selector.size() < 3 || !selector.ends_with('/'))
    throw Error(ErrorCode::usage, where, sentence(where, ": a pattern stands between slashes: /attn2\\.to_k/"));
  return NamePattern(where, std::string(selector.substr(1, selector.size() - 2)));
}

}  // namespace

void check_selector(std::string_view selector, const std::string& where) {
  if (selector.starts_with('/')) static_cast<void>(pattern_in(selector, where));
}

BlockSelection select_names(std::string_view selector, const Selectable& of, const std::string& where) {
  if (selector.empty()) refuse(where, selector, "selects nothing", of.blocks);
  if (selector[0] == '/') return {.pattern = pattern_in(selector, where).text()};
  if (const size_t dots = selector.find(".."); dots != selector.npos)
    return {.everywhere = false,
            .blocks = range(selector.substr(0, dots), selector.substr(dots + 2), of.blocks, where)};
  if (selector.find_first_of("*?") != selector.npos)
    return {.everywhere = false, .blocks = wildcard(selector, of.blocks, where)};
  if (const auto id = block_called(selector, of.blocks)) return {.everywhere = false, .blocks = {*id}};
  for (size_t i = 0; i < kPartCount; ++i)
    if (selector == kPartNames[i]) return with_part(static_cast<Part>(i), of, where);
  return with_prefix(selector, of, where);
}

BlockSelection select_elements(std::string_view blocks, std::string_view elements, const Selectable& of,
                               const std::string& where) {
  BlockSelection selection;
  std::vector<std::string_view> words = words_of(blocks);
  const bool other_blocks = is_turned(words, where);
  for (const std::string_view word : words) {
    const size_t dash = word.find('-');
    const std::vector<BlockId> ids = dash == word.npos
                                         ? select_names(word, of, where).blocks
                                         : range(word.substr(0, dash), word.substr(dash + 1), of.blocks, where);
    if (ids.empty()) refuse(where, word, "is no block", of.blocks);
    selection.everywhere = false;
    selection.blocks.insert(selection.blocks.end(), ids.begin(), ids.end());
  }
  std::ranges::sort(selection.blocks);
  if (other_blocks) {
    selection.blocks = all_but(selection.blocks, of.blocks);
    selection.everywhere = false;
    if (selection.blocks.empty()) refuse(where, blocks, "leaves no block", of.blocks);
  }
  std::vector<std::string_view> parts = words_of(elements);
  selection.unless = is_turned(parts, where);
  selection.pattern = alternatives(parts);
  if (selection.unless && selection.pattern.empty())
    throw Error(ErrorCode::usage, where, sentence(where, ": NOT of no elements leaves nothing"));
  return selection;
}

}  // namespace ckmerge
