// SPDX-License-Identifier: Apache-2.0
#include "core/adapters/making/module_blocks.h"

#include <algorithm>
#include <charconv>
#include <optional>

#include "core/adapters/making/module_names.h"
#include "io/text/sentence.h"

namespace ckmerge {
namespace {

using std::string_view;

// A module as a model of its component would have it: `text_encoder_2.` in front of those of encoders.
struct ModulePath {
  std::string text;
  size_t exact = 0;  // bytes in which dots are dots: of kohya's names none of what the file has
};

ModulePath path_of(string_view module) {
  const ModuleName name = parsed_module_name(module);
  const string_view folder = name.component == "te1"   ? "text_encoder."
                             : name.component == "te2" ? "text_encoder_2."
                             : name.component == "te3" ? "text_encoders.t5."
                                                       : "";
  const bool is_dotted = !module.substr(0, module.size() - name.path.size()).ends_with('_');
  ModulePath path{sentence(folder, name.path, is_dotted ? "." : "_"), folder.size()};
  if (is_dotted) path.exact = path.text.size();
  return path;
}

bool is_between(char c) { return c == '.' || c == '_'; }

struct PathNumbers {
  int values[2] = {0, 0};
};

// As names fit rows of tables, but for dots that may be underscores.
std::optional<PathNumbers> fits_at(const ModulePath& path, size_t at, string_view row) {
  PathNumbers numbers;
  size_t taken = 0;
  for (const char c : row) {
    if (c == '#') {
      int number = 0;
      const char* const begin = path.text.data() + at;
      const auto [end, error] = std::from_chars(begin, path.text.data() + path.text.size(), number);
      if (error != std::errc() || number < 0) return std::nullopt;
      at += static_cast<size_t>(end - begin);
      if (taken < std::size(numbers.values)) numbers.values[taken++] = number;
      continue;
    }
    if (at == path.text.size()) return std::nullopt;
    const char found = path.text[at];
    if (found != c && !(at >= path.exact && is_between(c) && is_between(found))) return std::nullopt;
    ++at;
  }
  return numbers;
}

std::optional<PathNumbers> fits(const ModulePath& path, string_view row) {
  if (row[0] != '*') return fits_at(path, 0, row);
  for (size_t i = 0; i < path.text.size(); ++i)
    if (i == 0 || path.text[i - 1] == '.' || (i > path.exact && path.text[i - 1] == '_'))
      if (const auto numbers = fits_at(path, i, row.substr(1))) return numbers;
  return std::nullopt;
}

std::string numbered(string_view group, int number) { return sentence(group, number < 10 ? "0" : "", number); }

std::string block_name(const BlockRow& row, const PathNumbers& numbers, const BlockTable& table) {
  switch (row.number) {
    case BlockRow::kNone: return std::string(row.group);
    case BlockRow::kLastOut: return numbered(row.group, table.last_out);
    case BlockRow::kOfPath:
      return numbered(row.group, row.first * numbers.values[0] + row.second * numbers.values[1] + row.offset);
    default: return numbered(row.group, row.number);
  }
}

// What a network's modules begin with, and whose that is.
struct Sign {
  string_view path, architecture;
};
constexpr Sign kSigns[] = {
    {"label_emb.", "sdxl"},
    {"add_embedding.", "sdxl"},
    {"input_blocks.#.", "sd1"},
    {"down_blocks.#.", "sd1"},
    {"middle_block.", "sd1"},
    {"mid_block.", "sd1"},
    {"output_blocks.#.", "sd1"},
    {"up_blocks.#.", "sd1"},
    {"double_blocks.#.", "flux"},
    {"single_blocks.#.", "flux"},
    {"single_transformer_blocks.#.", "flux"},
    {"joint_blocks.#.", "sd3"},
};
// Of SDXL only: blocks with ten transformers, and the second encoder; never a level of its own below the third.
constexpr string_view kOfSdxl[] = {"input_blocks.#.1.transformer_blocks.2.",
                                   "down_blocks.#.attentions.#.transformer_blocks.2.",
                                   "output_blocks.#.1.transformer_blocks.2.",
                                   "up_blocks.#.attentions.#.transformer_blocks.2.",
                                   "middle_block.1.transformer_blocks.2.",
                                   "mid_block.attentions.0.transformer_blocks.2.",
                                   "text_encoder_2."};

string_view told_by(std::span<const string_view> names) {
  string_view told;
  bool is_sdxl = false;
  for (const string_view name : names) {
    const ModulePath path = path_of(name);
    for (const Sign& sign : kSigns)
      if (told != "sdxl" && fits_at(path, 0, sign.path)) told = sign.architecture;
    is_sdxl |= std::ranges::any_of(kOfSdxl, [&](string_view row) { return fits_at(path, 0, row).has_value(); });
  }
  return told == "sd1" && is_sdxl ? "sdxl" : told;
}

std::vector<std::string> range(string_view group, int first, int last) {
  std::vector<std::string> out;
  for (int number = first; number <= last; ++number) out.push_back(numbered(group, number));
  return out;
}

std::vector<std::string> joined(std::initializer_list<std::vector<std::string>> parts) {
  std::vector<std::string> out;
  for (const std::vector<std::string>& part : parts) out.insert(out.end(), part.begin(), part.end());
  return out;
}

const BlockTable& table_of_list(size_t count) {
  return block_table(count == 61 ? "flux" : count == 12 || count == 20 ? "sdxl" : "sd1");
}

}  // namespace

std::string module_block(string_view name, const BlockTable& table) {
  const ModulePath path = path_of(name);
  for (const BlockRow& row : table.rows)
    if (const auto numbers = fits(path, row.path)) return block_name(row, *numbers, table);
  return std::string(kBaseGroup);
}

const BlockTable& table_of_modules(std::span<const string_view> names, string_view architecture) {
  const BlockTable& known = block_table(architecture);
  return &known != &generic_block_table() ? known : block_table(told_by(names));
}

std::vector<std::string> blocks_of_list(size_t count) {
  const std::vector<std::string> base{"BASE"}, middle{"M00"};
  switch (count) {
    case 12: return joined({base, range("IN", 4, 5), range("IN", 7, 8), middle, range("OUT", 0, 5)});
    case 17:
      return joined({base, range("IN", 1, 2), range("IN", 4, 5), range("IN", 7, 8), middle, range("OUT", 3, 11)});
    case 20: return joined({base, range("IN", 0, 8), middle, range("OUT", 0, 8)});
    case 26: return joined({base, range("IN", 0, 11), middle, range("OUT", 0, 11)});
    case 61: return joined({{"CLIP", "T5", "IN"}, range("D", 0, 18), range("S", 0, 37), {"OUT"}});
    default: return {};
  }
}

double strength_in_list(std::span<const double> list, string_view module) {
  const std::vector<std::string> blocks = blocks_of_list(list.size());
  const std::string block = module_block(module, table_of_list(list.size()));
  if (block == kBaseGroup) return list[0];
  const auto found = std::ranges::find(blocks, block);
  return found == blocks.end() ? 1 : list[static_cast<size_t>(found - blocks.begin())];
}

}  // namespace ckmerge
