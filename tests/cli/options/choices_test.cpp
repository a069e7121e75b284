// SPDX-License-Identifier: Apache-2.0
#include "cli/options/choices.h"

#include <doctest/doctest.h>

#include "cli/options/option_table.h"
#include "io/text/error.h"

using namespace ckmerge;
using namespace ckmerge::cli;

TEST_CASE("a choice is found by its whole word, a near miss is suggested") {
  CHECK(choice_index("--missing", "keep", {"keep", "zero"}) == 0);
  CHECK(choice_index("--missing", "zero", {"keep", "zero"}) == 1);
  const auto refusal = [](std::string_view word) -> std::string {
    try {
      choice_index("--missing", word, {"keep", "zero", "drop"});
    } catch (const Error& e) {
      CHECK(e.code() == ErrorCode::usage);
      CHECK(e.where() == "--missing");
      return e.what();
    }
    return "";
  };
  CHECK(refusal("zeor") == "--missing: 'zeor' is not one of keep, zero, drop; did you mean 'zero'?");
  CHECK(refusal("Keep") == "--missing: 'Keep' is not one of keep, zero, drop; did you mean 'keep'?");
  CHECK(refusal("nothing") == "--missing: 'nothing' is not one of keep, zero, drop");
  CHECK(refusal("") == "--missing: '' is not one of keep, zero, drop");
}

TEST_CASE("shells complete the value of an option by what it is") {
  for (const OptionSpec& option : options_of(Command::merge)) {
    if (option.name == "output") CHECK(option.word_kind() == WordKind::checkpoint);
    if (option.name == "method") CHECK(option.word_kind() == WordKind::method);
    if (option.name == "hash-cache") CHECK(option.word_kind() == WordKind::file);
    if (option.name == "memory") CHECK(option.word_kind() == WordKind::text);
  }
}
