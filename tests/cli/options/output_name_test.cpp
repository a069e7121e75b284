// SPDX-License-Identifier: Apache-2.0
#include "cli/options/output_name.h"

#include <doctest/doctest.h>

#include <filesystem>
#include <fstream>

#include "tests/core/checkpoint_files.h"
#include "tests/core/failure.h"

using namespace ckmerge;
using namespace ckmerge::cli;
using ckmerge::test::failure;
using ckmerge::test::TempFolder;

namespace {

const std::vector<std::string> kPair{"x/A.safetensors", "B.fp16.ckpt"};

std::string weighted(double alpha) {
  return a1111_name({.method = "weighted_sum", .parameters = {{"alpha", {alpha}}}}, kPair, {});
}

// weakly_canonical() has no say in lexical tests: everything happens in a folder without links.
std::string first_name(const TempFolder& folder, const std::string& prefix) {
  NumberedNames names(folder / "", prefix, {2026, 3, 4, 5, 6, 7});
  return names.next().substr((folder / "").size());
}

void touch(const std::string& path) { std::ofstream{path}; }

}  // namespace

TEST_CASE("a weighted sum is named as A1111 names it, with Python's rounding") {
  CHECK(weighted(0.3) == "0.7(A) + 0.3(B.fp16).safetensors");
  CHECK(weighted(0) == "1.0(A) + 0.0(B.fp16).safetensors");
  CHECK(weighted(1) == "0.0(A) + 1.0(B.fp16).safetensors");
  CHECK(weighted(0.45) == "0.55(A) + 0.45(B.fp16).safetensors");
  CHECK(weighted(0.125) == "0.88(A) + 0.12(B.fp16).safetensors");
  CHECK(weighted(2.675) == "-1.67(A) + 2.67(B.fp16).safetensors");
  CHECK(weighted(-0.001) == "1.0(A) + -0.0(B.fp16).safetensors");
  CHECK(weighted(1e16) == "-1e+16(A) + 1e+16(B.fp16).safetensors");
  CHECK(a1111_name({}, kPair, {}) == "0.5(A) + 0.5(B.fp16).safetensors");
}

TEST_CASE("the other methods, and what a result is for") {
  const std::vector<std::string> three{"A.safetensors", "B.safetensors", "C.safetensors"};
  CHECK(a1111_name({.method = "add_difference"}, three, {}) == "A + 1.0(B - C).safetensors");
  CHECK(a1111_name({.method = "add_difference", .parameters = {{"alpha", {0.555}}}}, three, {}) ==
        "A + 0.56(B - C).safetensors");
  CHECK(a1111_name({.method = "copy"}, std::vector<std::string>{"A.safetensors"}, {}) == "A.safetensors");
  CHECK(a1111_name({.method = "linear", .parameters = {{"weights", {2, 1, 1}}}}, three, {}) ==
        "0.5(A) + 0.25(B) + 0.25(C).safetensors");
  CHECK(a1111_name({.method = "linear", .parameters = {{"weights", {2, -1, 1}}, {"normalize", {0}}}}, three, {}) ==
        "2.0(A) + -1.0(B) + 1.0(C).safetensors");
  CHECK(a1111_name({.method = "tensor_sum", .parameters = {{"alpha", {0.3}}, {"columns", {1}}}}, kPair, {}) ==
        "tensor_sum(A, B.fp16, 0.3, 0.0, columns).safetensors");
  CHECK(a1111_name({.method = "task_arithmetic", .parameters = {{"weights", {1, 0.5, 2}}}}, three, {}) ==
        "task_arithmetic(A, B, C, 1.0, 1.0, 0.5, 2.0).safetensors");
  CHECK(a1111_name({.rules = {{.match = {"/x/"}, .drop = true}}}, kPair, {}) ==
        "0.5(A) + 0.5(B.fp16) by rules.safetensors");
  CHECK(a1111_name({}, kPair, {.inpainting = true}) == "0.5(A) + 0.5(B.fp16).inpainting.safetensors");
  CHECK(a1111_name({}, kPair, {.instruct_pix2pix = true}) == "0.5(A) + 0.5(B.fp16).instruct-pix2pix.safetensors");
}

TEST_CASE("only the last extension of an input's base name is left out") {
  const auto copy_of = [](const std::string& path) {
    return a1111_name({.method = "copy"}, std::vector<std::string>{path}, {});
  };
  CHECK(copy_of("/a.b/c") == "c.safetensors");
  CHECK(copy_of("a/.hidden") == ".hidden.safetensors");
  CHECK(copy_of("..x.y") == "..x.safetensors");
  CHECK(copy_of("...x") == "...x.safetensors");
  CHECK(copy_of("a\\b.safetensors") == "a_b.safetensors");
}

TEST_CASE("a name that no file should have is refused, and a file's name asked for") {
  const auto copy_of = [](const std::string& path) {
    return failure([&] { a1111_name({.method = "copy"}, std::vector<std::string>{path}, {}); });
  };
  CHECK(copy_of(std::string(243, 'x')).code == ErrorCode{});
  const auto refused = copy_of(std::string(244, 'x'));
  CHECK(refused.code == ErrorCode::usage);
  CHECK(refused.where == "--output");
  CHECK(refused.text.ends_with("has 256 bytes, more than 255; name the file with -o FILE"));
  CHECK(copy_of("a\nb").text ==
        "--output: the name 'a\\nb.safetensors' has control characters; name the file with -o FILE");
  CHECK(copy_of("a\x7f").code == ErrorCode::usage);
}

