// SPDX-License-Identifier: Apache-2.0
// A JSON text from front to end, without a tree of it: whoever reads asks for what it expects and passes over the rest.
// For documents of many megabytes of which few values matter, and of which parts are written again as they are, since
// places in the text are told.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace ckmerge {

/// Of the two halves that UTF-16 makes of a character each may stand alone in a text of Python's, and is not read by
/// programs in other languages.
enum class LoneHalves : uint8_t { refused, passed };

/// Strict (RFC 8259, no lone surrogates unless they are passed, no byte-order mark), all that is passed over included.
/// Each call throws Error(malformed) with a clause that says what is wrong and at which byte; whoever knows where the
/// text was adds it.
class JsonScanner {
 public:
  /// The text must live as long as this. What is decoded has no such half that is passed.
  explicit JsonScanner(std::string_view text, LoneHalves lone = LoneHalves::refused);

  enum class Kind : uint8_t { null, boolean, number, string, array, object };
  /// Of the value that comes next.
  Kind kind();
  /// Where it begins in the text; behind the last value, where that ended.
  size_t place();

  /// The text from there, as place() told it, up to where what was read last ends.
  std::string_view since(size_t begin) const { return text_.substr(begin, at_ - begin); }

  /// Passes over the next value, whatever it is, and returns it as it stands in the text.
  std::string_view skip();
  /// The next value, a string, decoded; holds until the next string is read.
  std::string_view string();
  /// The next value, a number, as it is written.
  std::string_view number();
  bool boolean();

  /// Goes into an array or object; then next() is to be called until it says no.
  void enter(Kind kind);
  /// Whether another element, or member, of what was entered last comes; else that is left.
  bool next();
  /// The name of the member that next() announced; holds until the next string is read.
  std::string_view key();

  /// Throws where anything but blanks follows.
  void finish();

 private:
  [[noreturn]] void fail(std::string_view what) const;
  char peek();
  void expect(char c);
  void expect_word(std::string_view word);
  void read_string(bool decode);
  void read_escape(bool decode);
  uint32_t read_hex();

  struct Level {
    bool object, first;
  };
  std::string_view text_;
  LoneHalves lone_;
  size_t at_ = 0;
  std::vector<Level> levels_;
  std::string decoded_;
};

}  // namespace ckmerge
