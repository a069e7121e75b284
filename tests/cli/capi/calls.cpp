// SPDX-License-Identifier: Apache-2.0
#include "tests/cli/capi/calls.h"

#include <algorithm>

#include "io/text/json_writer.h"

namespace ckmerge::test {

const JsonValue* Answer::at(const std::string& path) const {
  const JsonValue* value = &document;
  for (size_t begin = 0; value && begin < path.size();) {
    const size_t end = std::min(path.find('.', begin), path.size());
    const auto found = std::ranges::find(value->keys, path.substr(begin, end - begin));
    value = found == value->keys.end() ? nullptr : &value->items[static_cast<size_t>(found - value->keys.begin())];
    begin = end + 1;
  }
  return value;
}

std::string Answer::text_at(const std::string& path) const {
  const JsonValue* const value = at(path);
  return value ? value->text : "";
}

Answer call(ckmerge_session* session, const std::string& request, const ckmerge_call_options* options) {
  char* text = nullptr;
  Answer answer{.code = ckmerge_call(session, request.c_str(), options, &text), .text = text ? text : ""};
  ckmerge_free(text);
  answer.document = parse_json(answer.text);
  return answer;
}

std::string quoted(const std::string& text) {
  std::string out;
  append_json_string(out, text);
  return out;
}

ckmerge_call_options Told::options() {
  ckmerge_call_options options{};
  options.size = sizeof options;
  options.context = this;
  options.progress = [](void* context, const char* event) {
    auto* const told = static_cast<Told*>(context);
    told->events.emplace_back(event);
    return told->answer_to_events;
  };
  options.warn = [](void* context, const char* sentence) {
    static_cast<Told*>(context)->sentences.emplace_back(sentence);
  };
  return options;
}

}  // namespace ckmerge::test
