// SPDX-License-Identifier: Apache-2.0
#include <cctype>

#include "cli/commands/commands.h"
#include "cli/options/method_name.h"
#include "cli/report/methods_json.h"
#include "cli/system/text.h"
#include "kernels/peer_results.h"

namespace ckmerge::cli {
namespace {

std::span<const ParameterSpec> parameters_of(const MethodSpec& spec) {
  return std::span(spec.parameters).first(spec.parameter_count);
}

std::vector<std::string> aliases_of(const MethodSpec& spec) {
  std::vector<std::string> aliases;
  for (const char* const alias : spec.aliases)
    if (alias) aliases.emplace_back(alias);
  return aliases;
}

std::string inputs_text(const MethodSpec& spec) {
  if (spec.max_inputs == 0) return std::to_string(spec.min_inputs) + " or more checkpoints";
  if (spec.min_inputs == spec.max_inputs) return counted(spec.min_inputs, "checkpoint");
  return std::to_string(spec.min_inputs) + " to " + counted(spec.max_inputs, "checkpoint");
}

// Where recipes and --param call it otherwise than the option.
std::string other_name(const ParameterSpec& parameter) {
  return parameter.option ? std::string(" (--param ") + parameter.name + "=X)" : "";
}

std::string option_text(const ParameterSpec& parameter) {
  const std::string option = std::string("--") + parameter.option_name();
  switch (parameter.kind) {
    case ParameterKind::number: return option + " X" + other_name(parameter);
    case ParameterKind::numbers: return option + " X1,X2,...";
    case ParameterKind::flag: return option + ", --no-" + parameter.option_name();
  }
  return "";
}

constexpr const char* kOfWholeTensors =
    "Makes whole tensors in memory, of checkpoints or differences of two of them; `ckmerge plan` says how much memory "
    "that takes of --memory.";

// ---- for people

std::string method_text(const MethodSpec& spec) {
  std::string out = std::string(spec.name) + ": " + spec.summary + "\n    " + spec.formula + "\n";
  out += "    of " + inputs_text(spec) + "; " + spec.source + "\n";
  if (spec.aliases[0]) out += "    also called " + joined(aliases_of(spec), ", ") + "\n";
  if (spec.of_whole_tensors) out += std::string("    ") + kOfWholeTensors + "\n";
  if (spec.note) out += std::string("    ") + spec.note + "\n";
  for (const ParameterSpec& parameter : parameters_of(spec))
    out += "    " + option_text(parameter) + "  " + parameter.meaning + " (default " + parameter.default_text + ")\n";
  return out;
}

// ---- docs/methods.md

std::string sentence(std::string phrase) {
  phrase[0] = static_cast<char>(std::toupper(static_cast<unsigned char>(phrase[0])));
  return phrase + ".";
}

std::string method_markdown(const MethodSpec& spec) {
  std::string out =
      std::string("## ") + spec.name + "\n\n" + sentence(spec.summary) + "\n\n```\n" + spec.formula + "\n```\n\n";
  out += "Takes " + inputs_text(spec) + ". Source: " + spec.source + ".";
  if (spec.aliases[0]) out += " Also called `" + joined(aliases_of(spec), "`, `") + "`.";
  out += "\n";
  if (spec.of_whole_tensors) out += std::string("\n") + kOfWholeTensors + "\n";
  if (spec.note) out += std::string("\n") + spec.note + "\n";
  if (spec.parameter_count == 0) return out + "No options of its own.\n";
  out += "\n| option | default | meaning |\n|---|---|---|\n";
  for (const ParameterSpec& parameter : parameters_of(spec))
    out += "| `" + option_text(parameter) + "` | " + parameter.default_text + " | " + parameter.meaning + " |\n";
  return out;
}

std::string markdown_head() {
  return "# Merge methods\n\n"
         "Made by `ckmerge methods --markdown` from the methods' own descriptions in `kernels/methods/`; do not edit "
         "it "
         "by hand.\n\n"
         "A, B, C, ... are the checkpoints in the order in which they are given. Formulas run in f32 (in f64 where an "
         "operand is\nF64), with one rounding into the output's dtype. A term with coefficient 0 is left out, and "
         "where "
         "one checkpoint with\ncoefficient 1 remains, its bytes are copied.\n\n"
         "Equal stays equal: where all checkpoints that count hold the same bits in an element, and the coefficients, "
         "as "
         "they are\ngiven, add up to one, the element is those bits. So a merge of a model with itself is that model, "
         "a "
         "layer that was frozen\nin training comes out as it went in, and Inf that all have stays Inf. What is not "
         "linear keeps "
         "them "
         "wherever its\nmathematics gives the input back.\n\n"
         "A method is found by its name or by what other programs call it. Case does not count, and blanks and hyphens "
         "are\nunderscores: `-m \"sum Twice\"` is `-m sum_twice`.\n";
}

std::string distance_text(const PeerResult& result) {
  if (result.units == PeerResult::kDifferent) return "different";
  if (result.units == 0) return "equal to the bit";
  return "equal within " + std::to_string(static_cast<int>(result.units)) + " units" +
         (result.of_tensor ? " of the tensor" : "");
}

// tests/kernels/methods/edge_cases_test.cpp holds it.
constexpr const char* kEdges =
    "\n## At the edges\n\n"
    "What methods make that look at whole tensors, where these have little to go by:\n\n"
    "| tensors | what comes of them |\n|---|---|\n"
    "| without elements, of one element, of zeros alone | as any other; nothing becomes NaN |\n"
    "| equal ones | themselves, bit for bit; `perpendicular_component` of them is 0 |\n"
    "| opposite ones, which have no angle | the straight line: `slerp`, `unit_slerp`, `nuslerp`, `multislerp`, "
    "`karcher`, `geometric_median` |\n"
    "| zeros beside others | the straight line: `unit_slerp`, `multislerp`, `karcher`, `geometric_median`; at a right "
    "angle to all, so that sin(t * 90 degrees) of the other is left: `slerp`, `nuslerp` |\n"
    "| opposite differences | A: `model_stock`, `breadcrumbs`, `ties_sum`, `ties_sum_extended`, `ram`, `ramplus_tl`; "
    "their magnitudes, since a sum of 0 counts as plus: `ties`, `sce` |\n"
    "| NaN or Inf in one | NaN in that element, of Inf NaN or Inf, even where its share comes to 0; or nowhere where "
    "it "
    "is dropped; what its tensor cannot tell then is left out: the straight line, the average, equal weights |\n"
    "| a share of less than one element | one stays: `ties`, `breadcrumbs`, `breadcrumbs_ties`, `ties_sum` and its "
    "kin; "
    "none: `sce` |\n"
    "| `density` and `gamma` of more than all | fewer of the largest go, so that `density` stays |\n";

std::string peers_markdown() {
  std::string out =
      "\n## Beside other programs\n\n"
      "How near results in F32 are to those of the program that a method comes from. A unit is 2^-24 of the largest "
      "magnitude\nthat the inputs have in the element, or that they and the result have in the tensor; 16 are 1e-6. "
      "Elements that all\ninputs share are theirs here. [peers.md](peers.md) has what was measured, for other dtypes, "
      "too, and what is left out.\n\n"
      "| method | program | there | | why |\n|---|---|---|---|---|\n";
  for (const PeerResult& result : peer_results())
    out += std::string("| `") + result.method + "` | " + result.peer + " | " + result.called + " | " +
           distance_text(result) + " | " + result.why + " |\n";
  return out;
}

}  // namespace

void methods_command(const Request& request, Caller& caller) {
  const std::vector<std::string>& names = request.operands;
  if (names.size() > 1) throw Error(ErrorCode::usage, names[1], "one method at a time, or none for all of them");
  const MethodSpec* const only = names.empty() ? nullptr : &method_called(names[0], names[0]);
  request.refused.raise();
  const bool markdown = request.settings.markdown;
  std::vector<const MethodSpec*> specs;
  for (const Method& method : ckmerge::methods())
    if (!only || only == method.spec) specs.push_back(method.spec);
  if (request.settings.json) return caller.tell(methods_json(specs));
  std::string out = markdown ? markdown_head() : "";
  for (const MethodSpec* spec : specs) {
    if (!out.empty()) out += "\n";
    out += markdown ? method_markdown(*spec) : method_text(*spec);
  }
  if (markdown && !only) out += kEdges + peers_markdown();
  caller.tell(out);
}

}  // namespace ckmerge::cli
