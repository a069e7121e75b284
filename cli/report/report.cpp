// SPDX-License-Identifier: Apache-2.0
#include "cli/report/report.h"

#include <algorithm>
#include <array>

#include "cli/options/numbers.h"
#include "cli/options/sizes.h"
#include "cli/report/adapter_report.h"
#include "cli/report/device_text.h"
#include "cli/report/folder_report.h"
#include "cli/report/graph_report.h"
#include "cli/report/run_lines.h"
#include "cli/report/slices_report.h"
#include "cli/report/weight_report.h"
#include "cli/system/system.h"
#include "core/lines/line_memory.h"
#include "core/plan/passes.h"
#include "core/recipe/method_defaults.h"
#include "io/hash/sha256.h"
#include "io/input_forms.h"

namespace ckmerge::cli {
namespace {

// A list that is the default's is told in its words.
bool is_default_list(const ParameterSpec& parameter, const Recipe& recipe) {
  if (parameter.kind != ParameterKind::numbers) return false;
  MethodParameters others = recipe.parameters;
  const auto list = others.extract(parameter.name);
  return list.mapped() == default_value_of(*find_method(recipe.method), parameter, others, list.mapped().size());
}

std::string value_text(const ParameterSpec& parameter, const Recipe& recipe) {
  const auto given = recipe.parameters.find(parameter.name);
  if (given == recipe.parameters.end() || is_default_list(parameter, recipe)) return parameter.default_text;
  if (parameter.kind == ParameterKind::flag) return given->second[0] != 0 ? "on" : "off";
  std::vector<std::string> numbers;
  for (const double value : given->second) numbers.push_back(number_text(value));
  return joined(numbers, ",");
}

// --half promises nothing of files that hold no F32.
bool is_halved(const MergeFacts& facts) {
  return facts.plan.recipe.half && std::ranges::any_of(facts.plan.steps, [&](const Step& step) {
           return facts.tensor(step).dtype == Dtype::F32 && step.dtype == Dtype::F16;
         });
}

// As --layout, --dtype, --half and --rounding say it: ", layout comfy, stored as F16, vae as F32"; empty where nothing
// is said.
std::string dtypes_text(const MergeFacts& facts) {
  const Recipe& recipe = facts.plan.recipe;
  std::string out;
  if (recipe.roles.empty() && !recipe.layout.empty()) out += ", layout " + recipe.layout;
  if (recipe.dtype) out += std::string(", stored as ") + info(*recipe.dtype).name;
  for (const std::string& rule : recipe.dtype_rules) out += ", " + visible(rule);
  if (is_halved(facts)) out += ", F32 stored as F16";
  for (size_t i = 0; i < kPartCount; ++i)
    if (const auto& part = recipe.part_dtypes[i])
      out +=
          std::string(", ") + kPartNames[i] + (part->dtype ? std::string(" as ") + info(*part->dtype).name : " kept");
  if (recipe.seed) out += ", rounded stochastically with the seed " + std::to_string(*recipe.seed);
  return out;
}

std::string parameters_text(const MergeFacts& facts) {
  const Recipe& recipe = facts.plan.recipe;
  const MethodSpec& spec = *find_method(recipe.method)->spec;
  std::string out;
  for (const ParameterSpec& parameter : spec.parameter_list()) {
    const bool is_swept = std::ranges::find(facts.sweeps, parameter.name, &Sweep::parameter) != facts.sweeps.end();
    out += std::string(", ") + parameter.name + " " + (is_swept ? "swept" : value_text(parameter, recipe));
  }
  return out + dtypes_text(facts);
}

// A word as a shell would take it back.
std::string shell_word(const std::string& word) {
  constexpr std::string_view kPlain = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.,=/:+";
  return word.find_first_not_of(kPlain) == word.npos ? word : "'" + word + "'";
}

std::string preset_line(const std::vector<std::string>& words) {
  if (words.empty()) return "";
  std::string out = "  --like stands for";
  for (const std::string& word : words) out += " " + shell_word(word);
  return out + "\n";
}

std::string form_text(const Checkpoint& checkpoint) {
  if (checkpoint.form == &input_forms().front()) return "";
  return std::string(", ") + checkpoint.form->name + (checkpoint.key.empty() ? "" : ", at " + visible(checkpoint.key));
}

// Of slices the tensors are those that stand in its place.
std::string tensors_text(const MergeFacts& facts, const Checkpoint& checkpoint) {
  return facts.plan.recipe.operands.empty() ? counted(checkpoint.tensors.size(), "tensor") + ", " : "";
}

std::string recipe_line(const MergeFacts& facts) {
  const Recipe& recipe = facts.plan.recipe;
  if (!recipe.roles.empty()) return "the files below in one checkpoint" + dtypes_text(facts) + "\n";
  if (recipe.formula) {
    const std::string_view text = facts.formula.empty() ? std::string_view(recipe.formula->text) : facts.formula;
    return "formula: " + shortened(text, kSentenceWidth) + dtypes_text(facts) + "\n";
  }
  return recipe.method + ": " + find_method(recipe.method)->spec->formula + parameters_text(facts) + "\n";
}

const char* done_phrase(Action action) {
  switch (action) {
    case Action::merge: return "merged";
    case Action::convert: return "converted to another dtype";
    case Action::copy: return "copied";
    case Action::copy_integer: return "copied from A, integers or booleans";
    case Action::copy_codes: return "copied, codes and what lies beside them (--copy-codes)";
    case Action::copy_opaque: return "copied from A, of dtypes without arithmetic, equal in all";
    case Action::copy_positions: return "copied from A, position_ids";
    case Action::keep: return "kept from A, another checkpoint lacks them";
    case Action::outside: return "A's, outside of --only or --exclude";
    case Action::zero: return "zeroed, another checkpoint lacks them";
    case Action::add: return "added, A lacks them";
    case Action::expand: return "merged in the channels that all have, the others A's alone";
    case Action::bake: return "taken from the VAE";
    case Action::ema: return "taken from the averages of the weights";
    case Action::copy_buffer: return "copied as they are, marks, schedules and other buffers";
    case Action::mend: return "position_ids, written anew";
    case Action::adapt: return "changed by adapters";
    case Action::replace: return "taken from adapters, which have them whole";
  }
  return "";
}

// Of tensors that are kept, added or outside of the selection: how many of them are no copies.
std::string converted_phrase(const Plan& plan, Action action) {
  const uint64_t count = plan.converted(action);
  return count == 0 ? "" : ", " + grouped(count) + " of them converted to another dtype";
}

std::string source_lines(const MergeFacts& facts, const std::vector<Source>& sources, const std::string& phrase) {
  if (sources.empty()) return "";
  return count_line(sources.size(), phrase) + listed(sources.size(), [&](size_t i) {
           const Source source = sources[i];
           const std::string text = shortened(facts.tensor(source).name, kNameWidth);
           return source.checkpoint == 0 ? text : text + "  (" + letter(source.checkpoint) + ")";
         });
}

// What a policy decided is listed by name, what every merge does is counted.
bool is_listed(Action action) {
  return action == Action::keep || action == Action::zero || action == Action::add || action == Action::expand;
}

std::string step_line(const MergeFacts& facts, const Step& step) {
  const Tensor tensor = facts.tensor(step);
  return shortened(tensor.name, kNameWidth) + "  " + info(step.dtype).name + " " + shape_text(tensor.shape) + "  " +
         ckmerge::name(step.action);
}

}  // namespace

std::vector<Source> MergeFacts::named_by(Action action) const {
  std::vector<Source> sources;
  for (const Step& step : plan.steps)
    if (step.action == action) sources.push_back(step.named);
  return sources;
}

std::string name_behind_letter(const Recipe& recipe, size_t k, size_t inputs) {
  const std::string name = formula_name(recipe, k, inputs);
  return name.empty() || name == letter(k) ? "" : " = " + shortened(name, kNameWidth);
}

std::string shape_text(Shape shape) {
  constexpr size_t kMostShown = 16;
  std::vector<std::string> dimensions;
  for (const uint64_t dimension : shape.first(std::min(shape.size(), kMostShown)))
    dimensions.push_back(std::to_string(dimension));
  if (shape.size() > kMostShown) dimensions.emplace_back("...");
  return std::string("[").append(joined(dimensions, ", ")) + "]";
}

std::vector<std::string> value_warnings(const MergeFacts& facts, const RunReport& report) {
  std::vector<std::string> names;
  for (const StoreLoss& loss : report.losses)
    if (loss.all_zero) names.push_back(std::string(facts.tensor(facts.plan.steps[loss.step]).name));
  if (names.empty()) return {};
  constexpr size_t kNamed = 3;
  const std::string more = names.size() > kNamed ? ", ..." : "";
  const std::string count = counted(names.size(), "tensor");
  names.resize(std::min(names.size(), kNamed));
  return {count + " became all zero, because the values are too small for the dtype: " + joined(names, ", ") + more +
          "; store the result in one with more range (--dtype bf16 or f32), or refuse such (--underflow error)"};
}

std::string unplaced_lines(const Checkpoint& checkpoint) {
  constexpr std::array<const char*, 3> kFates{"left out", "carried along", "left out by --discard"};
  std::string out;
  for (const UnplacedTensor& tensor : checkpoint.unplaced)
    out += sentence("       ", visible(tensor.name), ": ", kFates[static_cast<size_t>(tensor.fate)], "\n");
  return out;
}

std::string recipe_lines(const MergeFacts& facts) {
  std::string out = recipe_line(facts);
  out += slice_lines(facts.plan.recipe);
  out += preset_line(facts.preset);
  out += weight_lines(facts.plan);
  out += rule_lines(facts.plan);
  const size_t count = given_checkpoints(facts.checkpoints).size();
  for (size_t k = 0; k < std::min(count, kListed); ++k) {
    const Checkpoint& checkpoint = facts.checkpoints[k];
    out += "  " + letter(k) + name_behind_letter(facts.plan.recipe, k, count) + "  " + visible(checkpoint.path) + "  " +
           tensors_text(facts, checkpoint) + size_text(checkpoint.file_size()) + form_text(checkpoint) +
           role_text(facts, k) + "\n";
    for (const std::string& note : checkpoint.notes) out += "     " + visible(note) + "\n";
    if (facts.verbose) out += unplaced_lines(checkpoint);
    if (k >= first_adapter(facts.plan.recipe, count))
      out += adapter_lines(facts, k - first_adapter(facts.plan.recipe, count));
  }
  if (count > kListed) out += "  ... and " + grouped(count - kListed) + " more\n";
  return out;
}

// Every tensor of every checkpoint is in one of these lines (invariant I6).
std::string action_lines(const MergeFacts& facts) {
  const Plan& plan = facts.plan;
  std::string out;
  for (size_t a = 0; a < kActionCount; ++a) {
    const auto action = static_cast<Action>(a);
    const std::string phrase = done_phrase(action) + converted_phrase(plan, action);
    if (is_listed(action))
      out += source_lines(facts, facts.named_by(action), phrase);
    else if (const uint64_t count = plan.count(action))
      out += count_line(count, phrase);
  }
  if (!plan.ties.empty()) out += count_line(plan.ties.size(), "of these tied to others, and written once with them");
  out += source_lines(facts, plan.left_out, "left out, another checkpoint lacks them");
  out += source_lines(facts, plan.dropped, "dropped, A lacks them");
  out += source_lines(facts, plan.unshadowed, "kept as they are, no average of them is there");
  out += source_lines(facts, plan.unused, "left over, they have no place in the result");
  return out + source_lines(facts, plan.discarded, "discarded");
}

std::string warning_lines(std::span<const std::string> warnings) {
  std::string out;
  for (size_t i = 0; i < warnings.size() && i < kListed; ++i) out += "warning: " + visible(warnings[i]) + "\n";
  if (warnings.size() > kListed) out += "... and " + grouped(warnings.size() - kListed) + " more warnings\n";
  return out;
}

std::string step_lines(const MergeFacts& facts) {
  const std::vector<Step>& steps = facts.plan.steps;
  return listed(
      steps.size(), [&](size_t i) { return step_line(facts, steps[i]); }, facts.verbose ? SIZE_MAX : kListed);
}

// Where the inputs are read more than once.
std::string pass_line(const MergeFacts& facts) {
  const std::vector<Pass> passes = passes_of(facts.plan, facts.checkpoints);
  if (passes.size() == 1) return facts.plan.recipe.formula ? "In one pass over the inputs.\n" : "";
  std::string out = "In " + std::to_string(passes.size()) + " passes: ";
  for (size_t k = 0; k + 1 < passes.size(); ++k)
    out += std::string(k > 0 ? ", then " : "") + "statistics of " + counted(passes[k].tensors, "tensor") + " for " +
           joined(passes[k].methods, ", ") + (k > 0 ? ", which hang on those" : "") + ", which read " +
           (passes[k].at_most ? "at most " : "") + size_text(passes[k].bytes_to_read);
  return out + ", then the merge.\n";
}

std::string lines_text(const MergeFacts& facts) {
  const LineMemory lines = line_memory(facts.plan, facts.checkpoints);
  if (lines.all == 0) return "";
  const uint64_t scratch = lines.scratch(facts.run.memory_budget);
  return ", of it numbers of rows and columns " + memory_text(lines.held(facts.run.memory_budget)) +
         (scratch ? ", beyond it a scratch file of at most " + size_text(scratch) : "");
}

std::string plan_report(const MergeFacts& facts) {
  const Plan& plan = facts.plan;
  std::string out = recipe_lines(facts) + graph_lines(facts) + "The result would be " +
                    counted(plan.steps.size(), "tensor") + ", " + size_text(plan.output_size());
  if (!facts.output.empty()) out += ", in " + visible(facts.output);
  out += ":\n" + folder_lines(facts) + action_lines(facts);
  out += "  tensors, in the order of the file:\n" + step_lines(facts);
  out += pass_line(facts);
  out += "To read " + size_text(plan.bytes_to_read) + ", to write " + size_text(plan.output_size()) +
         "; memory to work in " + memory_text(facts.run.memory_budget) +
         (facts.run.held_by_inputs ? ", of it adapters " + memory_text(facts.run.held_by_inputs) : "") +
         (plan.held_whole ? ", of it whole tensors " + memory_text(plan.held_whole) : "") + lines_text(facts) +
         ", plan " + memory_text(plan.memory()) + "; device " + planned_device_text(facts.run.device) +
         beyond_devices_text(facts.run.device, plan) + ".\n";
  if (!facts.config_from.empty()) out += visible(facts.config_from) + " would be copied beside it.\n";
  return out + warning_lines(plan.warnings) +
         (facts.recipe_file.empty() ? "Nothing was written.\n"
                                    : "Nothing was written but the recipe, " + visible(facts.recipe_file) + ".\n");
}

std::string run_report(const MergeFacts& facts, const RunReport& report) {
  std::string out = recipe_lines(facts) + visible(facts.output) + ": " + counted(facts.plan.steps.size(), "tensor") +
                    ", " + size_text(facts.plan.output_size()) + "\n";
  out += folder_lines(facts) + action_lines(facts) + differing_lines(facts, report) + loss_lines(facts, report) +
         energy_lines(facts, report);
  out += input_hash_lines(report) + output_hash_lines(facts, report) + warning_lines(facts.plan.warnings);
  if (const std::string warning = device_warning(report.device); !warning.empty())
    out += "warning: " + visible(warning) + "\n";
  if (!facts.recipe_file.empty()) out += "the recipe is in " + visible(facts.recipe_file) + "\n";
  out += speed_line(report);
  if (report.verified) out += "read back and found as computed\n";
  return facts.verbose ? out + how_lines(report) : out;
}

}  // namespace ckmerge::cli
