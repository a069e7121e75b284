// SPDX-License-Identifier: Apache-2.0
// What patterns mean and what is refused, as Python 3.11's re has it (every row was tried there; tests/core/patterns.py
// compares thousands more).
#include "core/name_pattern.h"

#include <doctest/doctest.h>

#include "tests/core/failure.h"

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

std::string refusal(const std::string& pattern) {
  const Failure fault = failure([&] { NamePattern("--only", pattern); });
  CHECK(fault.code == ErrorCode::usage);
  CHECK(fault.where == "--only");
  return fault.text;
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
         {"a.c", "a\nc", false},
         {"(?s)a.c", "a\nc", true},
         {"名", "層名", true}});
}

TEST_CASE("ends, lines and words are Python's") {
  check({{"a$", "a\n", true},
         {"a$", "a\n\n", false},
         {"a$", "a\r", false},
         {"a\\Z", "a\n", false},
         {"a\\Z", "a", true},
         {"(?m)^b", "a\nb", true},
         {"(?m)\\n^", "a\n", true},
         {"(?m)a$", "a\nb", true},
         {"(?m)a$", "a\rb", false},
         {"\\bé", "aé", false},
         {"(?a)\\bé", "aé", true},
         {"(?a)a\\b", "aé", true},
         {"\\B", "", false},
         {"\\B", ".", true}});
}

TEST_CASE("categories are Python's Unicode ones, or ASCII after (?a)") {
  check({{"^\\w$", "²", true},
         {"^\\w$", "_", true},
         {"^\\w$", "é", true},
         {"(?a)^\\w$", "é", false},
         {"^\\s$", "\x1c", true},
         {"(?a)^\\s$", "\x1c", false},
         {"^\\d$", "٣", true},
         {"(?a)^\\d$", "٣", false},
         {"^[^\\W_]$", "_", false},
         {"^[\\W_]$", "_", true},
         {"^[\\W]$", "_", false},
         {"^[^\\W]$", "_", true},
         {"^(?a:\\w)$", "é", false},
         {"(?a)^(?u:\\w)$", "é", true}});
}

TEST_CASE("case is ignored as Python does it") {
  check({{"(?i)K", "\u212a", true},
         {"(?ai)K", "\u212a", false},
         {"(?ai)K", "k", true},
         {"(?i)i", "\u0130", true},
         {"(?i)[h-j]", "\u0131", true},
         {"(?i)[^i]", "\u0131", false},
         {"(?i:a)b", "AB", false},
         {"(?i)a(?-i:b)", "Ab", true},
         {"(?i)a(?-i:b)", "AB", false},
         {"(?i)ß", "\u1e9e", true},
         {"(?i)\ufb05", "\ufb06", true}});
}

TEST_CASE("braces, sets and escapes are Python's") {
  check({{"^a{,2}$", "aa", true}, {"^a{,2}$", "aaa", false},     {"^a{,}$", "aaaa", true},
         {"a{}", "a{}", true},    {"a{x}", "a{x}", true},        {"^[]a]$", "]", true},
         {"^[^]a]$", "]", false}, {"^[[:alpha:]]$", "a]", true}, {"^[[:alpha:]]$", "b", false},
         {"^[a-]$", "-", true},   {"^[\\b]$", "\b", true},       {"\\x41", "A", true},
         {"\\u0041", "A", true},  {"\\U00000041", "A", true},    {"\\101", "A", true},
         {"\\0411", "!1", true},  {"\\v", "\v", true},           {"\\_\\é\\.", "_é.", true},
         {"\\ud800", "", false},  {"[^\\ud800]", "a", true}});
}

TEST_CASE("groups, references, look-around and comments are Python's") {
  check({{"(?P<n>a|b)-(?P=n)", "b-b", true},
         {"(?P<n>a|b)-(?P=n)", "b-a", false},
         {"(a)?\\1b", "b", false},
         {"^(a)?(?(1)b|c)$", "ab", true},
         {"^(a)?(?(1)b|c)$", "b", false},
         {"(?<=ab|cd)e", "cde", true},
         {"(?<!a)b", "ab", false},
         {"(?>a+)a", "aaa", false},
         {"a++a", "aaa", false},
         {"^(?:b+c?){2}+$", "bb", false},  // each round of a possessive repeat keeps what it has
         {"^(?=a){3}", "a", true},
         {"a(?#no )b", "ab", true},
         {"(?x) a b # c", "ab", true},
         {"(?x:a b)[ ]c", "ab c", true},
         {"|a", "b", true}});
}

TEST_CASE("faults of PCRE2 10.42 are not ours") {
  check({{"(?: |) *[^b]a", " a", true},  // its JIT does not find it
         {"a*(?>|b)a", "a", true},
         {"(?:a|\\A){0}b", "ab", true},  // taken for anchored
         {"(?:a){0}+", "", true},        // never matches
         {"(?=a){0}b", "b", true},
         {"(a){0}(?(1)b|c)", "c", true}});
}