TEST_CASE("-o names a folder when it ends with a slash or is one") {
  const TempFolder folder;
  touch(folder / "file");
  CHECK(is_folder(folder / ""));
  CHECK(is_folder(folder / "."));
  CHECK(is_folder("no such/"));
  CHECK_FALSE(is_folder("no such"));
  CHECK_FALSE(is_folder(folder / "file"));
}

TEST_CASE("fields of a prefix are ComfyUI's") {
  const LocalTime now{2026, 3, 4, 5, 6, 7};
  CHECK(expand_fields("%year%-%month%-%day%/%hour%%minute%%second%_%width%x%height%", now) == "2026-03-04/050607_0x0");
  CHECK(expand_fields("%year%%year%", {.year = 12345, .month = 12}) == "1234512345");
  CHECK(expand_fields("%Year% %date% 100%", now) == "%Year% %date% 100%");
  CHECK(expand_fields("%month%", {.month = 12}) == "12");
}

TEST_CASE("the counter is one more than the largest number after the base name") {
  const auto counter = [](std::vector<std::string> names) { return next_counter(names, "flux"); };
  CHECK(counter({}) == 1);
  CHECK(counter({"flux_00001_.safetensors", "flux_00007_.png", "flux_3_"}) == 8);
  CHECK(counter({"flux_00005.safetensors", "flux_x_", "flux__9_", "flux_", "flux"}) == 1);  // int() refuses them all
  CHECK(counter({"flux2_00009_.safetensors", "Flux_00009_", "xflux_00009_", "flux-00009_"}) == 1);
  CHECK(counter({"flux_ 12 _", "flux_+5_"}) == 13);
  CHECK(counter({"flux_-3_"}) == 1);
  CHECK(counter({"flux_1e3_", "flux_0x10_", "flux_1.5_"}) == 1);
  CHECK(counter({"flux_99999_a_100000_"}) == 100000);
  CHECK(counter({"flux_000000000000000000000000000000042_"}) == 43);
  CHECK(counter({"flux_999999999999999999_"}) == 1000000000000000000);
  CHECK(counter({"flux_99999999999999999999999999999999_"}) == 1);
  CHECK(counter({"flux_18446744073709551615_"}) == 1);
}

TEST_CASE("a prefix gives the next free name, in folders that are made on demand") {
  const TempFolder folder;
  CHECK(first_name(folder, "flux") == "flux_00001_.safetensors");
  CHECK(first_name(folder, "merged/flux") == "merged/flux_00001_.safetensors");
  CHECK(first_name(folder, "merged/flux/") == "merged/flux_00001_.safetensors");
  CHECK(first_name(folder, "./a//../%year%/x") == "2026/x_00001_.safetensors");
  CHECK_FALSE(std::filesystem::exists(folder / "merged"));
  NumberedNames names(folder / "", "merged/deep/flux", {});
  names.make_folders();
  CHECK(names.next() == folder / "merged/deep/flux_00001_.safetensors");
  CHECK(names.next() == folder / "merged/deep/flux_00002_.safetensors");  // the first was taken by another run
  touch(folder / "merged/deep/flux_00041_.safetensors");
  touch(folder / "merged/deep/flux_00099_.safetensors.ckmerge-partial");
  CHECK(names.next() == folder / "merged/deep/flux_00042_.safetensors");
  CHECK(first_name(folder, folder / "merged/deep/flux") == "merged/deep/flux_00042_.safetensors");
}

TEST_CASE("a prefix never leads out of the folder") {
  const TempFolder folder, other;
  std::filesystem::create_directories(folder / "in");
  std::filesystem::create_directory_symlink(other / "", folder / "in/out");
  std::filesystem::create_directory_symlink(folder / "in", folder / "inside");
  const auto refused = [&](const std::string& prefix) {
    return failure([&] { NumberedNames(folder / "in", prefix, {}); });
  };
  for (const std::string prefix : {"../flux", "a/../../flux", "/flux", "out/flux", "out/new/flux", "../in2/flux"}) {
    CAPTURE(prefix);
    CHECK(refused(prefix).code == ErrorCode::usage);
    CHECK(refused(prefix).text.find(" is not inside ") != std::string::npos);
  }
  CHECK(refused(other / "flux").code == ErrorCode::usage);
  CHECK(refused("../in/flux").code == ErrorCode{});
  CHECK(failure([&] { NumberedNames(folder / "", "inside/flux", {}); }).code == ErrorCode{});
  for (const std::string prefix : {"", ".", "..", "/", "a/..", "a/../.."}) {
    CAPTURE(prefix);
    CHECK(refused(prefix).text.ends_with("names no file"));
  }
  CHECK(failure([&] { NumberedNames(folder / "missing", "flux", {}); }).code == ErrorCode::io);
  CHECK(failure([&] { NumberedNames(folder / "in", "a\tb", {}).next(); }).code == ErrorCode::usage);
  CHECK(failure([&] { NumberedNames(folder / "in", std::string(240, 'x'), {}).next(); }).code == ErrorCode::usage);
}

TEST_CASE("a folder that became a link out is noticed when folders are made") {
  const TempFolder folder, other;
  NumberedNames names(folder / "", "late/flux", {});
  std::filesystem::create_directory_symlink(other / "", folder / "late");
  CHECK(failure([&] { names.make_folders(); }).code == ErrorCode::usage);
}
