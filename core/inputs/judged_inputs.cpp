// SPDX-License-Identifier: Apache-2.0
#include "core/inputs/judged_inputs.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "core/inputs/whole_part.h"
#include "core/names/part.h"
#include "core/recipe/dtype_rules.h"
#include "io/table/code_judge.h"
#include "io/text/error.h"
#include "io/text/sentence.h"

namespace ckmerge {
namespace {

using std::string_view;

bool holds_weights(const Checkpoint& checkpoint) { return checkpoint.judgement.holds == Holds::weights; }

bool copies_one_file(const Recipe& recipe) {
  return recipe.method == "copy" && !recipe.bake_vae && recipe.adapters.empty() && recipe.roles.empty();
}

// Codes that no row knows might be any tensor.
bool any_code(const Checkpoint& checkpoint, const auto& test) {
  const CodeJudge judge(checkpoint.tensors);
  bool known = false;
  for (size_t i = 0; i < checkpoint.tensors.size(); ++i) {
    if (!judge.row_of(i)) continue;
    if (test(checkpoint.tensors[i].name)) return true;
    known = true;
  }
  return !known;
}

bool has_known_codes(const Checkpoint& checkpoint) {
  return !any_code(checkpoint, [](string_view) { return false; });
}

bool converts_codes(const Recipe& recipe, const Checkpoint& checkpoint) {
  if (recipe.dtype || recipe.half) return true;
  const auto says_dtype = [](const auto& part) { return part && part->dtype; };
  DtypeRules rules(recipe.dtype_rules);
  if (std::ranges::none_of(recipe.part_dtypes, says_dtype) && !rules.say_dtype()) return false;
  const std::optional<Part> whole = whole_part(checkpoint);
  return any_code(checkpoint, [&](string_view name) {
    if (const auto rule = rules.of(name)) return says_dtype(rule);
    const std::optional<Part> part = part_in(name, whole);
    return part && says_dtype(recipe.part_dtypes[static_cast<size_t>(*part)]);
  });
}

// A VAE would take the place of some tensors of a module, or be of one that is copied.
bool bakes_codes(const Recipe& recipe, std::span<const Checkpoint> checkpoints, const Checkpoint& checkpoint) {
  if (!recipe.bake_vae) return false;
  return &checkpoint == &checkpoints[vae_input(recipe, checkpoints.size())] ||
         any_code(checkpoint, [](string_view name) { return part_of(name) == Part::vae; });
}

// Of parts without the unet, beside which a mark of codes stays.
bool loses_mark(const Recipe& recipe, const Checkpoint& checkpoint) {
  if (recipe.parts.empty() || std::ranges::find(recipe.parts, "unet") != recipe.parts.end()) return false;
  bool marked = false;
  for (size_t i = 0; i < checkpoint.tensors.size() && !marked; ++i)
    marked = is_mark_of_codes(checkpoint.tensors[i].name);
  const std::optional<Part> whole = whole_part(checkpoint);
  return marked && any_code(checkpoint, [&](string_view name) {
           const std::optional<Part> part = part_in(name, whole);
           return part && std::ranges::find(recipe.parts, kPartNames[static_cast<size_t>(*part)]) != recipe.parts.end();
         });
}

std::string codes_line(const Checkpoint& checkpoint) {
  return sentence(checkpoint.path, ": is quantized, ", checkpoint.judgement.text(),
                  "; its codes are no numbers to compute with: take the f16, bf16 or f32 original, or copy the "
                  "quantized layers as A has them (--copy-codes)");
}

std::string baked_line(const Checkpoint& checkpoint) {
  return sentence(checkpoint.path, ": its VAE is quantized, ", checkpoint.judgement.text(),
                  "; a VAE is baked in where neither it nor the one that it takes the place of is");
}

std::string mark_line(const Checkpoint& checkpoint) {
  return sentence(checkpoint.path,
                  ": that the wanted part is quantized is said by a mark beside all parts "
                  "(scaled_fp8), which goes with the unet; take the unet too (--part unet)");
}

std::string factors_line(const Checkpoint& checkpoint, bool beside_weights) {
  const string_view advice =
      beside_weights
          ? "it is no input of its own, but is added to one: --lora FILE (`ckmerge bake MODEL --lora FILE`), "
            "or lora(NAME) in a formula"
          : "its factors cannot be averaged, since the product of averages is not the average of products; "
            "`ckmerge lora merge` merges adapters, `ckmerge bake MODEL --lora FILE` adds one to a model";
  return sentence(checkpoint.path, ": is an adapter, ", checkpoint.judgement.text(), "; ", advice);
}

std::string unknown_codes_line(const Checkpoint& checkpoint) {
  return sentence(checkpoint.path, ": is quantized, ", checkpoint.judgement.text(),
                  ", but no tensor's name tells which are its codes, so that --copy-codes cannot copy them; take the "
                  "f16, bf16 or f32 original");
}

// A copy leaves codes as they are, with all that belongs to them.
void judge_codes(const Recipe& recipe, std::span<const Checkpoint> checkpoints, const Checkpoint& checkpoint,
                 const std::function<bool(string_view)>& is_ruled, std::vector<std::string>& lines) {
  const bool touched = recipe.method != "copy" || !recipe.adapters.empty() || converts_codes(recipe, checkpoint) ||
                       (is_ruled && !recipe.rules.empty() && any_code(checkpoint, is_ruled));
  if (touched && !recipe.copy_codes)
    lines.push_back(codes_line(checkpoint));
  else if (touched && !has_known_codes(checkpoint))
    lines.push_back(unknown_codes_line(checkpoint));
  else if (bakes_codes(recipe, checkpoints, checkpoint))
    lines.push_back(baked_line(checkpoint));
  else if (loses_mark(recipe, checkpoint))
    lines.push_back(mark_line(checkpoint));
}

string_view stem_of(string_view name) { return name.substr(0, name.rfind('.') + 1); }
string_view without_dot(string_view stem) { return stem.substr(0, stem.size() - !stem.empty()); }

}  // namespace

void refuse_unmergeable(const Recipe& recipe, std::span<const Checkpoint> checkpoints,
                        const std::function<bool(string_view)>& is_ruled) {
  const bool factors_stay = copies_one_file(recipe);
  const bool beside_weights = std::ranges::any_of(checkpoints, holds_weights);
  std::vector<std::string> lines;
  for (const Checkpoint& checkpoint : checkpoints) {
    const Holds holds = checkpoint.judgement.holds;
    if (holds == Holds::codes) judge_codes(recipe, checkpoints, checkpoint, is_ruled, lines);
    if (holds == Holds::factors && !factors_stay) lines.push_back(factors_line(checkpoint, beside_weights));
  }
  if (lines.empty()) return;
  if (lines.size() == 1) throw Error(ErrorCode::mismatch, "", lines[0]);
  throw Error(ErrorCode::mismatch, "", sentence(lines.size(), " inputs hold no weights that could be merged"), lines);
}

std::vector<std::string> judgement_warnings(const Recipe& recipe, std::span<const Checkpoint> checkpoints) {
  std::vector<std::string> warnings;
  const auto holds_codes = [](const Checkpoint& checkpoint) { return checkpoint.judgement.holds == Holds::codes; };
  if (recipe.copy_codes && std::ranges::none_of(checkpoints, holds_codes))
    warnings.emplace_back("--copy-codes changes nothing: no input is quantized");
  if (copies_one_file(recipe)) return warnings;
  const auto is_discarded = [](const UnplacedTensor& one) { return one.fate == UnplacedTensor::Fate::discarded; };
  for (const Checkpoint& checkpoint : checkpoints)
    if (const Judgement& judgement = checkpoint.judgement;
        holds_weights(checkpoint) &&
        std::cmp_greater(judgement.factors, std::ranges::count_if(checkpoint.unplaced, is_discarded)))
      warnings.push_back(sentence(checkpoint.path, ": ", counted(judgement.factors, "tensor"),
                                  judgement.factors == 1 ? " is a factor" : " are factors",
                                  " of an adapter beside its weights (", judgement.kind,
                                  "), and factors that are averaged make no average; --exclude or --discard them"));
  return warnings;
}

bool is_mark_of_codes(string_view name) { return name == "scaled_fp8"; }

CodedModules::CodedModules(std::span<const Checkpoint> checkpoints) {
  for (const Checkpoint& checkpoint : checkpoints) {
    const CodeJudge judge(checkpoint.tensors);
    for (size_t i = 0; i < checkpoint.tensors.size(); ++i) {
      if (!judge.row_of(i)) continue;
      string_view code = checkpoint.tensors[i].name;
      while (code.ends_with("._data")) code.remove_suffix(string_view("._data").size());
      modules_.insert(stem_of(code));
      owners_.insert(code);
    }
  }
}

bool CodedModules::covers(string_view name) const {
  const string_view stem = stem_of(name), above = stem_of(without_dot(stem));
  if (modules_.contains(stem) || owners_.contains(name)) return true;
  if (!above.empty() && modules_.contains(above)) return true;
  return owners_.contains(without_dot(stem)) || owners_.contains(without_dot(above));
}

}  // namespace ckmerge
