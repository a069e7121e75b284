// SPDX-License-Identifier: Apache-2.0
#include "cli/commands/doctor.h"

#include <doctest/doctest.h>

using namespace ckmerge;
using namespace ckmerge::cli;

namespace {

DoctorFacts healthy() {
  DoctorFacts facts;
  facts.kernels = {"avx2", "baseline"};
  facts.isa = "avx2";
  facts.default_budget = 128ull << 20;
  facts.limits = {.page_size = 4096, .open_files = 1024, .maps = 65530, .populates = true};
  facts.hash_cache = "/h/.cache/ckmerge/hashes";
  facts.hash_cache_writable = true;
  facts.folder = "out";
  facts.place = {.filesystem = "ext4", .size = 10'000'000'000, .free = 5'000'000'000, .writes = "direct writes"};
  return facts;
}

void check_problem(const DoctorFacts& facts, const std::string& sentence) {
  const std::vector<std::string> problems = problems_of(facts);
  REQUIRE(problems.size() == 1);
  CHECK(problems[0] == sentence);
  CHECK(doctor_text(facts).find("1 problem:\n    " + sentence + "\n") != std::string::npos);
}

}  // namespace

TEST_CASE("a machine without a fault has no problem") {
  CHECK(problems_of(healthy()).empty());
  CHECK(doctor_text(healthy()).ends_with("nothing is in a merge's way\n"));
}

TEST_CASE("each fault of a machine is one sentence with what would help") {
  DoctorFacts facts = healthy();
  SUBCASE("disk") {
    facts.place.free = 12'300'000;
    check_problem(facts, "only 12.3 MB are free in out; free some space or give -o another folder");
  }
  SUBCASE("folder") {
    facts.place = {.trouble = "out cannot be written: Read-only file system"};
    check_problem(facts, "out cannot be written: Read-only file system; give -o another folder");
  }
  SUBCASE("buffered writes") {
    facts.place.writes = "buffered writes, space reserved";
    CHECK(problems_of(facts).size() == 1);
    facts.place.in_memory = true;
    CHECK(problems_of(facts).empty());
  }
  SUBCASE("memory") {
    facts.machine.memory_limit = 200ull << 20;
    check_problem(facts, "only 200 MiB of memory can be had; set --memory to a quarter of it");
  }
  SUBCASE("old kernel") {
    facts.limits.populates = false;
    check_problem(
        facts, "this kernel lacks MADV_POPULATE_READ (Linux 5.14), so that reading is slower; a newer kernel has it");
  }
  SUBCASE("maps") {
    facts.limits.maps = 1000;
    check_problem(facts, "only 1000 maps are allowed; raise vm.max_map_count or set --threads low");
  }
}

TEST_CASE("names that act on a terminal are shown, not sent") {
  DoctorFacts facts = healthy();
  facts.folder = "a\x1b[2Jb";
  CHECK(doctor_text(facts).find("a\\x1b[2Jb") != std::string::npos);
  CHECK(doctor_text(facts).find('\x1b') == std::string::npos);
  CHECK(doctor_json(facts).text().find('\x1b') == std::string::npos);
}
