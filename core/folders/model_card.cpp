// SPDX-License-Identifier: Apache-2.0
#include "core/folders/model_card.h"

#include <algorithm>

#include "io/text/json_text.h"
#include "io/text/sentence.h"
#include "io/text/yaml_text.h"

namespace ckmerge {
namespace {

// A pretty one of a recipe with a million weights would take a gigabyte while it is made.
constexpr size_t kMaxPretty = size_t{1} << 18;

std::string letter(size_t k) { return k < 26 ? std::string(1, static_cast<char>('A' + k)) : sentence("#", k + 1); }

// What is behind backticks must not end them, nor the line.
std::string code(std::string text) {
  std::ranges::replace_if(
      text, [](char c) { return c == '`' || static_cast<unsigned char>(c) < 0x20; }, '?');
  return sentence("`", text, "`");
}

// "org/name" of a snapshot in a cache of Hugging Face, whose own name is a commit.
std::string model_id(const Checkpoint& checkpoint, const std::string& recorded) {
  constexpr std::string_view kFront = "models--", kBetween = "--", kBehind = "/snapshots/";
  const std::string_view path = checkpoint.path;
  const size_t end = path.rfind(kBehind);
  if (end == path.npos) return recorded;
  std::string id(path.substr(0, end).substr(path.substr(0, end).rfind('/') + 1));
  const size_t between = id.find(kBetween, kFront.size());
  if (!id.starts_with(kFront) || between == id.npos) return recorded;
  return id.replace(between, kBetween.size(), "/").substr(kFront.size());
}

std::string front_matter(const Plan& plan, std::span<const std::string> ids, const CardFacts& facts) {
  std::string out = "---\nbase_model:\n";
  std::vector<std::string> known;
  for (const std::string& id : ids) {
    if (std::ranges::find(known, id) != known.end()) continue;
    known.push_back(id);
    out += sentence("- ", yaml_scalar(id), "\n");
  }
  if (!facts.library.empty()) out += sentence("library_name: ", facts.library, "\n");
  for (const auto& [key, value] : facts.licence) out += sentence(key, ": ", yaml_scalar(value), "\n");
  if (plan.recipe.method != "copy") {
    out += "tags:\n";
    if (!facts.mergekit_config.empty()) out += "- mergekit\n";
    out += "- merge\n";
  }
  return out + "---\n";
}

std::string method_line(const Recipe& recipe) {
  if (recipe.formula) return sentence("Formula: ", code(recipe.formula->text), "\n");
  std::string out = sentence("Method: ", code(recipe.method));
  if (const Method* const method = find_method(recipe.method)) out += sentence(", ", code(method->spec->formula));
  return out + "\n";
}

// "0.8, te 0.2".
std::string strength_text(const AdapterUse& use) {
  std::string out = number_text(use.strength);
  for (const AdapterStrength& rule : use.rules)
    out += sentence(", ", code(rule.selector), " ", number_text(rule.value));
  return out;
}

// What was merged, and apart from it what was added to it.
std::string input_lines(const Recipe& recipe, std::span<const std::string> ids) {
  std::string out;
  const size_t adapters = first_adapter(recipe, ids.size());
  for (size_t k = 0; k < ids.size(); ++k) {
    if (k == adapters) out += recipe.adapters.size() == 1 ? "\nwith the adapter\n\n" : "\nwith the adapters\n\n";
    out += sentence("- ", letter(k), ": ", code(ids[k]));
    if (k >= adapters) out += sentence(", strength ", strength_text(recipe.adapters[k - adapters]));
    out += "\n";
  }
  return out;
}

std::string recipe_block(const Plan& plan, std::span<const Checkpoint> checkpoints, std::span<const InputHash> hashes) {
  std::vector<std::vector<std::string>> equated;
  for (const Checkpoint& checkpoint : checkpoints) equated.push_back(checkpoint.equated);
  std::string text = recipe_text(plan.recipe, recorded_names(plan.recipe, checkpoints),
                                 plan.recipe.hash ? hashes : std::span<const InputHash>(), equated);
  text = text.size() > kMaxPretty ? text + "\n" : json_text(parse_json(text));
  return sentence("\n## Recipe\n\nIt is in the metadata of the weights too, so that `ckmerge run` makes them again.\n",
                  "\n```json\n", text, "```\n");
}

}  // namespace

std::string model_card(const Plan& plan, std::span<const Checkpoint> checkpoints, std::span<const InputHash> hashes,
                       const CardFacts& facts) {
  std::vector<std::string> ids = recorded_names(plan.recipe, checkpoints);
  for (size_t k = 0; k < ids.size(); ++k) ids[k] = model_id(checkpoints[k], ids[k]);
  std::string out = front_matter(plan, std::span(ids).first(first_adapter(plan.recipe, ids.size())), facts);
  out += plan.recipe.method == "copy" && plan.recipe.adapters.empty()
             ? "\n# Converted model\n\nMade with ckmerge of\n\n"
             : "\n# Merged model\n\nMerged with ckmerge of\n\n";
  out += input_lines(plan.recipe, ids);
  out += "\n" + method_line(plan.recipe);
  if (!facts.mergekit_config.empty())
    out += sentence("\n## Configuration\n\n```yaml\n", facts.mergekit_config,
                    facts.mergekit_config.ends_with('\n') ? "" : "\n", "```\n");
  return out + recipe_block(plan, checkpoints, hashes);
}

}  // namespace ckmerge
