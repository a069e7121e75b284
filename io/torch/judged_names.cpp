// SPDX-License-Identifier: Apache-2.0
#include "io/torch/judged_names.h"

#include <algorithm>

#include "io/pickle/pickle_globals.h"
#include "io/text/error.h"
#include "io/text/sentence.h"
#include "io/text/utf8.h"

namespace ckmerge {
namespace {

constexpr size_t kLongestShown = 200;

std::string shown(std::string_view text) { return valid_utf8(text.substr(0, kLongestShown)); }

void judge_names(const PickleMachine& machine, Checkpoint& checkpoint) {
  for (const auto& [module, name] : machine.names()) {
    const bool only_names = looks_up_members(module, name) && !machine.misuses_getattr();
    checkpoint.globals.push_back(
        {shown(module) + "." + shown(name), only_names ? PickleDanger::harmless : danger_of(module, name)});
  }
}

}  // namespace

void refuse_unsafe(const std::vector<PickleGlobal>& globals) {
  std::vector<std::string> lines;
  for (const PickleGlobal& global : globals)
    if (global.danger == PickleDanger::unsafe) lines.push_back(global.name);
  if (lines.empty()) return;
  const std::string first = lines[0];
  throw Error(ErrorCode::malformed, first,
              sentence("unsafe: it would run ", first,
                       " in programs that load it with Python; nothing was run here. "
                       "Delete it, get it from its author as safetensors, or take its tensors alone (ckmerge convert "
                       "--from-unsafe)"),
              lines.size() > 1 ? lines : std::vector<std::string>());
}

std::string unsafe_clause(const std::vector<PickleGlobal>& globals) {
  const auto unsafe = [](const PickleGlobal& global) { return global.danger == PickleDanger::unsafe; };
  const auto found = std::ranges::find_if(globals, unsafe);
  return found == globals.end() ? ""
                                : sentence("; it would run ", found->name, " in programs that load it with Python");
}

std::string safe_advice(std::string_view said, const std::vector<PickleGlobal>& globals) {
  constexpr std::string_view kInPython[] = {"; load it", "; save ", "; copy them"};
  const std::string clause = unsafe_clause(globals);
  if (clause.empty()) return std::string(said);
  size_t end = said.npos;
  for (const std::string_view advice : kInPython) end = std::min(end, said.find(advice));
  return end == said.npos ? std::string(said) : std::string(said.substr(0, end)) + clause;
}

PickleRef run_judged(PickleMachine& machine, const OpenOptions& options, Checkpoint& checkpoint, bool may_go_on) {
  PickleRef top = PickleValues::kNone;
  try {
    top = machine.run();
  } catch (const PickleEndsEarly&) {
    judge_names(machine, checkpoint);
    if (!may_go_on) refuse_unsafe(checkpoint.globals);
    throw;
  } catch (const Error&) {
    judge_names(machine, checkpoint);
    refuse_unsafe(checkpoint.globals);
    throw;
  }
  judge_names(machine, checkpoint);
  if (!options.as_stored && !options.from_unsafe) refuse_unsafe(checkpoint.globals);
  return top;
}

}  // namespace ckmerge
