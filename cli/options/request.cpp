// SPDX-License-Identifier: Apache-2.0
#include "cli/options/request.h"

#include <algorithm>

#include "cli/commands/open_inputs.h"
#include "cli/commands/operations.h"
#include "cli/options/choices.h"
#include "cli/options/device_words.h"
#include "cli/options/dtype_words.h"
#include "cli/options/faults.h"
#include "cli/options/numbers.h"
#include "cli/options/output_name.h"
#include "cli/options/presets.h"
#include "cli/options/sizes.h"
#include "cli/system/text.h"
#include "io/hash/hash_cache.h"
#include "kernels/block_kernels.h"

namespace ckmerge::cli {
namespace {

[[noreturn]] void refuse(const std::string& where, const std::string& sentence) {
  throw Error(ErrorCode::usage, where, sentence);
}

std::vector<std::string> method_names() {
  std::vector<std::string> names;
  for (const Method& method : ckmerge::methods()) names.emplace_back(method.spec->name);
  return names;
}

const MethodSpec& method_called(const std::string& where, const std::string& name) {
  if (const Method* method = find_method(name)) return *method->spec;
  const std::string near = did_you_mean(name, method_names());
  refuse(where,
         "unknown method '" + name + "'" + (near.empty() ? "; the methods are " + joined(method_names(), ", ") : near));
}

std::string options_of_method(const MethodSpec& spec) {
  std::vector<std::string> names;
  for (size_t i = 0; i < spec.parameter_count; ++i)
    names.push_back(std::string("--") + spec.parameters[i].option_name());
  return names.empty() ? "it has no options" : "its options are " + joined(names, ", ");
}

std::span<const ParameterSpec> parameters_of(const MethodSpec& spec) {
  return std::span(spec.parameters).first(spec.parameter_count);
}

const ParameterSpec* parameter_of_option(const MethodSpec& spec, const std::string& option) {
  for (const ParameterSpec& parameter : parameters_of(spec))
    if (option == parameter.option_name()) return &parameter;
  return nullptr;
}

const ParameterSpec& parameter_called(const MethodSpec& spec, const std::string& name) {
  std::vector<std::string> names;
  for (const ParameterSpec& parameter : parameters_of(spec)) {
    if (name == parameter.name || name == parameter.option_name()) return parameter;
    names.emplace_back(parameter.name);
  }
  const std::string near = did_you_mean(name, names);
  refuse("--param", std::string(spec.name) + " has no parameter '" + name + "'" +
                        (!near.empty()   ? near
                         : names.empty() ? "; it has none"
                                         : "; its parameters are " + joined(names, ", ")));
}

double flag_value(const std::string& option, const std::string& word) {
  for (const char* const on : {"true", "on", "yes", "1"})
    if (word == on) return 1;
  for (const char* const off : {"false", "off", "no", "0"})
    if (word == off) return 0;
  refuse(option, option + ": '" + word + "' is not true or false");
}

std::vector<double> parameter_value(const ParameterSpec& parameter, const std::string& option,
                                    const std::string& word) {
  switch (parameter.kind) {
    case ParameterKind::number: return {parse_number(option, word)};
    case ParameterKind::numbers: return parse_numbers(option, word);
    case ParameterKind::flag: return {flag_value(option, word)};
  }
  return {};
}

void set_parameter(Recipe& recipe, const ParameterSpec& parameter, const std::string& option,
                   std::vector<double> value) {
  if (!recipe.parameters.emplace(parameter.name, std::move(value)).second)
    refuse(option, std::string("the parameter ") + parameter.name + " is given twice");
}

// --alpha 0.3 and the like.
void read_method_option(const CommandLine& line, const MethodSpec& spec, const std::string& name, Recipe& recipe) {
  const std::string option = "--" + name;
  const ParameterSpec* const parameter = parameter_of_option(spec, name);
  if (!parameter) refuse(option, std::string(spec.name) + " has no option " + option + "; " + options_of_method(spec));
  const std::string* const word = line.value(name);
  set_parameter(
      recipe, *parameter, option,
      word ? parameter_value(*parameter, option, *word) : std::vector<double>{line.flags.at(name) ? 1.0 : 0.0});
}

struct Assignment {
  std::string key, value;
};

// K=V; the value may hold further signs.
Assignment assignment(const std::string& option, const std::string& word) {
  const size_t equals = word.find('=');
  if (equals == word.npos || equals == 0) refuse(option, option + ": '" + word + "' is not of the form name=value");
  return {word.substr(0, equals), word.substr(equals + 1)};
}

void read_parameters(const CommandLine& line, const MethodSpec& spec, Recipe& recipe, Faults& faults) {
  for (const OptionSpec& option : options_of(line.command)) {
    const bool given = line.values.contains(option.name) || line.flags.contains(option.name);
    if (option.of_method && given) faults.check([&] { read_method_option(line, spec, option.name, recipe); });
  }
  for (const std::string& word : line.list("param"))
    faults.check([&] {
      const auto [key, value] = assignment("--param", word);
      const ParameterSpec& parameter = parameter_called(spec, key);
      set_parameter(recipe, parameter, "--param", parameter_value(parameter, "--param " + key, value));
    });
}

// The value of an option whose values are a policy's names.
template <typename Policy>
void read_policy(const CommandLine& line, const std::string& option, Policy& policy, Faults& faults) {
  const std::string* const word = line.value(option);
  if (!word) return;
  const auto texts = policy_names<Policy>();
  const std::vector<std::string> names(texts.begin(), texts.end());
  const auto found = std::ranges::find(names, *word);
  if (found != names.end()) {
    policy = static_cast<Policy>(found - names.begin());
    return;
  }
  faults.check([&] {
    refuse("--" + option,
           "--" + option + ": '" + *word + "' is not one of " + joined(names, ", ") + did_you_mean(*word, names));
  });
}

void read_policies(const CommandLine& line, Recipe& recipe, Faults& faults) {
  recipe.discard = line.list("discard");
  recipe.only = line.list("only");
  recipe.exclude = line.list("exclude");
  read_policy(line, "missing", recipe.missing, faults);
  read_policy(line, "extra", recipe.extra, faults);
  read_policy(line, "expand", recipe.expand, faults);
  read_policy(line, "nan", recipe.nan, faults);
  read_policy(line, "metadata", recipe.metadata, faults);
  recipe.hash = line.has("hash");
  for (const std::string& word : line.list("set-metadata"))
    faults.check([&] {
      const auto [key, value] = assignment("--set-metadata", word);
      const bool twice =
          std::ranges::any_of(recipe.set_metadata, [&](const auto& entry) { return entry.first == key; });
      if (twice) refuse("--set-metadata", "--set-metadata gives '" + key + "' twice");
      recipe.set_metadata.emplace_back(key, value);
    });
}

// By the name of the file, unless it is said.
void read_format(const CommandLine& line, MergeRequest& request, Faults& faults) {
  const std::string* const output = line.value("output");
  const OutputForm* const promised = output ? promised_form(*output) : nullptr;
  const OutputForm*& form = request.recipe.form;
  if (promised) form = promised;
  if (const std::string* const word = line.value("format"))
    faults.check([&] { form = &output_forms()[choice_index("--format", *word, form_names())]; });
  if (promised && form != promised)
    request.warnings.push_back(*output + " is called as another form than --format " + form->name +
                               ", by which programs may refuse it");
}

void read_recipe(const CommandLine& line, MergeRequest& request, Faults& faults) {
  Recipe& recipe = request.recipe;
  if (const std::string* word = line.value("method")) recipe.method = *word;
  faults.check([&] {
    const MethodSpec& spec = method_called("--method", recipe.method);
    read_parameters(line, spec, recipe, faults);
  });
  read_dtypes(line, recipe, faults);
  read_format(line, request, faults);
  read_policies(line, recipe, faults);
}

const BlockKernels* kernels_called(const std::string& isa) {
  if (isa.empty()) return nullptr;
  if (const BlockKernels* found = find_kernels(isa.c_str())) return found;
  std::vector<std::string> names;
  for (const BlockKernels* kernels : available_kernels()) names.emplace_back(kernels->isa);
  refuse("CKMERGE_ISA", "CKMERGE_ISA: '" + isa + "' is not available here; this program and CPU have " +
                            joined(names, ", ") + did_you_mean(isa, names));
}

std::string hash_cache_called(const std::string& word, const std::string* output) {
  if (word == "none") return "";
  if (word.empty()) refuse("--hash-cache", "--hash-cache has an empty value");
  if (output && *output == word) refuse("--hash-cache", "--hash-cache: " + word + " is the output; give another file");
  if (!can_be_hash_cache(word))
    refuse("--hash-cache", "--hash-cache: " + word + " is there and is no cache of hashes; give another file, or none");
  return word;
}

void read_run_options(const CommandLine& line, const Environment& environment, RunOptions& run, Faults& faults) {
  run.replace = line.has("force");
  run.sync = !line.has("no-fsync");
  run.verify = line.has("verify");
  run.hash = line.has("hash");
  run.hash_cache = environment.hash_cache;
  if (const std::string* word = line.value("hash-cache"))
    faults.check([&] { run.hash_cache = hash_cache_called(*word, line.value("output")); });
  if (const std::string* word = line.value("memory"))
    faults.check([&] { run.memory_budget = parse_size("--memory", *word); });
  if (const std::string* word = line.value("threads"))
    faults.check([&] { run.threads = static_cast<unsigned>(parse_count("--threads", *word, 1, 1024)); });
  read_device_options(line, run.device, faults);
  faults.check([&] { run.kernels = kernels_called(environment.isa); });
}

void check_files(const MergeRequest& request, const CommandLine& line, Faults& faults) {
  if (request.inputs.empty())
    faults.check([&] {
      refuse("", line.command == Command::average
                     ? "no checkpoint is given; `ckmerge average A B C -o OUT` averages three"
                     : "no checkpoint is given; `ckmerge merge A B -o OUT` merges two");
    });
  const std::string* const output = line.value("output");
  if (output && output->empty()) faults.check([] { refuse("--output", "--output has an empty value"); });
  const std::string* const prefix = line.value("filename-prefix");
  if (prefix && prefix->empty()) faults.check([] { refuse("--filename-prefix", "--filename-prefix is empty"); });
  if (!output && !prefix && !request.only_plan)
    faults.check([] { refuse("--output", "no output is given; name the file to write with -o OUT"); });
}

}  // namespace

MergeRequest merge_request(const CommandLine& typed, const Environment& environment) {
  MergeRequest request;
  Faults faults;
  CommandLine line = typed;
  faults.check([&] { request.set = apply_set(line); });
  request.inputs = line.files;
  if (const std::string* word = line.value("output")) request.output = *word;
  if (const std::string* word = line.value("filename-prefix")) request.filename_prefix = *word;
  request.only_plan = line.command == Command::plan || line.has("dry-run");
  request.json = line.has("json");
  request.quiet = line.has("quiet");
  request.verbose = line.has("verbose");
  check_files(request, line, faults);
  faults.check([&] { read_keys(line.list("key"), request); });
  request.allow_expanded = line.has("allow-expanded");
  read_recipe(line, request, faults);
  if (line.command != Command::compose) faults.check([&] { read_vae(line, request); });
  if (const std::string* word = line.value("config")) request.config = *word;
  if (const std::string* word = line.value("like")) request.warnings = set_warnings(*word, request.recipe);
  read_work_options(line, environment, request.run, request.progress, faults);
  faults.check([&] { request.announcement = announcement_of(line, environment); });
  faults.raise();
  return request;
}

void read_work_options(const CommandLine& line, const Environment& environment, RunOptions& run, ProgressKind& progress,
                       Faults& faults) {
  read_run_options(line, environment, run, faults);
  const std::string* const word = line.value("progress");
  faults.check([&] { progress = parse_progress(word ? *word : "auto", environment); });
  if (line.has("quiet")) progress = ProgressKind::none;
}

InspectRequest inspect_request(const CommandLine& line) {
  if (line.files.empty()) refuse("", "no file is given; `ckmerge inspect FILE ...` prints what is in it");
  const std::vector<std::string> keys = line.list("key");
  if (keys.size() > 1) refuse("--key", "--key is given twice");
  return {.files = line.files,
          .key = keys.empty() ? "" : keys[0],
          .all_tensors = line.has("tensors"),
          .json = line.has("json")};
}

MethodsRequest methods_request(const CommandLine& line) {
  if (line.files.size() > 1) refuse(line.files[1], "one method at a time, or none for all of them");
  MethodsRequest request{.json = line.has("json"), .markdown = line.has("markdown")};
  if (!line.files.empty()) request.only = &method_called(line.files[0], line.files[0]);
  return request;
}

}  // namespace ckmerge::cli
