// SPDX-License-Identifier: Apache-2.0
#include "core/vocabulary/chat_templates.h"

#include <algorithm>
#include <array>
#include <map>
#include <vector>

#include "core/vocabulary/tokenizer_files.h"
#include "io/text/error.h"
#include "io/text/json_edit.h"
#include "io/text/json_scanner.h"
#include "io/text/json_writer.h"
#include "io/text/sentence.h"
#include "io/text/utf8.h"

namespace ckmerge {
namespace {

using ScannedKind = JsonScanner::Kind;

constexpr const char* kTemplate = "chat_template.jinja";
constexpr const char* kConfig = "tokenizer_config.json";
constexpr const char* kOlderTemplate = "chat_template.json";
constexpr const char* kMember = "chat_template";

struct NamedTemplate {
  std::string_view name, text;
};

// The layouts that mergekit has names for, in words of our own that lay out every conversation as its words do
// (tests/peers/vocabularies.py).
constexpr auto kNamed = std::to_array<NamedTemplate>({
    {"alpaca", R"({%- set system = messages | selectattr('role', 'equalto', 'system') | list -%}
{{- (system | last).content | trim if system else '' -}}
{{- '\n\n' -}}
{%- for message in messages -%}
  {%- set heading = {'user': 'Instruction', 'assistant': 'Response', 'user_context': 'Input'}.get(message['role']) -%}
  {%- if heading -%}
    {{- '### ' + heading + ':\n' + message['content'] | trim -}}
    {{- '' if loop.last else '\n\n' -}}
  {%- endif -%}
{%- endfor -%}
{{- '### Response:\n' if add_generation_prompt and messages[-1]['role'] != 'assistant' else '' -}})"},
    {"chatml", R"({%- for message in messages -%}
  {{- '<|im_start|>' + message['role'] + '\n' + message['content'] + '<|im_end|>\n' -}}
{%- endfor -%}
{{- '<|im_start|>assistant\n' if add_generation_prompt else '' -}})"},
    {"exaone", R"({%- for message in messages -%}
  {{- '        [|system|][|endofturn|]\n\n' if loop.first and message['role'] != 'system' else '' -}}
  {{- '    [|' + message['role'] + '|]' + message['content'] + '\n        ' -}}
  {{- '\n\n' if message['role'] == 'user' else '[|endofturn|]\n\n' -}}
{%- endfor -%}
{{- '    [|assistant|]\n' if add_generation_prompt else '' -}})"},
    {"llama3", R"({%- for message in messages -%}
  {{- bos_token if loop.first else '' -}}
  {{- '<|start_header_id|>' + message['role'] + '<|end_header_id|>\n\n' + message['content'] | trim -}}
  {{- '<|eot_id|>\n' -}}
{%- endfor -%}
{{- '<|start_header_id|>assistant<|end_header_id|>\n\n' if add_generation_prompt else '' -}})"},
    {"mistral", R"({%- set has_system = messages[0]['role'] == 'system' -%}
{%- set turns = messages[1:] if has_system else messages -%}
{{- bos_token -}}
{%- for message in turns -%}
  {%- if message['role'] != ('user' if loop.index0 % 2 == 0 else 'assistant') -%}
    {{- raise_exception('after an optional system message, user and assistant take turns') -}}
  {%- elif message['role'] == 'user' -%}
    {{- ' [INST] ' + (messages[0]['content'] + '\n\n' if has_system and loop.first else '') -}}
    {{- message['content'] + ' [/INST]' -}}
  {%- else -%}
    {{- ' ' + message['content'] + eos_token -}}
  {%- endif -%}
{%- endfor -%})"},
});

std::string trimmed(std::string_view text) {
  constexpr std::string_view kBlanks = " \t\r\n\f\v";
  const size_t begin = text.find_first_not_of(kBlanks);
  if (begin == std::string_view::npos) return "";
  return std::string(text.substr(begin, text.find_last_not_of(kBlanks) + 1 - begin));
}

// Of a list of templates with names that which is called default.
std::optional<std::string> default_of(JsonScanner& json) {
  std::optional<std::string> found;
  for (json.enter(ScannedKind::array); json.next();) {
    if (json.kind() != ScannedKind::object) {
      json.skip();
      continue;
    }
    std::string name, text;
    for (json.enter(ScannedKind::object); json.next();) {
      const std::string key(json.key());
      if (json.kind() != ScannedKind::string)
        json.skip();
      else if (key == "name")
        name = json.string();
      else if (key == "template")
        text = json.string();
      else
        json.skip();
    }
    if (name == "default") found = text;
  }
  return found;
}

std::optional<std::string> template_in(std::string_view config) {
  const std::optional<std::string_view> member = json_member(config, kMember);
  if (!member) return std::nullopt;
  JsonScanner json(*member);
  if (json.kind() == ScannedKind::string) return std::string(json.string());
  return json.kind() == ScannedKind::array ? default_of(json) : std::nullopt;
}

// The first of those that there are most of.
std::optional<std::string> most_common(std::span<const std::string> folders) {
  std::map<std::string, size_t> counts;
  std::vector<std::string> all;
  for (const std::string& folder : folders) {
    const std::optional<std::string> found = chat_template_of(folder);
    const std::string text = found ? trimmed(*found) : "";
    if (text.empty()) continue;
    ++counts[text];
    all.push_back(text);
  }
  if (all.empty()) return std::nullopt;
  return *std::ranges::max_element(all, {}, [&](const std::string& text) { return counts[text]; });
}

}  // namespace

std::optional<std::string> chat_template_of(const std::string& folder) {
  if (std::optional<std::string> text = text_in(folder, kTemplate)) return text;
  for (const char* const name : {kConfig, kOlderTemplate})
    if (const std::optional<std::string> config = text_in(folder, name)) try {
        if (std::optional<std::string> text = template_in(*config)) return text;
      } catch (const Error& error) {
        throw Error(ErrorCode::malformed, folder, sentence(folder, "/", name, ": is no JSON: ", error.what()));
      }
  return std::nullopt;
}

std::optional<std::string> chat_template(std::string_view asked, std::span<const std::string> folders) {
  if (asked == "auto") return most_common(folders);
  const auto* const named = std::ranges::find(kNamed, asked, &NamedTemplate::name);
  if (named != kNamed.end()) return std::string(named->text);
  if (asked.size() >= 20 && asked.find('{') != std::string_view::npos) return std::string(asked);
  std::string names;
  for (const NamedTemplate& row : kNamed) names += sentence(names.empty() ? "" : ", ", row.name);
  throw Error(ErrorCode::usage, kMember,
              sentence("chat_template '", valid_utf8(asked.substr(0, 60)),
                       "' is neither a template in Jinja, nor auto, nor one of ", names));
}

void put_chat_template(const std::string& folder, std::string text, VocabularyChanges& changes) {
  if (const std::optional<std::string> config = text_in(folder, kConfig)) {
    const auto changed = changes.texts.find(kConfig);
    const std::string& before = changed == changes.texts.end() ? *config : changed->second;
    if (json_member(before, kMember)) {
      std::string value;
      append_json_string(value, text);
      changes.texts[kConfig] = with_json_member(before, kMember, value);
    }
  }
  if (text_in(folder, kOlderTemplate)) changes.without.emplace_back(kOlderTemplate);
  std::erase_if(changes.copies,
                [](const auto& copy) { return copy.first == kTemplate || copy.first == kOlderTemplate; });
  changes.texts[kTemplate] = std::move(text);
}

}  // namespace ckmerge
