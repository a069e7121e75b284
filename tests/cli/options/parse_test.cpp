// SPDX-License-Identifier: Apache-2.0
#include <doctest/doctest.h>

#include <clocale>
#include <functional>

#include "cli/options/command_line.h"
#include "cli/options/numbers.h"
#include "cli/options/sizes.h"
#include "io/text/error.h"

using namespace ckmerge;
using namespace ckmerge::cli;

namespace {

using Words = std::vector<std::string>;

bool refused(const std::function<void()>& act) {
  try {
    act();
  } catch (const Error& e) {
    return e.code() == ErrorCode::usage && !e.where().empty();
  }
  return false;
}

}  // namespace

TEST_CASE("a number is the whole word, finite, with a point") {
  CHECK(parse_number("--alpha", "0.3") == 0.3);
  CHECK(parse_number("--alpha", "-2") == -2);
  CHECK(parse_number("--alpha", "1e-3") == 1e-3);
  CHECK(parse_number("--alpha", ".5") == 0.5);
  for (const char* word :
       {"", "0,5", "1e", "nan", "inf", "-inf", "infinity", "0x10", " 1", "1 ", "1.5.2", "+1", "1e999"})
    CHECK_MESSAGE(refused([=] { parse_number("--alpha", word); }), word);
}

TEST_CASE("a number does not depend on the locale") {
  const char* const old = std::setlocale(LC_ALL, "de_DE.UTF-8");
  CHECK(parse_number("--alpha", "0.5") == 0.5);
  CHECK(refused([] { parse_number("--alpha", "0,5"); }));
  if (old) std::setlocale(LC_ALL, "C");
}

TEST_CASE("numbers are separated by single commas") {
  CHECK(parse_numbers("--weights", "0.5,-0.25,1e2") == std::vector<double>{0.5, -0.25, 100});
  CHECK(parse_numbers("--weights", "1") == std::vector<double>{1});
  for (const char* word : {"", ",", "1,", ",1", "1,,2", "1;2", "1 ,2"})
    CHECK_MESSAGE(refused([=] { parse_numbers("--weights", word); }), word);
}

TEST_CASE("a size is binary with an iB, else decimal") {
  CHECK(parse_size("--memory", "4096") == 4096);
  CHECK(parse_size("--memory", "1B") == 1);
  CHECK(parse_size("--memory", "512M") == 512'000'000);
  CHECK(parse_size("--memory", "512mb") == 512'000'000);
  CHECK(parse_size("--memory", "2GiB") == 2ull << 30);
  CHECK(parse_size("--memory", "1.5G") == 1'500'000'000);
  CHECK(parse_size("--memory", "0.5KiB") == 512);
  CHECK(parse_size("--memory", "3tib") == 3ull << 40);
  for (const char* word :
       {"", "0", "-1", "x", "M", "5Q", "1e3", "12MiBs", "1 G", "nan", "inf", "0.1B", "99999999999T", "1Gi"})
    CHECK_MESSAGE(refused([=] { parse_size("--memory", word); }), word);
}

TEST_CASE("sizes, durations and rates are told with three digits") {
  CHECK(size_text(0) == "0 B");
  CHECK(size_text(999) == "999 B");
  CHECK(size_text(1000) == "1.00 kB");
  CHECK(size_text(999'499) == "999 kB");
  CHECK(size_text(999'500) == "1.00 MB");
  CHECK(size_text(12'345'678'901) == "12.3 GB");
  CHECK(size_text(UINT64_MAX) == "18.4 EB");
  CHECK(memory_text(128ull << 20) == "128 MiB");
  CHECK(duration_text(0.0123) == "12.3 ms");
  CHECK(duration_text(4.561) == "4.56 s");
  CHECK(duration_text(59.94) == "59.9 s");
  CHECK(duration_text(59.96) == "1 min 0 s");
  CHECK(duration_text(185.2) == "3 min 5 s");
  CHECK(duration_text(7620) == "2 h 7 min");
  CHECK(rate_text(3e9, 2) == "1.50 GB/s");
  CHECK(rate_text(3e9, 0) == "-");
}

TEST_CASE("words become a command line without a look at their meaning") {
  const CommandLine line = parse_command_line(
      Command::merge, {"a", "--alpha", "-0.5", "-qf", "b", "-o", "-x", "--no-normalize", "--", "-v"});
  CHECK(line.operands == Words{"a", "b", "-v"});
  CHECK(line.options.at("alpha") == Words{"-0.5"});
  CHECK(line.options.at("output") == Words{"-x"});
  CHECK(line.options.at("quiet") == Words{"true"});
  CHECK(line.options.at("force") == Words{"true"});
  CHECK(!line.options.contains("verbose"));
  CHECK(line.options.at("normalize") == Words{"false"});
  CHECK(!line.options.contains("weights"));
}

TEST_CASE("what cannot be a command line is refused") {
  for (const Words& words : {Words{"--nope"}, {"-z"}, {"--alpha"}, {"--alpha=", "1"}, {"-qz"}, {"--no-force"}})
    CHECK_MESSAGE(refused([&] { parse_command_line(Command::merge, words); }), words[0]);
  CHECK(refused([] { parse_command("marge"); }));
}

TEST_CASE("values arrive byte for byte, whatever CLI11 makes of brackets and however strange they are") {
  for (const char* value : {"[xc]", "[a,b]", "\x01[xc]", "a\x01[xc]", "\x01", "\x01\x02", "\x01\x01[", "[\x01[",
                            "-x\x01[", "--only=[a,b]", "--only=\x01[", "-o\x01[", "\x02["}) {
    CAPTURE(value);
    const std::string word = value;
    for (const auto& words : {std::vector<std::string>{"--only", word}, {"--only=" + word}})
      CHECK(parse_command_line(Command::merge, words).options.at("only") == Words{word});
    if (word[0] != '-') CHECK(parse_command_line(Command::merge, {word}).operands == Words{word});
    CHECK(parse_command_line(Command::merge, {"-o" + word}).options.at("output") == Words{word});
  }
}

TEST_CASE("how an error is told is known before anything is parsed") {
  CHECK(error_style({"merge", "--nonsense", "--json"}).json_document);
  CHECK(error_style({"merge", "--json=1"}).json_document);
  CHECK(!error_style({"merge", "--json=false"}).json_document);
  CHECK(!error_style({"merge", "--", "--json"}).json_document);
  CHECK(error_style({"merge", "--progress", "json"}).json_line);
  CHECK(error_style({"merge", "--progress=json"}).json_line);
  CHECK(!error_style({"merge", "--progress"}).json_line);
}
