// SPDX-License-Identifier: Apache-2.0
#include "cli/commands/operations.h"

#include "core/recipe/average_weights.h"
#include "io/text/error.h"

namespace ckmerge::cli {
namespace {

[[noreturn]] void refuse(const std::string& where, const std::string& sentence) {
  throw Error(ErrorCode::usage, where, sentence);
}

// IN OUT, or IN -o OUT.
void take_output(Request& request) {
  std::vector<std::string>& operands = request.operands;
  if (operands.size() == 2 && !request.settings.output) {
    request.settings.output = operands[1];
    operands.pop_back();
  }
  if (operands.size() != 1)
    refuse("", operands.empty() ? "no checkpoint is given; `ckmerge convert IN OUT` converts one"
                                : "convert takes one checkpoint and one output, IN OUT");
}

void check_bake(const Request& request) {
  if (request.settings.components.empty() && request.settings.adapters.empty())
    refuse("--lora", "nothing to bake is given; `ckmerge bake MODEL --lora FILE --vae FILE -o OUT`");
  if (request.operands.size() > 1)
    refuse(request.operands[1], "bake takes one checkpoint; merge bakes as well (--lora, --vae)");
}

// The components are the inputs.
void take_components(Request& request) {
  Settings& settings = request.settings;
  if (!request.operands.empty())
    refuse(request.operands[0], "compose takes its files by name: --unet F --te F --vae F -o OUT");
  if (settings.components.empty())
    refuse("--unet", "no file is given; `ckmerge compose --unet F --te F --vae F -o OUT`");
  for (const Component& component : settings.components) {
    request.operands.push_back(component.path);
    settings.recipe.roles.emplace_back(kPartNames[static_cast<size_t>(component.part)]);
  }
  settings.components.clear();
}

// Without --beta and --gamma linear's own weights are uniform.
void set_weights(const Request& request, Recipe& recipe) {
  const Settings& settings = request.settings;
  if (settings.beta && settings.gamma) refuse("--beta", "--beta and --gamma are two ways to average; give one");
  if (!settings.beta && !settings.gamma) return;
  recipe.parameters["weights"] = settings.beta ? ema_weights(request.operands.size(), *settings.beta)
                                               : power_weights(request.operands.size(), *settings.gamma);
  recipe.parameters["normalize"] = {0};
}

}  // namespace

MergeRequest operation_request(const Request& asked, const Environment& environment) {
  Request request = asked;
  Recipe& recipe = request.settings.recipe;
  recipe.method = request.command == Command::average ? "linear" : "copy";
  if (request.command == Command::convert) take_output(request);
  if (request.command == Command::bake) check_bake(request);
  if (request.command == Command::compose) take_components(request);
  if (request.command == Command::average) request.refused.check([&] { set_weights(request, recipe); });
  MergeRequest merge = merge_request(request, environment);
  if (merge.settings.from_unsafe && merge.settings.recipe.form != &output_forms().front())
    refuse("--from-unsafe", "--from-unsafe writes a .safetensors, which cannot hold code");
  return merge;
}

}  // namespace ckmerge::cli
