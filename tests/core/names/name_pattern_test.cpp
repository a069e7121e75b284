// SPDX-License-Identifier: Apache-2.0
// What docs/cli.md promises of patterns, and the words with which they are refused. RE2's own syntax is RE2's to test.
#include "core/names/name_pattern.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <chrono>

#include "core/names/name_pattern_set.h"
#include "tests/core/failure.h"
#include "tests/sanitized.h"

using namespace ckmerge;
using namespace ckmerge::test;

namespace {

bool found(const std::string& pattern, std::string_view name) { return NamePattern("--only", pattern).matches(name); }

struct Row {
  const char *pattern, *name;
  bool match;
};

void check(std::initializer_list<Row> rows) {
  for (const Row& row : rows) {
    CAPTURE(row.pattern);
    CAPTURE(row.name);
    CHECK(found(row.pattern, row.name) == row.match);
  }
}

// What follows "--only 'PATTERN': ".
std::string refusal(const std::string& pattern) {
  const Failure fault = failure([&] { NamePattern("--only", pattern); });
  CAPTURE(pattern);
  CHECK(fault.code == ErrorCode::usage);
  CHECK(fault.where == "--only");
  const std::string before = "--only '" + pattern + "': ";
  CHECK(fault.text.substr(0, before.size()) == before);
  return fault.text.substr(std::min(fault.text.size(), before.size()));
}

std::vector<NamePattern> compiled(const std::vector<std::string>& texts) {
  std::vector<NamePattern> patterns;
  for (const std::string& text : texts) patterns.emplace_back("--only", text);
  return patterns;
}

}  // namespace

TEST_CASE("patterns are found anywhere in a name, unless they say where") {
  check({{"", "", true},
         {"", "a", true},
         {"model", "a.model.b", true},
         {"model", "mode", false},
         {"^model\\.diffusion_model\\.", "model.diffusion_model.out.2.bias", true},
         {"^model\\.diffusion_model\\.", "model_diffusion_model.out.2.bias", false},
         {"^model\\.diffusion_model\\.", "x.model.diffusion_model.", false},
         {"^first_stage_model|^cond", "cond_stage_model.x", true},
         {"^first_stage_model|^cond", "second_cond", false},
         {"\\.attn[12]\\.to_(q|k|v)\\.weight$", "blocks.0.attn2.to_k.weight", true},
         {"\\.attn[12]\\.to_(q|k|v)\\.weight$", "blocks.0.attn2.to_k.weight_scale", false},
         {"blocks\\.(1[0-9]|2)\\.", "blocks.12.x", true},
         {"blocks\\.(1[0-9]|2)\\.", "blocks.22.x", false},
         {"(?P<n>a|b)-c", "b-c", true}});
}

TEST_CASE("lines, case and classes are RE2's") {
  check({{"a.c", "a\nc", false},
         {"(?s)a.c", "a\nc", true},
         {"a$", "a\n", false},
         {"a\\z", "a", true},
         {"(?m)a$", "a\nb", true},
         {"(?m)^b", "a\nb", true},
         {"(?i)ema", "EmA", true},
         {"(?i)K", "\u212a", true},
         {"(?i:a)b", "AB", false},
         {"^.$", "é", true},
         {"^\\w$", "é", false},
         {"^\\pL$", "é", true},
         {"^\\p{Han}$", "名", true},
         {"^\\d$", "٣", false},
         {"^[[:alpha:]]$", "b", true},
         {"名", "層名", true},
         {"\\x{e9}", "é", true},
         {"^a{,2}$", "a{,2}", true}});
}

TEST_CASE("bytes that are no UTF-8 are matched by no character") {
  check({{"^a.b$",
          "a\xff"
          "b",
          false},
         {"b",
          "a\xff"
          "b",
          true},
         {"^[^x]*$", "\xff", false}});
}

TEST_CASE("what is wrong is told with its place") {
  for (const auto& [pattern, text] : std::initializer_list<std::pair<const char*, const char*>>{
           {"名(a", "character 2 opens a group that is never closed; add \")\", or write \\( for the character"},
           {"a\\(([(]\\Q(\\E[[:alpha:](](b)",
            "character 4 opens a group that is never closed; add \")\", or write \\( for the character"},
           {"(a))b", "character 4 closes a group that was never opened; write \\) for the character"},
           {"[a][b", "character 4 begins a set that is never closed; add \"]\", or write \\[ for the character"},
           {"[z-a]", "character 2 begins z-a, which is neither a range nor a class; put \"-\" last in the set"},
           {"\\pL\\p{No}\\p{Nope}",
            "character 10 begins \\p{Nope}, which is neither a range nor a class; put \"-\" last in the set"},
           {"a\\", "character 2 is a backslash with nothing behind it; write \\\\ for the character itself"},
           {"\\x41\\x4",
            "character 5 begins \\x4, which means nothing; write the letter alone, or \\\\ for a backslash"},
           {"a|*", "character 3 has nothing to repeat; write a backslash before it for the character"},
           {"[*]\\***", "character 6 begins **, which repeats what is repeated already; use a group (?:...)"},
           {"a{3,2}",
            "character 2 begins {3,2}; numbers go from the smaller to the larger, and repeats of repeats to 1000"},
           {"(?i)(?iz)",
            "character 5 begins (?iz, which means nothing; flags are (?i), (?m), (?s) and (?U), groups (?:...)"},
           {"é(?P<a b>c)", "character 2 begins no group; one with a name is (?P<name>...)"}})
    CHECK(refusal(pattern) == text);
  const Failure fault = failure([] { NamePattern("--only", "a\xff"); });
  CHECK(fault.text == "--only 'a\xff': character 2 is not UTF-8, which names are written in");
}

