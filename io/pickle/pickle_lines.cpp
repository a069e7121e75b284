// SPDX-License-Identifier: Apache-2.0
#include "io/pickle/pickle_lines.h"

#include <algorithm>

namespace ckmerge {
namespace {

constexpr size_t kLongestLine = 100'000'000;  // a safetensors header's

}  // namespace

void PickleLines::integer_line(PickleMachine& m) {
  const std::string_view rest(reinterpret_cast<const char*>(m.bytes_.data()) + m.at_, m.bytes_.size() - m.at_);
  if (!rest.starts_with("00\n") && !rest.starts_with("01\n")) return m.push(m.take_decimal());
  m.push(m.values_.add_boolean(m.take_line(2) == "01"));
}

void PickleLines::long_line(PickleMachine& m) { m.push(m.take_decimal()); }

void PickleLines::float_line(PickleMachine& m) {
  m.take_line(kLongestLine);
  m.push(m.values_.add_opaque());
}

// With an escape in it a text is other than it stands there, and so is one beyond ASCII: both lines are Latin-1.
void PickleLines::push_line(PickleMachine& m, size_t begin, std::string_view text) {
  const bool plain = std::ranges::none_of(text, [](unsigned char c) { return c == '\\' || c >= 0x80; });
  m.push(plain ? m.values_.add_text(begin, text.size()) : m.values_.add_opaque());
}

void PickleLines::unicode_line(PickleMachine& m) {
  const size_t begin = m.at_;
  push_line(m, begin, m.take_line(kLongestLine));
}

void PickleLines::string_line(PickleMachine& m) {
  const size_t begin = m.at_;
  const std::string_view line = m.take_line(kLongestLine);
  if (line.size() < 2 || line.front() != line.back() || (line.front() != '\'' && line.front() != '"'))
    m.fail("a text without its quotes");
  push_line(m, begin + 1, line.substr(1, line.size() - 2));
}

void PickleLines::put_line(PickleMachine& m) { m.memoize(m.take_memo_number()); }

void PickleLines::get_line(PickleMachine& m) { m.push(m.remembered(m.take_memo_number())); }

void PickleLines::persid(PickleMachine& m) {
  m.take_line(kLongestLine);
  throw Error(ErrorCode::malformed, "",
              "a pickle of protocol 0, in which torch itself cannot load storages again; save it anew with "
              "pickle_protocol=2");
}

}  // namespace ckmerge
