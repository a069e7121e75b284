// SPDX-License-Identifier: Apache-2.0
#include "cli/commands/open_inputs.h"

#include <algorithm>

#include "cli/commands/commands.h"
#include "cli/system/text.h"
#include "io/input_forms.h"

namespace ckmerge::cli {
namespace {

[[noreturn]] void refuse(const std::string& sentence) { throw Error(ErrorCode::usage, "--key", sentence); }

std::string key_of(const MergeRequest& request, size_t k) {
  const std::vector<std::string>& keys = request.settings.recipe.input_keys;
  return k < keys.size() && !keys[k].empty() ? keys[k] : request.key;
}

// What somebody who asked for the tensors of an unsafe file gets to know of it.
std::string unsafe_warning(const Checkpoint& checkpoint) {
  std::string names;
  size_t count = 0;
  for (const PickleGlobal& global : checkpoint.globals)
    if (global.danger == PickleDanger::unsafe && ++count <= kListed) names += (count > 1 ? ", " : "") + global.name;
  if (count == 0) return checkpoint.path + " names nothing unsafe: --from-unsafe changes nothing";
  if (count > kListed) names += " and " + std::to_string(count - kListed) + " more";
  return checkpoint.path + " would run " + names +
         " in programs that load it with Python; nothing was run here, and only its tensors are taken";
}

}  // namespace

void read_keys(MergeRequest& request) {
  std::vector<std::string>& keys = request.settings.recipe.input_keys;
  for (const std::string& text : request.settings.keys) {
    size_t k = 0;
    while (k < request.inputs.size() && !text.starts_with(letter(k) + "=")) ++k;
    const std::string key = k < request.inputs.size() ? text.substr(letter(k).size() + 1) : text;
    if (k < request.inputs.size() && keys.empty()) keys.resize(request.inputs.size());
    std::string& place = k < request.inputs.size() ? keys[k] : request.key;
    if (key.empty()) refuse("--key has an empty value");
    if (!place.empty()) refuse("--key is given twice for " + (k < request.inputs.size() ? letter(k) : "all inputs"));
    place = key;
  }
}

std::vector<Checkpoint> open_inputs(MergeRequest& request, Caller& caller, Faults& faults) {
  std::vector<Checkpoint> checkpoints;
  std::vector<std::string> used(request.inputs.size());
  const size_t adapters = first_adapter(request.settings.recipe, request.inputs.size());  // have names of their own
  for (size_t k = 0; k < request.inputs.size(); ++k)
    faults.check([&] {
      const std::string key = key_of(request, k);
      checkpoints.push_back(
          caller.open(request.inputs[k], {.key = key,
                                          .allow_expanded = request.settings.allow_expanded,
                                          .ema = request.settings.recipe.ema,
                                          .keep_names = request.settings.recipe.keep_names || k >= adapters,
                                          .mend = request.settings.recipe.mend,
                                          .from_unsafe = request.settings.from_unsafe}));
      share_names(checkpoints);
      if (request.settings.from_unsafe) request.warnings.push_back(unsafe_warning(checkpoints.back()));
      if (const InputForm& form = *checkpoints.back().form; form.has_pickle)
        used[k] = key;
      else if (!key.empty() && key != request.key)
        refuse("--key is given for " + letter(k) + ", but " + request.inputs[k] + " is " +
               (checkpoints.back().lies_in_memory() ? "in memory" : std::string("a ") + form.name + " file") +
               ", which has none");
    });
  const auto given = [](const std::string& key) { return !key.empty(); };
  if (faults.empty() && !request.key.empty() && std::ranges::none_of(used, given))
    faults.check([] { refuse("--key is given, but no input is a PyTorch file"); });
  request.settings.recipe.input_keys = std::ranges::any_of(used, given) ? used : std::vector<std::string>();
  return checkpoints;
}

std::vector<Checkpoint> open_checkpoints(const std::vector<std::string>& paths, Caller& caller,
                                         const OpenOptions& options) {
  Faults faults;
  std::vector<Checkpoint> checkpoints;
  for (const std::string& path : paths) faults.check([&] { checkpoints.push_back(caller.open(path, options)); });
  faults.raise();
  return checkpoints;
}

}  // namespace ckmerge::cli
