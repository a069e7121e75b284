// SPDX-License-Identifier: Apache-2.0
// The flags (?aimsux) and (?aimsux-imsx:...). Only i is handed on to PCRE2; the others are written out.
#include "core/name_pattern_translator.h"

namespace ckmerge {
namespace {

[[noreturn]] void fail_flag(PatternToken token, size_t at) {
  std::string what = "is where a flag's letter (a, i, m, s, u, x), \"-\", \":\" or \")\" should be";
  if (token.is('L')) what = "is the flag L, which is for bytes; names are text";
  throw PatternFault{at, what};
}

}  // namespace

// Reads letters from `letter` on, and leaves there what follows them.
PatternTranslator::Flags PatternTranslator::take_flags(size_t at, char32_t& letter, bool on) {
  Flags flags;
  for (size_t count = 0;; ++count) {
    switch (letter) {
      case 'i': flags.ignore_case = true; break;
      case 'm': flags.multiline = true; break;
      case 's': flags.dot_all = true; break;
      case 'x': flags.verbose = true; break;
      case 'a': flags.ascii = true; break;
      case 'u': flags.unicode = true; break;
      default:
        const bool ends = letter == ':' || (on && (letter == ')' || letter == '-'));
        if (!ends || (count == 0 && !(on && letter == '-'))) fail_flag({letter, false}, text_.position() - 1);
        return flags;
    }
    if (flags.ascii && flags.unicode) throw PatternFault{at, "has both flags a and u; choose one"};
    if (!on && (flags.ascii || flags.unicode)) throw PatternFault{at, "turns off a or u; turn on the other"};
    const PatternToken token = text_.take();
    if (token.ends()) throw PatternFault{at, "begins flags that never end; add \")\""};
    if (token.escaped) fail_flag(token, text_.position() - 2);
    letter = token.character;
  }
}

void PatternTranslator::set_global_flags(size_t at, const Flags& on) {
  if (depth_ > 1 || !first_branch_ || item_.kind != Item::none)
    throw PatternFault{at, "sets flags for the whole pattern; put it at the beginning, or write (?i:...)"};
  flags_.ignore_case |= on.ignore_case;
  flags_.multiline |= on.multiline;
  flags_.dot_all |= on.dot_all;
  flags_.verbose |= on.verbose;
  flags_.ascii |= on.ascii;
  flags_.unicode |= on.unicode;
  if (flags_.ascii && flags_.unicode) throw PatternFault{at, "adds the flag u to a, or a to u; choose one"};
  caseless_ = rule() == CaseRule::unicode;
}

void PatternTranslator::add_flags(size_t at, char32_t first) {
  char32_t letter = first;
  const Flags on = take_flags(at, letter, /*on=*/true);
  if (letter == ')') return set_global_flags(at, on);
  Flags off;
  if (letter == '-') {
    const PatternToken token = text_.take();
    if (token.ends()) throw PatternFault{at, "begins flags that never end; add a letter and \":\""};
    if (token.escaped) fail_flag(token, text_.position() - 2);
    letter = token.character;
    off = take_flags(at, letter, /*on=*/false);
  }
  const Flags outer = flags_;
  const auto combine = [&](bool Flags::*flag) {
    if (on.*flag && off.*flag) throw PatternFault{at, "turns a flag on and off"};
    flags_.*flag = (flags_.*flag || on.*flag) && !(off.*flag);
  };
  for (bool Flags::*flag : {&Flags::ignore_case, &Flags::multiline, &Flags::dot_all, &Flags::verbose}) combine(flag);
  if (on.ascii || on.unicode) flags_.ascii = on.ascii;
  add_body(at, Item::plain, rule() == CaseRule::unicode ? "(?i:" : "(?-i:");
  flags_ = outer;
}

}  // namespace ckmerge
