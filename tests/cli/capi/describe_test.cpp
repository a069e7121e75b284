// SPDX-License-Identifier: Apache-2.0
// The description against the tables: nothing of them is missing, and nothing else is in it.
#include "cli/capi/describe.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <set>

#include "cli/capi/request_options.h"
#include "cli/options/option_table.h"
#include "core/blocks/block_table.h"
#include "io/text/error.h"
#include "io/text/json_value.h"

using namespace ckmerge;
using namespace ckmerge::cli;

namespace {

const JsonValue& member(const JsonValue& object, const std::string& name) {
  const auto found = std::ranges::find(object.keys, name);
  REQUIRE_MESSAGE(found != object.keys.end(), name);
  return object.items[static_cast<size_t>(found - object.keys.begin())];
}

std::vector<std::string> texts(const JsonValue& array) {
  std::vector<std::string> out;
  for (const JsonValue& item : array.items) out.push_back(item.text);
  return out;
}

JsonValue described() { return parse_json(describe().text()); }

const JsonValue& called(const JsonValue& array, const std::string& name) {
  const auto found =
      std::ranges::find_if(array.items, [&](const JsonValue& i) { return member(i, "name").text == name; });
  REQUIRE_MESSAGE(found != array.items.end(), name);
  return *found;
}

}  // namespace

TEST_CASE("every option of every command is described once for it, save those that are for terminals") {
  const JsonValue document = described();
  for (const Command command : request_commands()) {
    const std::string of = spec_of(command).name;
    std::multiset<std::string> wanted, found;
    for (const OptionSpec& option : options_of(command))
      if (!is_for_terminals(option.name)) wanted.insert(option.name);
    for (const JsonValue& option : member(document, "options").items)
      if (std::ranges::count(texts(member(option, "commands")), of)) found.insert(member(option, "name").text);
    CHECK_MESSAGE(wanted == found, of);
  }
}

TEST_CASE("an option is described as the table has it") {
  const JsonValue document = described();
  const JsonValue& missing = called(member(document, "options"), "missing");
  CHECK(member(missing, "kind").text == "value");
  CHECK(member(missing, "type").text == "choice");
  CHECK(texts(member(missing, "choices")) == std::vector<std::string>{"keep", "zero", "drop", "error"});
  CHECK(texts(member(missing, "commands")) == std::vector<std::string>{"merge", "plan", "average"});
  CHECK(member(called(member(document, "options"), "force"), "letter").text == "f");
  CHECK(member(called(member(document, "options"), "alpha"), "of_method").boolean);
  CHECK(member(called(member(document, "options"), "weight"), "may_be_object").boolean);
}

TEST_CASE("blocks are in the order of their lists") {
  const JsonValue document = described();
  const auto blocks = [&](const char* name) {
    return texts(member(called(member(document, "architectures"), name), "blocks"));
  };
  const std::vector<std::string> sd1 = blocks("sd1");
  REQUIRE(sd1.size() == 26);
  CHECK(sd1[0] == "BASE");
  CHECK(sd1[1] == "IN00");
  CHECK(sd1[13] == "M00");
  CHECK(sd1[25] == "OUT11");
  CHECK(blocks("sdxl").size() == 20);
  CHECK(blocks("flux-dev").size() == 61);
  CHECK(blocks("wan").empty());
}

TEST_CASE("exit codes are those of errors") {
  const JsonValue document = described();
  const JsonValue& codes = member(document, "exit_codes");
  CHECK(codes.keys == std::vector<std::string>{"0", "1", "2", "3", "4", "5", "6", "130"});
  for (const ErrorCode code : {ErrorCode::io, ErrorCode::usage, ErrorCode::malformed, ErrorCode::mismatch,
                               ErrorCode::resources, ErrorCode::difference, ErrorCode::interrupted})
    CHECK(member(member(codes, std::to_string(static_cast<int>(code))), "name").text == name(code));
}
