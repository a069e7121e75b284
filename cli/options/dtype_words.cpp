// SPDX-License-Identifier: Apache-2.0
#include "cli/options/dtype_words.h"

#include "cli/system/text.h"
#include "io/text/error.h"

namespace ckmerge::cli {
namespace {

[[noreturn]] void refuse(const std::string& where, const std::string& sentence) {
  throw Error(ErrorCode::usage, where, sentence);
}

std::optional<Dtype> dtype_called(const std::string& word) {
  if (word == "keep") return std::nullopt;
  try {
    return parse_dtype(word);
  } catch (const Error& e) {
    const std::vector<std::string> names{"keep", "f64", "f32", "f16", "bf16", "f8_e4m3", "f8_e5m2"};
    refuse("--dtype", std::string("--dtype: ") + e.what() + did_you_mean(word, names));
  }
}

}  // namespace

void read_dtypes(const CommandLine& line, Recipe& recipe, Faults& faults) {
  bool of_all = false;
  for (const std::string& word : line.list("dtype"))
    faults.check([&] {
      const size_t equals = word.find('=');
      if (equals == word.npos) {
        if (of_all) refuse("--dtype", "--dtype is given twice for all tensors; name a part, as in --dtype vae=f32");
        of_all = true;
        recipe.dtype = dtype_called(word);
        return;
      }
      const std::string name = word.substr(0, equals);
      auto& part = recipe.part_dtypes[static_cast<size_t>(parse_part("--dtype", name))];
      if (part) refuse("--dtype", "--dtype is given twice for " + name);
      part = {dtype_called(word.substr(equals + 1))};
    });
  recipe.half = line.has("half");
  if (recipe.half && recipe.dtype)
    faults.check([] {
      refuse("--half", "--half and --dtype both say how all tensors are stored; give one, or --dtype of parts");
    });
}

std::string dtypes_text(const Recipe& recipe) {
  std::string out;
  if (recipe.dtype) out += std::string(", stored as ") + info(*recipe.dtype).name;
  if (recipe.half) out += ", F32 stored as F16";
  for (size_t i = 0; i < kPartCount; ++i)
    if (const auto& part = recipe.part_dtypes[i])
      out +=
          std::string(", ") + kPartNames[i] + (part->dtype ? std::string(" as ") + info(*part->dtype).name : " kept");
  return out;
}

}  // namespace ckmerge::cli
