// SPDX-License-Identifier: Apache-2.0
#include "cli/report/methods_json.h"

namespace ckmerge::cli {
namespace {

const char* kind_name(ParameterKind kind) {
  switch (kind) {
    case ParameterKind::number: return "number";
    case ParameterKind::numbers: return "numbers";
    case ParameterKind::flag: return "flag";
  }
  return "";
}

void write_parameter(JsonWriter& json, const ParameterSpec& parameter) {
  json.begin_object();
  json.key("name").value(parameter.name);
  json.key("option").value(std::string("--") + parameter.option_name());
  json.key("kind").value(kind_name(parameter.kind));
  json.key("default").value(parameter.default_text);
  json.key("meaning").value(parameter.meaning);
  json.end_object();
}

void write_method(JsonWriter& json, const MethodSpec& spec) {
  json.begin_object();
  json.key("name").value(spec.name);
  json.key("summary").value(spec.summary);
  json.key("formula").value(spec.formula);
  json.key("source").value(spec.source);
  json.key("aliases").begin_array();
  for (const char* const alias : spec.aliases)
    if (alias) json.value(alias);
  json.end_array();
  json.key("note");
  spec.note ? json.value(spec.note) : json.null();
  json.key("whole_tensors").value(spec.of_whole_tensors);
  json.key("min_inputs").value(spec.min_inputs);
  json.key("max_inputs");
  spec.max_inputs == 0 ? json.null() : json.value(spec.max_inputs);
  json.key("parameters").begin_array();
  for (const ParameterSpec& parameter : std::span(spec.parameters).first(spec.parameter_count))
    write_parameter(json, parameter);
  json.end_array().end_object();
}

}  // namespace

void write_methods(JsonWriter& json, std::span<const MethodSpec* const> specs) {
  json.key("methods").begin_array();
  for (const MethodSpec* const spec : specs) write_method(json, *spec);
  json.end_array();
}

JsonWriter methods_json(std::span<const MethodSpec* const> specs) {
  JsonWriter json;
  json.begin_object();
  write_methods(json, specs);
  json.end_object();
  return json;
}

}  // namespace ckmerge::cli
