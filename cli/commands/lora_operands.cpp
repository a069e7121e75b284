// SPDX-License-Identifier: Apache-2.0
#include "cli/commands/lora_operands.h"

#include <algorithm>
#include <string_view>

#include "cli/options/faults.h"
#include "cli/options/numbers.h"
#include "core/adapters/making/module_blocks.h"
#include "io/text/sentence.h"

namespace ckmerge::cli {
namespace {

[[noreturn]] void refuse(const std::string& where, const std::string& what) {
  throw Error(ErrorCode::usage, where, where + ": " + what);
}

bool is_number(std::string_view text) {
  return !text.empty() && text.find_first_not_of("0123456789+-.eE") == std::string_view::npos &&
         text.find_first_of("0123456789") != std::string_view::npos;
}

bool is_part(std::string_view text) { return is_number(text) || text.starts_with("te=") || text.starts_with("lbw="); }

void read_part(CountedPath& out, const std::string& word, const std::string& part) {
  if (part.starts_with("te=")) {
    out.of_encoders = parse_number(word, part.substr(3));
  } else if (part.starts_with("lbw=")) {
    out.by_block = parse_numbers(word, part.substr(4));
    if (blocks_of_list(out.by_block.size()).empty())
      refuse(word, sentence("lbw= has ", out.by_block.size(),
                            " numbers; lists of blocks have 12 (SDXL), 17 (SD 1), 20 (SDXL), 26 (SD 1) or 61 (Flux)"));
  } else {
    out.strength = parse_number(word, part);
  }
}

// Parts are taken from the end, since a path may have colons too.
CountedPath counted_path(const std::string& word) {
  CountedPath out{.path = word};
  for (size_t colon; (colon = out.path.rfind(':')) != std::string::npos && colon > 0;) {
    const std::string part = out.path.substr(colon + 1);
    if (!is_part(part)) break;
    read_part(out, word, part);
    out.path.resize(colon);
  }
  if (out.path.size() < word.size()) out.text = word.substr(out.path.size() + 1);
  return out;
}

}  // namespace

std::vector<CountedPath> counted_paths(const std::vector<std::string>& words, bool resizes) {
  std::vector<CountedPath> out;
  Faults faults;
  for (const std::string& word : words) faults.check([&] { out.push_back(counted_path(word)); });
  faults.raise();
  if (out.empty())
    throw Error(ErrorCode::usage, "",
                resizes ? "no LoRA is given; `ckmerge lora resize L --rank 16 -o OUT`"
                        : "no LoRA is given; `ckmerge lora merge L1:0.7 L2:0.4 -o OUT`");
  if (resizes && out.size() > 1) refuse(words[1], "resize takes one LoRA; `ckmerge lora merge` adds several up");
  if (resizes && out[0].path != words[0])
    refuse(words[0], "resize takes no strength; `ckmerge lora merge L:0.7 -o OUT` scales a LoRA");
  return out;
}

}  // namespace ckmerge::cli
