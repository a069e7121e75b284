// SPDX-License-Identifier: Apache-2.0
#include "cli/commands/operations.h"

#include <algorithm>

#include "cli/options/choices.h"
#include "cli/options/faults.h"
#include "cli/options/numbers.h"
#include "core/recipe/average_weights.h"
#include "io/text/error.h"

namespace ckmerge::cli {
namespace {

[[noreturn]] void refuse(const std::string& where, const std::string& sentence) {
  throw Error(ErrorCode::usage, where, sentence);
}

std::vector<std::string> words_between_commas(const std::string& text) {
  std::vector<std::string> words;
  for (size_t begin = 0; begin <= text.size();) {
    const size_t end = std::min(text.find(',', begin), text.size());
    words.push_back(text.substr(begin, end - begin));
    begin = end + 1;
  }
  return words;
}

// ---- convert

// IN OUT, or IN -o OUT.
CommandLine with_output(CommandLine line) {
  if (line.files.size() == 2 && !line.value("output")) {
    line.values["output"] = line.files[1];
    line.files.pop_back();
  }
  if (line.files.size() != 1)
    refuse("", line.files.empty() ? "no checkpoint is given; `ckmerge convert IN OUT` converts one"
                                  : "convert takes one checkpoint and one output, IN OUT");
  return line;
}

void read_parts(const CommandLine& line, Recipe& recipe) {
  const std::string* const parts = line.value("part");
  if (!parts) return;
  recipe.parts = words_between_commas(*parts);
  for (const std::string& part : recipe.parts) parse_part("--part", part);
}

void read_convert(const CommandLine& line, MergeRequest& request, Faults& faults) {
  request.recipe.prune = line.has("prune");
  faults.check([&] { read_parts(line, request.recipe); });
  if (const std::string* const ema = line.value("ema"))
    faults.check([&] { request.recipe.ema = parse_policy<EmaPolicy>("--ema", *ema); });
}

// ---- compose

struct Role {
  const char* option;
  Part part;
};
constexpr Role kRoles[] = {
    {"unet", Part::unet}, {"te", Part::te}, {"te2", Part::te}, {"te3", Part::te}, {"vae", Part::vae}};

CommandLine with_roles(CommandLine line, std::vector<std::string>& roles) {
  if (!line.files.empty()) refuse(line.files[0], "compose takes its files by name: --unet F --te F --vae F -o OUT");
  for (const Role& role : kRoles) {
    const std::string* const file = line.value(role.option);
    if (!file) continue;
    line.files.push_back(*file);
    roles.emplace_back(kPartNames[static_cast<size_t>(role.part)]);
  }
  if (line.files.empty()) refuse("--unet", "no file is given; `ckmerge compose --unet F --te F --vae F -o OUT`");
  line.values.erase("vae");  // here it is not baked into something
  return line;
}

// ---- average

void read_average(const CommandLine& line, MergeRequest& request) {
  const std::string *const beta = line.value("beta"), *const gamma = line.value("gamma");
  if (beta && gamma) refuse("--beta", "--beta and --gamma are two ways to average; give one");
  if (!beta && !gamma) return;  // linear's own weights are uniform
  request.recipe.parameters["weights"] = beta ? ema_weights(request.inputs.size(), parse_number("--beta", *beta))
                                              : power_weights(request.inputs.size(), parse_number("--gamma", *gamma));
  request.recipe.parameters["normalize"] = {0};
}

}  // namespace

void read_vae(const CommandLine& line, MergeRequest& request) {
  const std::string* const vae = line.value("vae");
  if (!vae) return;
  if (vae->empty()) refuse("--vae", "--vae has an empty value");
  request.inputs.push_back(*vae);
  request.recipe.bake_vae = true;
}

MergeRequest operation_request(const CommandLine& typed, const Environment& environment) {
  const bool is_average = typed.command == Command::average;
  Faults faults;
  std::vector<std::string> roles;
  CommandLine line = typed;
  faults.check([&] {
    if (typed.command == Command::convert) line = with_output(typed);
    if (typed.command == Command::compose) line = with_roles(typed, roles);
    if (typed.command == Command::bake && !typed.value("vae"))
      refuse("--vae", "no VAE is given; `ckmerge bake MODEL --vae FILE -o OUT`");
    if (typed.command == Command::bake && typed.files.size() > 1)
      refuse(typed.files[1], "bake takes one checkpoint; merge bakes as well (--vae)");
  });
  faults.raise();
  line.values["method"] = is_average ? "linear" : "copy";
  MergeRequest request = merge_request(line, environment);
  request.recipe.roles = roles;
  if (const std::string* const layout = line.value("layout")) request.recipe.layout = *layout;
  if (typed.command == Command::convert) read_convert(line, request, faults);
  if (is_average) faults.check([&] { read_average(line, request); });
  faults.raise();
  return request;
}

}  // namespace ckmerge::cli
