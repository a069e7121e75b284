// SPDX-License-Identifier: Apache-2.0
#include "cli/capi/request_json.h"

#include <algorithm>

#include "cli/capi/option_texts.h"
#include "cli/capi/request_options.h"
#include "cli/commands/commands.h"
#include "cli/system/text.h"
#include "io/text/json_value.h"

namespace ckmerge::cli {
namespace {

using JsonKind = JsonValue::Kind;

const std::vector<std::string> kMembers = {"command", "inputs", "options"};

[[noreturn]] void refuse(const std::string& where, const std::string& sentence) {
  throw Error(ErrorCode::usage, where, sentence);
}

// Metadata may hold whole workflows of ComfyUI, some of which have more than 1 MiB.
constexpr size_t kMaxRequestSize = size_t{64} << 20;

JsonValue parsed(std::string_view text) {
  JsonValue document;
  try {
    document = parse_json(text, {.size = kMaxRequestSize, .unique_keys = true});
  } catch (const Error& error) {
    refuse("", std::string("the request cannot be read: ") + error.what());
  }
  if (document.kind != JsonKind::object)
    refuse("", R"(a request is an object, as in {"command": "inspect", "inputs": ["A.safetensors"]})");
  return document;
}

const JsonValue* member(const JsonValue& document, std::string_view name) {
  const auto found = std::ranges::find(document.keys, name);
  return found == document.keys.end() ? nullptr : &document.items[static_cast<size_t>(found - document.keys.begin())];
}

Command command_called(const JsonValue& document) {
  const JsonValue* const named = member(document, "command");
  std::vector<std::string> names;
  for (const Command command : request_commands()) {
    const char* const name = spec_of(command).name;
    if (named && named->kind == JsonKind::string && named->text == name) return command;
    names.emplace_back(name);
  }
  const std::string there_are = "; there are " + joined(names, ", ");
  if (!named || named->kind != JsonKind::string) refuse("command", "'command' says what to do" + there_are);
  const std::string near = did_you_mean(named->text, names);
  refuse("command", "a request has no command '" + named->text + "'" + (near.empty() ? there_are : near));
}

void check_members(const JsonValue& document, Faults& faults) {
  for (const std::string& key : document.keys)
    if (std::ranges::find(kMembers, key) == kMembers.end())
      faults.check([&] {
        const std::string near = did_you_mean(key, kMembers);
        refuse(key, "a request has no '" + key + "'" + (near.empty() ? "; it has " + joined(kMembers, ", ") : near));
      });
}

std::vector<std::string> read_inputs(const JsonValue& document, Faults& faults) {
  const JsonValue* const inputs = member(document, "inputs");
  std::vector<std::string> operands;
  if (!inputs || inputs->kind == JsonKind::null) return operands;
  faults.check([&] {
    if (inputs->kind != JsonKind::array) refuse("inputs", "'inputs' is an array of texts");
    for (const JsonValue& input : inputs->items) {
      if (input.kind != JsonKind::string) refuse("inputs", "'inputs' is an array of texts");
      if (input.text.find('\0') != input.text.npos) refuse("inputs", "one of 'inputs' has a NUL byte in it");
      operands.push_back(input.text);
    }
  });
  return operands;
}

const OptionSpec& option_called(const std::string& name, const std::vector<OptionSpec>& options) {
  const auto found = std::ranges::find(options, name, &OptionSpec::name);
  if (found != options.end()) return *found;
  const std::string bare = name.substr(std::min(name.find_first_not_of('-'), name.size()));
  const std::string dashed = "--" + bare;
  if (is_for_terminals(bare))
    refuse(dashed, dashed +
                       " is no option of requests: it says what a terminal is told, and a call has its answer and "
                       "its callbacks");
  std::vector<std::string> names;
  for (const OptionSpec& option : options) names.push_back(option.name);
  std::string with_dashes = bare;
  std::ranges::replace(with_dashes, '_', '-');
  const std::string near = did_you_mean(with_dashes, names);
  refuse(dashed, "unknown option '" + name + "'" + (near.empty() ? "; ckmerge_describe() lists the options" : near));
}

bool plans_mergekit(const JsonValue& document) {
  const JsonValue* const given = member(document, "options");
  const JsonValue* const config = given && given->kind == JsonKind::object ? member(*given, "mergekit") : nullptr;
  return config && config->kind != JsonKind::null;
}

void read_options(const JsonValue& document, bool is_plan_of_mergekit, CommandLine& line, Faults& faults) {
  const JsonValue* const given = member(document, "options");
  if (!given || given->kind == JsonKind::null) return;
  if (given->kind != JsonKind::object)
    return faults.check([] { refuse("options", R"('options' is an object, as in {"alpha": 0.3})"); });
  std::vector<OptionSpec> options = request_options(line.command);
  if (is_plan_of_mergekit) options.push_back(option_called("mergekit", request_options(Command::plan)));
  for (size_t i = 0; i < given->keys.size(); ++i)
    faults.check([&] {
      const OptionSpec& option = option_called(given->keys[i], options);
      std::vector<std::string> texts = option_texts(option, given->items[i]);
      if (!texts.empty()) line.options[option.name] = std::move(texts);
    });
}

}  // namespace

Request read_request_json(std::string_view text) {
  const JsonValue document = parsed(text);
  Faults faults;
  CommandLine line{.command = command_called(document), .operands = read_inputs(document, faults), .options = {}};
  const bool inputs_are_known = faults.empty();
  const bool is_plan_of_recipe = plans_recipe_file(line.command, line.operands);
  if (is_plan_of_recipe) line.command = Command::run;
  const bool is_plan_of_mergekit = line.command == Command::plan && plans_mergekit(document);
  if (is_plan_of_mergekit) line.command = Command::mergekit;
  check_members(document, faults);
  read_options(document, is_plan_of_mergekit, line, faults);
  if (is_plan_of_recipe || is_plan_of_mergekit) line.options["dry-run"] = {"true"};
  line.options["json"] = {"true"};
  Request request = read_request(line);
  faults.add(request.refused);
  if (!inputs_are_known) faults.raise();  // a command would say that none are given
  request.refused = std::move(faults);
  return request;
}

}  // namespace ckmerge::cli
