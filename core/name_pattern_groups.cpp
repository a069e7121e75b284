// SPDX-License-Identifier: Apache-2.0
// Everything in parentheses. Names are translated to numbers: PCRE2 limits their length, and a number cannot be wrong.
#include <algorithm>

#include "core/name_pattern_translator.h"
#include "io/text/sentence.h"

namespace ckmerge {
namespace {

constexpr int kDeepest = 200;  // Python's own limit lies near 300, wherever its stack ends

std::string shown(PatternToken token) {
  std::string text = token.escaped ? "\\" : "";
  append_utf8(text, token.character);
  return text;
}

void check_name(const std::string& name, size_t at) {
  const auto allowed = [](char c) { return c == '_' || is_ascii_letter(c) || (c >= '0' && c <= '9'); };
  if (!std::all_of(name.begin(), name.end(), allowed) || (name[0] >= '0' && name[0] <= '9'))
    throw PatternFault{at, "should be a group's name: ASCII letters, digits and _, no digit first"};
}

[[noreturn]] void fail_extension(const std::string& extension, size_t at) {
  throw PatternFault{at, sentence("begins (?", extension,
                                  ", which Python's re does not know; named groups are "
                                  "(?P<name>...)")};
}

[[noreturn]] void fail_end(size_t at) {
  throw PatternFault{at, "opens a group that is never closed; add \")\", or write \\( for the character"};
}

}  // namespace

void PatternTranslator::close(size_t at) {
  if (!text_.take_if(')')) fail_end(at);
  out_.text += ')';
}

// A group with its own flags, restored behind it.
void PatternTranslator::add_body(size_t at, Item kind, std::string_view prefix) {
  const Flags outer = flags_;
  add(kind, 0, prefix);
  const PatternWidth width = alternatives();
  close(at);
  flags_ = outer;
  if (kind != Item::assertion) item_.width = width;
}

void PatternTranslator::add_group(size_t at) {
  if (++depth_ > kDeepest)
    throw PatternFault{at, sentence("opens a group in ", kDeepest, " others, which is too deep")};
  if (text_.take_if('?'))
    add_extension(at);
  else
    add_capture(at, "", at);
  --depth_;
}

void PatternTranslator::add_capture(size_t at, const std::string& name, size_t name_at) {
  const size_t number = groups_.size();
  if (!name.empty() && !names_.emplace(name, number).second)
    throw PatternFault{name_at, "names a group that there is already; names must differ"};
  groups_.push_back({});
  add_body(at, Item::plain, "(");
  item_.groups = number;
  groups_[number] = {false, item_.width};
}

void PatternTranslator::add_extension(size_t at) {
  const PatternToken token = text_.take();
  if (token.ends()) fail_end(at);
  if (token.escaped) fail_extension(shown(token), at);
  switch (token.character) {
    case 'P': return add_python_extension(at);
    case ':': return add_body(at, Item::plain, "(?:");
    case '>': return add_body(at, Item::plain, "(?>");
    case '=': return add_body(at, Item::assertion, "(?=");
    case '!': return add_body(at, Item::assertion, "(?!");
    case '<': return add_look_behind(at);
    case '(': return add_condition(at);
    case '#': return skip_comment(at);
    default: return add_flags(at, token.character);
  }
}

void PatternTranslator::add_python_extension(size_t at) {
  const PatternToken token = text_.take();
  const size_t name_at = text_.position();
  if (token.is('<')) {
    const std::string name = text_.take_until('>', "a group's name, ended by \">\",");
    check_name(name, name_at);
    return add_capture(at, name, name_at);
  }
  if (!token.is('=')) fail_extension(token.ends() ? "P" : "P" + shown(token), at);
  const auto named = names_.find(text_.take_until(')', "a group's name, ended by \")\","));
  if (named == names_.end()) throw PatternFault{name_at, "names a group that there is not, or not yet"};
  add_reference(named->second, name_at);
}

void PatternTranslator::skip_comment(size_t at) {
  for (PatternToken token = text_.take(); !token.is(')'); token = text_.take())
    if (token.ends()) throw PatternFault{at, "begins a comment that never ends; add \")\""};
}

void PatternTranslator::add_look_behind(size_t at) {
  const PatternToken token = text_.take();
  if (!token.is('=') && !token.is('!')) fail_extension(token.ends() ? "<" : "<" + shown(token), at);
  const auto outer = groups_before_look_behind_;
  if (!outer) groups_before_look_behind_ = groups_.size();
  const bool negative = token.is('!');
  const Flags flags = flags_;
  add(Item::assertion, 0, negative ? "(?<!" : "(?<=");
  const PatternWidth width = alternatives();
  close(at);
  flags_ = flags;
  groups_before_look_behind_ = outer;
  if (width.least != width.most)
    throw PatternFault{at, "looks behind at texts of different lengths; give it one length, or use several"};
}

void PatternTranslator::check_reference(size_t group, size_t at) const {
  if (group >= groups_.size())
    throw PatternFault{at, sentence("refers to group ", group, ", which there is not, or not yet")};
  if (groups_[group].open) throw PatternFault{at, sentence("refers to group ", group, ", which it is itself in")};
  if (groups_before_look_behind_ && group >= *groups_before_look_behind_)
    throw PatternFault{at, "refers to a group of the same look-behind"};
}

void PatternTranslator::add_reference(size_t group, size_t at) {
  check_reference(group, at);
  const std::string text = sentence("\\g{", group, "}");
  add(Item::plain, 0, rule() == CaseRule::ascii ? "(?i:" + text + ")" : text);
  item_.width = groups_[group].width;
}

size_t PatternTranslator::condition_group(size_t at) {
  const std::string name = text_.take_until(')', "a group's name or number, ended by \")\",");
  if (name.find_first_not_of("0123456789") != std::string::npos) {
    const auto named = names_.find(name);
    if (named == names_.end()) throw PatternFault{at, "names a group that there is not, or not yet"};
    return named->second;
  }
  const size_t group = name.size() > 5 ? 0 : std::stoul(name);
  if (group == 0) throw PatternFault{at, "is no group's number"};
  return group;
}

void PatternTranslator::add_condition(size_t at) {
  const size_t name_at = text_.position();
  const size_t group = condition_group(name_at);
  if (groups_before_look_behind_ || (group < groups_.size() && groups_[group].open)) check_reference(group, name_at);
  conditions_.push_back({group, name_at});
  const Flags outer = flags_;
  add(Item::plain, 0, sentence("(?(", group, ")"));
  PatternWidth width = sequence(), other;
  if (text_.take_if('|')) {
    out_.text += '|';
    other = sequence();
    if (text_.peek().is('|')) throw PatternFault{text_.position(), "is a third branch; a condition has two"};
  }
  close(at);
  flags_ = outer;
  width.include(other);
  item_.width = width;
}

void PatternTranslator::check_conditions() const {
  for (const auto& [group, at] : conditions_)
    if (group >= groups_.size()) throw PatternFault{at, sentence("refers to group ", group, ", which there is not")};
}

}  // namespace ckmerge
