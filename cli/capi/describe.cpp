// SPDX-License-Identifier: Apache-2.0
#include "cli/capi/describe.h"

#include <algorithm>
#include <string>
#include <vector>

#include "cli/capi/ckmerge.h"
#include "cli/capi/request_options.h"
#include "cli/report/exit_statuses.h"
#include "cli/report/methods_json.h"
#include "core/blocks/block_table.h"
#include "io/input_forms.h"
#include "io/output_forms.h"
#include "io/text/error.h"
#include "kernels/dtype.h"

namespace ckmerge::cli {
namespace {

const char* name(WordKind kind) {
  switch (kind) {
    case WordKind::text: return "text";
    case WordKind::checkpoint: return "checkpoint";
    case WordKind::file: return "file";
    case WordKind::folder: return "folder";
    case WordKind::method: return "method";
    case WordKind::shell: return "shell";
  }
  return "";
}

const char* name(OptionKind kind) {
  switch (kind) {
    case OptionKind::flag: return "flag";
    case OptionKind::toggle: return "toggle";
    case OptionKind::value: return "value";
    case OptionKind::list: return "list";
  }
  return "";
}

const char* name(ValueType type) {
  switch (type) {
    case ValueType::flag: return "flag";
    case ValueType::text: return "text";
    case ValueType::number: return "number";
    case ValueType::numbers: return "numbers";
    case ValueType::count: return "count";
    case ValueType::size: return "size";
    case ValueType::choice: return "choice";
    case ValueType::pattern: return "pattern";
    case ValueType::pair: return "pair";
    case ValueType::dtype: return "dtype";
    case ValueType::device: return "device";
    case ValueType::method: return "method";
    case ValueType::url: return "url";
    case ValueType::checkpoint: return "checkpoint";
    case ValueType::file: return "file";
    case ValueType::folder: return "folder";
    case ValueType::output: return "output";
  }
  return "";
}

const char* name(DtypeKind kind) {
  switch (kind) {
    case DtypeKind::real: return "real";
    case DtypeKind::integer: return "integer";
    case DtypeKind::opaque: return "opaque";
  }
  return "";
}

void write_commands(JsonWriter& json) {
  json.key("commands").begin_array();
  for (const Command command : request_commands()) {
    const CommandSpec& spec = spec_of(command);
    json.begin_object();
    json.key("name").value(spec.name);
    json.key("meaning").value(spec.summary);
    json.key("about").value(spec.about);
    json.key("operands").value(spec.usage);
    json.key("operand_type").value(name(spec.operands));
    json.end_object();
  }
  json.end_array();
}

// An option and the commands that have it. One name may be several options: the VAE of bake and that of compose.
struct Shared {
  OptionSpec option;
  std::vector<std::string> commands;
};

std::vector<Shared> shared_options() {
  std::vector<Shared> all;
  for (const Command command : request_commands())
    for (OptionSpec& option : request_options(command)) {
      const auto same = std::ranges::find_if(all, [&](const Shared& other) {
        return other.option.name == option.name && other.option.meaning == option.meaning;
      });
      Shared& shared =
          same == all.end() ? all.emplace_back(Shared{.option = std::move(option), .commands = {}}) : *same;
      shared.commands.emplace_back(spec_of(command).name);
    }
  return all;
}

void write_options(JsonWriter& json) {
  json.key("options").begin_array();
  for (const auto& [option, commands] : shared_options()) {
    std::vector<std::string> choices = option.reader.choices;
    if (option.reader.type == ValueType::method) choices = words_of(WordKind::method);
    json.begin_object();
    json.key("name").value(option.name);
    json.key("letter");
    option.letter ? json.value(std::string_view(&option.letter, 1)) : json.null();
    json.key("kind").value(name(option.kind()));
    json.key("type").value(name(option.reader.type));
    json.key("choices").value(choices);
    json.key("value_name").value(option.value_name);
    json.key("meaning").value(option.meaning);
    json.key("commands").value(commands);
    json.key("of_method").value(option.of_method);
    json.key("may_be_object").value(option.may_be_map());
    json.end_object();
  }
  json.end_array();
}

void write_all_methods(JsonWriter& json) {
  std::vector<const MethodSpec*> specs;
  for (const Method& method : ckmerge::methods()) specs.push_back(method.spec);
  write_methods(json, specs);
}

void write_dtypes(JsonWriter& json) {
  json.key("dtypes").begin_array();
  for (const DtypeInfo& dtype : kDtypes) {
    json.begin_object();
    json.key("name").value(dtype.name);
    json.key("bits").value(dtype.bits);
    json.key("kind").value(name(dtype.kind));
    json.end_object();
  }
  json.end_array();
}

// The blocks of a list in order: "IN00..IN11" is twelve of them, "-" and "VAE=0" are none.
std::vector<std::string> blocks_of(std::string_view list) {
  std::vector<std::string> blocks;
  for (size_t begin = 0; begin < list.size();) {
    const size_t end = std::min(list.find(' ', begin), list.size());
    const std::string_view word = list.substr(begin, end - begin);
    begin = end + 1;
    const size_t dots = word.find("..");
    if (word == "-" || word.ends_with('.') || word.find('=') != word.npos) continue;
    if (dots == word.npos) {
      blocks.emplace_back(word);
      continue;
    }
    const std::string_view first = word.substr(0, dots), last = word.substr(dots + 2);
    const size_t digits = first.find_first_of("0123456789");
    const int to = std::stoi(std::string(last.substr(digits)));
    for (int number = std::stoi(std::string(first.substr(digits))); number <= to; ++number)
      blocks.push_back(std::string(first.substr(0, digits)) + (number < 10 ? "0" : "") + std::to_string(number));
  }
  return blocks;
}

// Of those that have lists: how many others have is a checkpoint's business.
void write_architectures(JsonWriter& json) {
  json.key("architectures").begin_array();
  for (const BlockTable& table : block_tables())
    for (const std::string_view architecture : table.architectures) {
      json.begin_object();
      json.key("name").value(architecture);
      json.key("table").value(table.name);
      json.key("blocks").value(table.lists.empty() ? std::vector<std::string>() : blocks_of(table.lists[0].blocks));
      json.end_object();
    }
  json.end_array();
}

template <typename Forms>
void write_forms(JsonWriter& json, std::string_view key, const Forms& forms) {
  json.key(key).begin_array();
  for (const auto& form : forms) {
    json.begin_object();
    json.key("name").value(form.name);
    json.key("extensions").begin_array();
    for (const char* const extension : form.extensions) json.value(extension);
    json.end_array().end_object();
  }
  json.end_array();
}

void write_exit_codes(JsonWriter& json) {
  json.key("exit_codes").begin_object();
  for (const ExitStatus& status : kExitStatuses) {
    const int code = std::stoi(status.codes);
    json.key(std::to_string(code)).begin_object();
    json.key("name").value(code == 0 ? "done" : ckmerge::name(static_cast<ErrorCode>(code)));
    json.key("meaning").value(status.meaning);
    json.end_object();
  }
  json.end_object();
}

}  // namespace

JsonWriter describe() {
  JsonWriter json;
  json.begin_object();
  json.key("version").value(CKMERGE_VERSION);
  json.key("interface").value(CKMERGE_INTERFACE);
  write_commands(json);
  write_options(json);
  write_all_methods(json);
  write_dtypes(json);
  write_architectures(json);
  write_forms(json, "input_forms", input_forms());
  write_forms(json, "output_forms", output_forms());
  write_exit_codes(json);
  json.end_object();
  return json;
}

}  // namespace ckmerge::cli
