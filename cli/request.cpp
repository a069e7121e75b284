// SPDX-License-Identifier: Apache-2.0
#include "cli/request.h"

#include "cli/faults.h"
#include "cli/numbers.h"
#include "cli/sizes.h"
#include "cli/text.h"
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
  for (size_t i = 0; i < spec.parameter_count; ++i) names.push_back(std::string("--") + spec.parameters[i].name);
  return names.empty() ? "it has no options" : "its options are " + joined(names, ", ");
}

const ParameterSpec* parameter_called(const MethodSpec& spec, const std::string& name) {
  for (size_t i = 0; i < spec.parameter_count; ++i)
    if (name == spec.parameters[i].name) return &spec.parameters[i];
  return nullptr;
}

std::vector<double> parameter_value(const CommandLine& line, const ParameterSpec& parameter) {
  const std::string name = parameter.name;
  if (parameter.kind == ParameterKind::flag) return {line.flags.at(name) ? 1.0 : 0.0};
  const std::string& word = *line.value(name);
  if (parameter.kind == ParameterKind::numbers) return parse_numbers("--" + name, word);
  return {parse_number("--" + name, word)};
}

void read_parameters(const CommandLine& line, const MethodSpec& spec, Recipe& recipe, Faults& faults) {
  for (const OptionSpec& option : options_of(line.command)) {
    const bool given = line.values.contains(option.name) || line.flags.contains(option.name);
    if (!option.of_method || !given) continue;
    faults.check([&] {
      const ParameterSpec* const parameter = parameter_called(spec, option.name);
      if (!parameter)
        refuse("--" + option.name,
               std::string(spec.name) + " has no option --" + option.name + "; " + options_of_method(spec));
      recipe.parameters[option.name] = parameter_value(line, *parameter);
    });
  }
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

void read_recipe(const CommandLine& line, Recipe& recipe, Faults& faults) {
  if (const std::string* word = line.value("method")) recipe.method = *word;
  faults.check([&] {
    const MethodSpec& spec = method_called("--method", recipe.method);
    read_parameters(line, spec, recipe, faults);
  });
  if (const std::string* word = line.value("dtype")) faults.check([&] { recipe.dtype = dtype_called(*word); });
}

const BlockKernels* kernels_called(const std::string& isa) {
  if (isa.empty()) return nullptr;
  if (const BlockKernels* found = find_kernels(isa.c_str())) return found;
  std::vector<std::string> names;
  for (const BlockKernels* kernels : available_kernels()) names.emplace_back(kernels->isa);
  refuse("CKMERGE_ISA", "CKMERGE_ISA: '" + isa + "' is not available here; this program and CPU have " +
                            joined(names, ", ") + did_you_mean(isa, names));
}

void read_run_options(const CommandLine& line, const Environment& environment, RunOptions& run, Faults& faults) {
  run.replace = line.has("force");
  run.sync = !line.has("no-fsync");
  if (const std::string* word = line.value("memory"))
    faults.check([&] { run.memory_budget = parse_size("--memory", *word); });
  if (const std::string* word = line.value("threads"))
    faults.check([&] { run.threads = static_cast<unsigned>(parse_count("--threads", *word, 1, 1024)); });
  faults.check([&] { run.kernels = kernels_called(environment.isa); });
}

void check_files(const MergeRequest& request, const CommandLine& line, Faults& faults) {
  if (request.inputs.empty())
    faults.check([] { refuse("", "no checkpoint is given; `ckmerge merge A B -o OUT` merges two"); });
  const std::string* const output = line.value("output");
  if (output && output->empty()) faults.check([] { refuse("--output", "--output has an empty value"); });
  if (!output && !request.only_plan)
    faults.check([] { refuse("--output", "no output is given; name the file to write with -o OUT"); });
}

}  // namespace

MergeRequest merge_request(const CommandLine& line, const Environment& environment) {
  MergeRequest request;
  Faults faults;
  request.inputs = line.files;
  if (const std::string* word = line.value("output")) request.output = *word;
  request.only_plan = line.command == Command::plan || line.has("dry-run");
  request.json = line.has("json");
  request.quiet = line.has("quiet");
  request.verbose = line.has("verbose");
  check_files(request, line, faults);
  read_recipe(line, request.recipe, faults);
  read_run_options(line, environment, request.run, faults);
  const std::string* const progress = line.value("progress");
  faults.check([&] { request.progress = parse_progress(progress ? *progress : "auto", environment); });
  if (request.quiet) request.progress = ProgressKind::none;
  faults.raise();
  return request;
}

InspectRequest inspect_request(const CommandLine& line) {
  if (line.files.empty()) refuse("", "no file is given; `ckmerge inspect FILE ...` prints what is in it");
  return {.files = line.files, .all_tensors = line.has("tensors"), .json = line.has("json")};
}

MethodsRequest methods_request(const CommandLine& line) {
  if (line.files.size() > 1) refuse(line.files[1], "one method at a time, or none for all of them");
  MethodsRequest request{.json = line.has("json"), .markdown = line.has("markdown")};
  if (!line.files.empty()) request.only = &method_called(line.files[0], line.files[0]);
  return request;
}

}  // namespace ckmerge::cli
