// SPDX-License-Identifier: Apache-2.0
#include "cli/commands/commands.h"

#include <stdexcept>

#include "cli/commands/mergekit.h"
#include "cli/commands/operations.h"
#include "cli/commands/recipe_file.h"
#include "cli/commands/run_recipe.h"
#include "cli/operands/component_paths.h"
#include "cli/operands/hub_access.h"
#include "cli/operands/registry_access.h"

namespace ckmerge::cli {

void perform(const Request& asked, Caller& caller) {
  const Request request =
      with_component_paths(with_hub_paths(with_registered_paths(asked, caller), caller.environment));
  switch (request.command) {
    case Command::plan: return merge_command(merge_request(request, caller.environment), caller);
    case Command::mergekit: return mergekit_command(request, caller);
    case Command::merge: return merge_command(merge_request(request, caller.environment), caller);
    case Command::run: return merge_command(run_request(request, caller), caller);
    case Command::convert:
    case Command::bake:
    case Command::compose:
    case Command::average: return merge_command(operation_request(request, caller.environment), caller);
    case Command::lora: return lora_command(request, caller);
    case Command::inspect: return inspect_command(request, caller);
    case Command::hash: return hash_command(request, caller);
    case Command::scan: return scan_command(request, caller);
    case Command::listing: return list_command(request, caller);
    case Command::show: return show_command(request, caller);
    case Command::methods: return methods_command(request, caller);
    case Command::doctor: return doctor_command(request, caller);
    case Command::completions:
    case Command::man: break;
  }
  throw std::logic_error("a command that prints scripts is no work");
}

bool plans_recipe_file(Command command, const std::vector<std::string>& operands) {
  return command == Command::plan && !operands.empty() && is_recipe_file(operands[0]);
}

}  // namespace ckmerge::cli
