// SPDX-License-Identifier: Apache-2.0
// The parser behind translate_pattern(): items of a sequence in name_pattern_syntax.cpp, groups in
// name_pattern_groups.cpp. It writes while it reads; what it remembers is what Python's rules ask about later.
#pragma once

#include <algorithm>
#include <cstdint>
#include <map>
#include <optional>
#include <vector>

#include "core/name_pattern_escape.h"
#include "core/name_pattern_syntax.h"

namespace ckmerge {

/// How many characters something can match, clamped as Python does it. Look-behind needs both to be the same.
struct PatternWidth {
  static constexpr uint64_t kUnbounded = 0xffffffff;
  uint64_t least = 0, most = 0;

  void operator+=(PatternWidth other) { least += other.least, most += other.most; }
  void include(PatternWidth other) {
    least = std::min(least, other.least);
    most = std::max(most, other.most);
  }
  PatternWidth clamped() const { return {std::min(least, kUnbounded - 1), std::min(most, kUnbounded)}; }
};

class PatternTranslator {
 public:
  explicit PatternTranslator(std::string_view pattern) : text_(pattern) {}
  TranslatedPattern run();

 private:
  struct Flags {
    bool ignore_case = false, multiline = false, dot_all = false, verbose = false, ascii = false, unicode = false;
  };
  /// What a quantifier would repeat.
  enum class Item { none, plain, position, assertion, repeat };
  struct LastItem {
    Item kind = Item::none;
    size_t begin = 0;   // in the output
    size_t groups = 0;  // before it
    PatternWidth width;
  };
  struct Bounds {
    uint64_t least = 0, most = PatternWidth::kUnbounded;
  };
  struct Group {
    bool open = true;
    PatternWidth width;
  };

  // Items.
  PatternWidth alternatives();
  PatternWidth sequence();
  void begin_item(Item kind, uint64_t width);
  void add(Item kind, uint64_t width, std::string_view text);
  void add_character(char32_t character);
  void add_beginning();
  void add_set(size_t at);
  void add_word_border(bool inverted);
  void add_number(char first, size_t at);
  void add_escape(PatternToken escape, size_t at);
  void add_special(char32_t character, size_t at);
  bool take_bounds(char32_t first, size_t at, Bounds& bounds);
  void write_nothing();
  void write_quantifier(Bounds bounds);
  void add_quantifier(char32_t first, size_t at);
  bool skip_verbose(PatternToken token);

  // Groups; `at` is where the "(" is.
  void add_group(size_t at);
  void add_extension(size_t at);
  void add_python_extension(size_t at);
  void add_named_group(size_t at);
  void add_capture(size_t at, const std::string& name, size_t name_at);
  void add_body(size_t at, Item kind, std::string_view prefix);
  void add_look_behind(size_t at);
  void add_condition(size_t at);
  void add_reference(size_t group, size_t at);
  void add_flags(size_t at, char32_t first);
  void skip_comment(size_t at);
  void close(size_t at);
  Flags take_flags(size_t at, char32_t& letter, bool on);
  void set_global_flags(size_t at, const Flags& on);
  size_t condition_group(size_t at);
  void check_reference(size_t group, size_t at) const;
  void check_conditions() const;

  CaseRule rule() const {
    return !flags_.ignore_case ? CaseRule::exact : flags_.ascii ? CaseRule::ascii : CaseRule::unicode;
  }

  PatternText text_;
  TranslatedPattern out_;
  Flags flags_;
  PatternWidth total_;  // of the sequence, without its last item
  LastItem item_;
  std::vector<Group> groups_{Group{}};  // the 0th is the whole pattern
  std::map<std::string, size_t> names_;
  std::optional<size_t> groups_before_look_behind_;    // inside the outermost look-behind
  std::vector<std::pair<size_t, size_t>> conditions_;  // group, place: groups that may come later
  uint64_t caseless_members_ = 0;
  int depth_ = 0;
  bool first_branch_ = true;
  bool caseless_ = false;  // the whole pattern begins with (?i)
};

}  // namespace ckmerge