TEST_CASE("what Python refuses is refused, with its place") {
  for (const char* pattern : {"(",
                              ")",
                              "a)",
                              "(?",
                              "(?:",
                              "(?P",
                              "(?P<n",
                              "(?P<1>a)",
                              "(?P<n>a)(?P<n>b)",
                              "(?P=n)",
                              "(?P>n)",
                              "(?<n>a)",
                              "(?R)",
                              "(?1)",
                              "(?|a)",
                              "(?&n)",
                              "(?C)",
                              "(?'n'a)",
                              "*",
                              "a**",
                              "a+*",
                              "^*",
                              "\\b+",
                              "|*",
                              "(*FAIL)",
                              "(*UTF)a",
                              "a{2,1}",
                              "a{2}{3}",
                              "[",
                              "[a",
                              "[]",
                              "[^]",
                              "[z-a]",
                              "[a-\\d]",
                              "[\\d-a]",
                              "\\",
                              "\\z",
                              "\\G",
                              "\\K",
                              "\\R",
                              "\\X",
                              "\\h",
                              "\\H",
                              "\\V",
                              "\\Q",
                              "\\E",
                              "\\p{L}",
                              "\\P{L}",
                              "\\pL",
                              "\\C",
                              "\\cA",
                              "\\e",
                              "\\o{101}",
                              "\\g1",
                              "\\k<n>",
                              "\\y",
                              "\\x4",
                              "\\x{41}",
                              "\\u004",
                              "\\U00110000",
                              "\\400",
                              "[\\8]",
                              "[\\A]",
                              "\\1",
                              "(\\1)",
                              "(a)\\2",
                              "(?(1)a)",
                              "(a)?(?(1)b|c|d)",
                              "(?(n)a)",
                              "(?(0)a)",
                              "a(?i)",
                              "(a|(?i)b)",
                              "|(?i)a",
                              "(?L)a",
                              "(?au)a",
                              "(?a)(?u)b",
                              "(?-i)a",
                              "(?i-i:a)",
                              "(?-a:b)",
                              "(?i",
                              "(?iz)",
                              "(?i-:a)",
                              "(?#",
                              "(?<=a*)b",
                              "(?<=a|bc)d",
                              "(?<=(a)\\1)b",
                              "(?=a",
                              "\\N"}) {
    CAPTURE(pattern);
    CHECK(refusal(pattern).find("'" + std::string(pattern) + "': character ") != std::string::npos);
  }
  CHECK(refusal("名(a") ==
        "--only '名(a': character 2 opens a group that is never closed; add \")\", or write \\( for the character");
  CHECK(refusal("a\\Zb\\z") ==
        "--only 'a\\Zb\\z': character 5 \\z means nothing in Python's re; write the letter alone, or \\\\ for a "
        "backslash");
  CHECK(refusal("a\xff") == "--only 'a\xff': character 2 is not UTF-8, which names are written in");
}

TEST_CASE("what Python accepts and we refuse, as docs/cli.md lists it") {
  CHECK(refusal("\\N{DIGIT ONE}").find("\\N{...} is not supported") != std::string::npos);
  CHECK(refusal("a{65536}").find("65535") != std::string::npos);
  CHECK(refusal("(a(?(1)b))").find("itself") != std::string::npos);
  CHECK(refusal("(?P<é>a)").find("ASCII") != std::string::npos);
  CHECK(refusal("(?<=(?:\\b)*)a").find("PCRE2") != std::string::npos);
  CHECK(refusal(std::string(201, '(') + std::string(201, ')')).find("too deep") != std::string::npos);
  CHECK(found(std::string(200, '(') + std::string(200, ')'), ""));
  CHECK(refusal("(?:(?:a{1000}){1000}){1000}").find("PCRE2") != std::string::npos);
  CHECK(refusal(std::string(65537, 'a')).find("65536") != std::string::npos);
  std::string sets = "(?i)";
  for (int i = 0; i < 40; ++i) sets += "[^a\\S]";
  CHECK(refusal(sets).find("large sets") != std::string::npos);
}

TEST_CASE("patterns that would run for ever end in an error that names pattern and name") {
  const std::string name(64, 'a');
  for (const std::string& pattern :
       std::initializer_list<std::string>{"(?:a+)+[^a]", "(?:a|aa)+\\Z.", "(a+)+\\Z(?<!a)", "(?:\\w*\\w*)*\\d"}) {
    const NamePattern compiled("--discard", pattern);
    const Failure fault = failure([&] { compiled.matches(name); });
    CAPTURE(pattern);
    CHECK(fault.code == ErrorCode::usage);
    CHECK(fault.where == "--discard");
    CHECK(fault.text.find("--discard '" + pattern + "': takes too many steps") == 0);
    CHECK(fault.text.find(name) != std::string::npos);
    CHECK_FALSE(compiled.matches("-"));  // the next name is served
  }
}

TEST_CASE("names beyond 2048 bytes are for patterns without special characters") {
  const std::string longest(2048, 'a'), longer(1 << 20, 'a');
  CHECK(found("a+$", longest));
  CHECK(found("(?:a|b)*$", longest));
  CHECK_FALSE(found("[a-z]*[0-9]", longest));
  CHECK(found("aaa", longer));
  CHECK_FALSE(found("^b", longer));
  const Failure fault = failure([&] { found("a+", longer); });
  CHECK(fault.code == ErrorCode::usage);
  CHECK(fault.text.size() < 500);
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