TEST_CASE("what RE2 lacks is told with its place and another way") {
  for (const auto& [pattern, place] :
       std::initializer_list<std::pair<const char*, const char*>>{{"^(?!cond)", "character 2 looks "},
                                                                  {"\\(?=(?=a)", "character 5 looks "},
                                                                  {"a(?<=a)b", "character 2 looks "},
                                                                  {"(?<!a)b", "character 1 looks "},
                                                                  {"(a)\\1", "character 4 refers to a group"},
                                                                  {"(?P<n>a)(?P=n)", "character 9 refers to a group"},
                                                                  {"(a)?(?(1)b|c)", "character 5 refers to a group"},
                                                                  {"(?>a+)b", "character 1 gives nothing back"},
                                                                  {"b+a++", "character 4 gives nothing back"}}) {
    const std::string text = refusal(pattern);
    CHECK(text.substr(0, std::string(place).size()) == place);
    CHECK(text.ends_with("take names out with --exclude"));
  }
  CHECK(refusal("(?#c)a") == "character 1 begins a comment, which patterns do not have; leave it out");
  CHECK(refusal("a\\Z") == "character 2 is no place; the name's end is $ or \\z");
  CHECK(refusal("\\u00e9").starts_with("character 1 is no character; write the character itself"));
}

TEST_CASE("patterns that are too large are refused, those with many places too") {
  std::string many;
  for (int i = 0; i < 60; ++i) many += "(?:.?){1000}";
  CHECK(failure([&] { NamePattern("--only", many); }).text.ends_with("or as several patterns"));
  CHECK(failure([] { NamePattern("--only", std::string(65537, 'a')); }).text ==
        "--only: a pattern of 65537 bytes; the most is 65536");
  CHECK(found(std::string(30000, '(') + std::string(30000, ')'), ""));
  std::string sets = "(?P<n>a)";
  for (int i = 0; i < 10000; ++i) sets += "[(?P]";
  const std::string text = failure([&] { NamePattern("--only", sets + "(?P=n)"); }).text;
  CHECK(text.size() < 500);
  CHECK(text.find("...': begins (?P, which means nothing") != std::string::npos);  // more places than are looked at
}

TEST_CASE("time is linear in the name, whatever the pattern") {
  const std::string name(100'000, 'a');
  const auto begin = std::chrono::steady_clock::now();
  for (const char* pattern : {"(?:a+)+[^a]", "(?:a|aa)+\\z.", "(a*)*b", "(?:\\w*\\w*)*\\d"}) {
    CAPTURE(pattern);
    CHECK_FALSE(found(pattern, name));
  }
  if (!kSanitized) CHECK(std::chrono::steady_clock::now() - begin < std::chrono::seconds(5));
}

TEST_CASE("a set finds what each of its patterns finds") {
  const std::vector<std::string> texts{"a",      "^a",       "b$", "",    "(?i)B.A", "[ab]{3}", "^$",  "a.*b",
                                       "(?s).b", "\\bab\\b", "é",  "a|b", "b+a+b",   "x",       "^ab", "(?m)^b"};
  NamePatternSet set(compiled(texts));
  const std::string letters[] = {"a", "b", "B", ".", "é", "\n", "\xff"};
  for (size_t code = 0; code < 7 * 7 * 7 * 7; ++code) {
    std::string name;
    for (size_t rest = code; rest > 0; rest /= 7) name += letters[rest % 7];
    std::vector<int> expected, matching = set.matching(name);
    for (size_t i = 0; i < texts.size(); ++i)
      if (set.patterns()[i].matches(name)) expected.push_back(static_cast<int>(i));
    std::ranges::sort(matching);
    CAPTURE(name);
    CHECK(matching == expected);
    CHECK(set.any_matches(name) == !expected.empty());
  }
  NamePatternSet none({}), two(compiled({"^a", "b$"}));
  CHECK(none.matching("a").empty());
  CHECK_FALSE(none.any_matches("a"));
  CHECK_FALSE(two.any_matches("ba"));
  CHECK(two.any_matches("bab"));
}

TEST_CASE("a set that is too large together is tried pattern by pattern") {
  std::string half;
  for (int i = 0; i < 2; ++i) half += "(?:a?){1000}";
  std::vector<std::string> texts;
  for (int i = 0; i < 20; ++i) texts.push_back(half + std::to_string(i) + "$");
  NamePatternSet set(compiled(texts));
  CHECK(set.matching("aaa7") == std::vector<int>{7});
  CHECK(set.matching("aaa").empty());
  CHECK(set.any_matches("19"));
  CHECK_FALSE(set.any_matches("1a"));
}

TEST_CASE("a pattern keeps what it was given, also when it is moved") {
  NamePattern first("--only", "^a.");
  NamePattern second = std::move(first);
  first = NamePattern("--discard", "b");
  CHECK(second.matches("ab"));
  CHECK(second.text() == "^a.");
  CHECK(second.where() == "--only");
  CHECK(first.where() == "--discard");
  CHECK_FALSE(first.matches("ac"));
}
