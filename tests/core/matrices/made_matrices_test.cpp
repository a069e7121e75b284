// SPDX-License-Identifier: Apache-2.0
#include "core/matrices/made_matrices.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <atomic>
#include <bit>
#include <chrono>
#include <cmath>
#include <cstring>
#include <filesystem>
#include <map>
#include <string>
#include <thread>
#include <tuple>
#include <vector>

#include "core/algebra/orthonormal.h"
#include "core/engine/run.h"
#include "core/formula/recipe_graph.h"
#include "core/matrices/made_results.h"
#include "core/plan/plan.h"
#include "io/text/error.h"
#include "kernels/method.h"
#include "tests/core/failure.h"
#include "tests/core/merge_runs.h"
#include "tests/sanitized.h"

using namespace ckmerge;
using namespace ckmerge::test;

namespace {

Recipe of_formula(const std::string& text, const std::vector<std::string>& names) {
  return plain({.method = kFormulaMethod, .formula = Formula{.text = text, .names = names}});
}

}  // namespace

TEST_CASE("whole tensors are made once, and the two that were used last are held") {
  MadeResults results;
  std::map<size_t, int> made;
  const auto get = [&](size_t number, size_t size) {
    const auto make = [&](unsigned) {
      ++made[number];
      return std::vector<std::byte>(size, static_cast<std::byte>(number));
    };
    const MadeResults::Bytes bytes = results.get(number, 1, make);
    CHECK(bytes->size() == size);
    CHECK(bytes->front() == static_cast<std::byte>(number));
  };
  for (const size_t number : {1, 2, 1, 2, 1, 3, 1, 2}) get(number, 100);
  CHECK(made == std::map<size_t, int>{{1, 1}, {2, 2}, {3, 1}});
  for (const size_t number : {10, 11, 12, 10, 11, 12}) get(number, 10);  // small ones beside each other
  CHECK(made[10] == 1);
  CHECK(made[12] == 1);
}

TEST_CASE("a whole tensor that cannot be made is asked for again, and threads wait for one that is being made") {
  MadeResults results;
  int made = 0;
  CHECK_THROWS(results.get(1, 1, [](unsigned) -> std::vector<std::byte> { throw Error(ErrorCode::io, "", "gone"); }));
  std::vector<std::thread> threads;
  for (int k = 0; k < 4; ++k)
    threads.emplace_back([&] {
      results.get(1, 1, [&](unsigned) {
        ++made;  // by one at a time
        return std::vector<std::byte>(8);
      });
    });
  for (std::thread& thread : threads) thread.join();
  CHECK(made == 1);
}

TEST_CASE("whole tensors are made at once where their memory allows it, and each by one thread") {
  for (const uint64_t memory : {uint64_t{20}, uint64_t{19}}) {
    MadeResults results(2, memory);
    std::atomic<int> working = 0, most = 0, made = 0;
    const auto make = [&](unsigned at_once) {
      const int now = ++working;
      CHECK(static_cast<int>(at_once) >= now - 1);
      most = std::max(most.load(), now);
      // Of two that may work at once, the first waits for the second.
      for (int k = 0; k < 5000 && memory == 20 && most < 2; ++k)
        std::this_thread::sleep_for(std::chrono::milliseconds(1));
      ++made;
      --working;
      return std::vector<std::byte>(8);
    };
    std::vector<std::thread> threads;
    for (size_t k = 0; k < 8; ++k) threads.emplace_back([&, k] { results.get(k / 4, 10, make); });
    for (std::thread& thread : threads) thread.join();
    CHECK(most == (memory == 20 ? 2 : 1));
    CHECK(made == 2);
  }
  MadeResults two(2, 20);
  two.get(1, 100, [](unsigned at_once) {  // alone, what takes more than there is
    CHECK(at_once == 1);
    return std::vector<std::byte>(8);
  });
}

TEST_CASE("what is made of whole tensors has the names that all inputs have, in floats of one shape") {
  TempFolder folder;
  const std::vector<FileTensor> a = {random("a", Dtype::F32, {3, 4}, 1), random("b", Dtype::F16, {3, 4}, 2),
                                     random("c", Dtype::F64, {5}, 3),    bits("d", Dtype::I64, {1}, {7}),
                                     random("e", Dtype::F32, {2, 2}, 4), random("only", Dtype::F32, {2}, 5)};
  std::vector<FileTensor> b(a.begin(), a.end() - 1);
  b[4] = random("e", Dtype::F32, {2, 3}, 6);
  const std::vector<std::string> paths = {write_file(folder / "a", a), write_file(folder / "b", b, 1)};
  std::vector<Checkpoint> checkpoints = open_all(paths);
  const Recipe recipe = plain({.method = "truncate_rank", .parameters = {{"rank", {1}}}});
  const Failure without = failure([&] { make_plan(recipe, checkpoints); });
  CHECK(without.code == ErrorCode::usage);
  CHECK(without.text.find("add_whole_tensors()") != std::string::npos);
  add_whole_tensors(recipe, checkpoints);
  REQUIRE(checkpoints.size() == 3);
  CHECK(given_checkpoints(checkpoints).size() == 2);
  const TensorTable& made = checkpoints[2].tensors;
  REQUIRE(made.size() == 3);
  CHECK(made[0].dtype == Dtype::F32);
  CHECK(made[1].dtype == Dtype::F32);
  CHECK(made[2].dtype == Dtype::F64);
  add_whole_tensors(recipe, checkpoints);  // it is there
  CHECK(checkpoints.size() == 3);
  add_whole_tensors(weighted(0.5), checkpoints);
  CHECK(checkpoints.size() == 3);
  const Failure misfit = failure([&] { make_plan(recipe, checkpoints); });
  CHECK(misfit.code == ErrorCode::mismatch);
}

TEST_CASE("what is held is told of the tensors that are read alone") {
  TempFolder folder;
  std::vector<std::string> paths;
  for (uint64_t k = 0; k < 2; ++k)
    paths.push_back(write_file(folder / std::to_string(k), {random("large", Dtype::F32, {300, 200}, k),
                                                            random("small", Dtype::F32, {30, 20}, k + 9)}));
  Recipe recipe = plain({.method = "truncate_rank", .parameters = {{"rank", {1}}}});
  const auto held = [&] {
    std::vector<Checkpoint> checkpoints = open_all(paths);
    add_whole_tensors(recipe, checkpoints);
    return make_plan(recipe, checkpoints).held_whole;
  };
  const uint64_t all = held();
  CHECK(all > 3 * 300 * 200 * sizeof(double));
  recipe.exclude = {"^large$"};
  CHECK(held() < all / 20);
}

TEST_CASE("what is read of whole tensors is what they are made of") {
  TempFolder folder;
  std::vector<std::string> paths;
  for (uint64_t k = 0; k < 3; ++k)
    paths.push_back(write_file(folder / std::to_string(k),
                               {random("v", Dtype::BF16, {30, 20}, k), random("w", Dtype::F32, {40, 30}, k)}));
  const uint64_t input = 30 * 20 * 2 + 40 * 30 * 4;
  for (const auto& read : {std::pair{"iso_c(A, B, C)", 3},
                           {"A + crossover(A - B, C - B)", 5},
                           {"0.5*C + 0.5*crossover(A, B)", 3},
                           {"slerp(crossover(A, B), C, t=0.3)", 3}}) {
    const std::string text = read.first;
    const Recipe recipe = of_formula(text, {"A", "B", "C"});
    std::vector<Checkpoint> checkpoints = open_all(paths);
    add_whole_tensors(recipe, checkpoints);
    CHECK_MESSAGE(make_plan(recipe, checkpoints).bytes_to_read == static_cast<uint64_t>(read.second) * input, text);
  }
}

TEST_CASE("what is made of whole tensors stands anywhere in a formula, and a merge of it is that of its file") {
  TempFolder folder;
  std::vector<std::string> paths;
  for (uint64_t k = 0; k < 3; ++k)
    paths.push_back(write_file(
        folder / std::to_string(k),
        {random("w", Dtype::F32, {40, 30}, k), random("x", Dtype::BF16, {7, 9}, k), random("y", Dtype::F32, {11}, k)}));
  Recipe first = plain({.method = "truncate_rank", .parameters = {{"rank", {2}}}});
  first.dtype = Dtype::F32;
  merge(first, {paths[0], paths[1]}, folder / "first");
  for (const auto& [whole, of_file] : {std::pair{"slerp(truncate_rank(A, B, rank=2), C, t=0.3)", "slerp(D, C, t=0.3)"},
                                       {"0.25*truncate_rank(A, B, rank=2) + 0.75*C", "0.25*D + 0.75*C"}}) {
    merge(of_formula(whole, {"A", "B", "C"}), paths, folder / "whole", {.replace = true, .sync = false});
    std::string text = of_file;
    Recipe recipe = of_formula(text + " + 0*(A - B)", {"A", "B", "C", "D"});
    merge(recipe, {paths[0], paths[1], paths[2], folder / "first"}, folder / "file", {.replace = true, .sync = false});
    for (const char* const name : {"w", "x", "y"})
      CHECK(tensor_bytes(folder / "whole", name) == tensor_bytes(folder / "file", name));
  }
}

TEST_CASE("what is made of whole tensors of the channels that all have is merged into them, and others stay") {
  TempFolder folder;
  std::vector<float> wide(6 * 9), head(6 * 4);
  for (size_t i = 0; i < wide.size(); ++i) wide[i] = static_cast<float>(i % 11) / 8;
  for (size_t i = 0; i < head.size(); ++i) head[i] = wide[i / 4 * 9 + i % 4];
  const std::string a = write_file(folder / "a", {f32("w", {6, 9, 1, 1}, wide)}),
                    of_head = write_file(folder / "h", {f32("w", {6, 4, 1, 1}, head)}, 1),
                    b = write_file(folder / "b", {random("w", Dtype::F32, {6, 4, 1, 1}, 2)}, 2),
                    c = write_file(folder / "c", {random("w", Dtype::F32, {6, 4, 1, 1}, 3)}, 3);
  const Recipe recipe = of_formula("A + 0.5*(crossover(B, C) - B)", {"A", "B", "C"});
  merge(recipe, {of_head, b, c}, folder / "narrow", {.sync = false});
  merge(recipe, {a, b, c}, folder / "out", {.sync = false});
  const std::vector<float> got = f32_values(folder / "out", "w"), wanted = f32_values(folder / "narrow", "w");
  for (size_t i = 0; i < got.size(); ++i) CHECK(got[i] == (i % 9 < 4 ? wanted[i / 9 * 4 + i % 9] : wide[i]));
  const Recipe of_first = of_formula("crossover(A, B)", {"A", "B"});
  CHECK(failure([&] { merge(of_first, {a, b}, folder / "none", {.sync = false}); }).code == ErrorCode::mismatch);
}

TEST_CASE("what is made of whole tensors and beyond their range is refused, or taken and told, as of any method") {
  TempFolder folder;
  std::vector<std::string> paths;
  for (uint64_t k = 0; k < 2; ++k) {  // 3e38 and 3e38 more, in each
    std::vector<float> far(12);
    for (size_t i = 0; i < far.size(); ++i)
      far[i] = k == 0 ? (i % 5 == 0 ? 3e38F : 1.0F) : (i % 5 == 0 ? -3e38F : 2.0F);
    paths.push_back(
        write_file(folder / std::to_string(k), {f32("far", {3, 4}, far), random("w", Dtype::F32, {3, 4}, k)}));
  }
  const auto taken = [&](Recipe recipe) {
    recipe.nan = NanPolicy::warn;
    std::vector<Checkpoint> checkpoints = open_all(paths);
    add_whole_tensors(recipe, checkpoints);
    const Plan plan = make_plan(recipe, checkpoints);
    return run(plan, checkpoints, folder / "out", {.replace = true, .sync = false}).losses;
  };
  for (const char* const text : {"A + crossover(A - B, A - B)", "0.5*A + 0.5*(A + crossover(A - B, A - B))"}) {
    const Recipe recipe = of_formula(text, {"A", "B"});
    const Failure refused = failure([&] { merge(recipe, paths, folder / "out", {.replace = true, .sync = false}); });
    CHECK(refused.code == ErrorCode::mismatch);
    REQUIRE(refused.details.size() == 1);
    CHECK(refused.details[0] == "far: 3 values");
    const std::vector<StoreLoss> losses = taken(recipe);
    REQUIRE(losses.size() == 1);
    CHECK(losses[0].counts.created == 3);
    CHECK(losses[0].counts.non_finite == 3);
    CHECK(std::ranges::count_if(f32_values(folder / "out", "far"), [](float x) { return !std::isfinite(x); }) == 3);
  }
  const Recipe sum = of_formula("A + crossover(B - A, B - A)", {"A", "B"});
  for (size_t k = 0; k < 2; ++k) {  // 1e308 and as much below 0: too large for more than a mean
    const uint64_t far = k == 0 ? 0x7fe1ccf385ebc8a0 : 0xffe1ccf385ebc8a0, near = 0x3ff0000000000000;
    paths[k] = write_file(folder / ("wide" + std::to_string(k)), {bits("w", Dtype::F64, {3}, {far, near, near})});
  }
  const std::vector<StoreLoss> wide = taken(sum);
  REQUIRE(wide.size() == 1);
  CHECK(wide[0].counts.created == 1);
  std::vector<float> ones(12, 1.0F);
  ones[0] = 3e38F;
  paths[0] = write_file(folder / "ones", {f32("w", {3, 4}, ones)});
  ones[0] = -3e38F;
  ones[7] = NAN;  // an input's own, and with it all that its tensor comes to
  paths[1] = write_file(folder / "nan", {f32("w", {3, 4}, ones)}, 1);
  const std::vector<StoreLoss> own = taken(of_formula("A + crossover(A - B, A - B)", {"A", "B"}));
  REQUIRE(own.size() == 1);
  CHECK(own[0].counts.non_finite == 2);
  CHECK(own[0].counts.created == 0);
}

TEST_CASE("NaN and Inf beside what whole tensors came to beyond their range stay the inputs' own") {
  TempFolder folder;
  std::vector<float> far(12), near(12), own(12, 1.0F);
  for (size_t i = 0; i < far.size(); ++i) {
    far[i] = i % 5 == 0 ? 3e38F : 1.0F;
    near[i] = i % 5 == 0 ? -3e38F : 2.0F;
  }
  own[1] = own[5] = NAN;
  own[10] = INFINITY;
  const std::vector<float> ones(12, 1.0F);
  std::vector<std::string> paths = {
      write_file(folder / "wide", {f32("w", {3, 9, 1, 1}, std::vector<float>(27, 1.0F))})};
  std::vector<std::string> names;
  for (char name = 'A'; name < 'L'; ++name) {
    names.emplace_back(1, name);
    const std::vector<float>& values = name == 'A' ? far : name == 'B' ? near : name == 'C' ? own : ones;
    paths.push_back(write_file(folder / names.back(), {f32("w", {3, 4, 1, 1}, values)}));
  }
  const auto counts = [&](const std::string& text, size_t first, size_t end, Dtype dtype) {
    const auto from = static_cast<ptrdiff_t>(first), to = static_cast<ptrdiff_t>(end);
    Recipe recipe = of_formula(text, {names.begin(), names.begin() + (to - from)});
    recipe.nan = NanPolicy::warn;
    recipe.dtype = dtype;
    const std::vector<StoreLoss> losses =
        merge(recipe, {paths.begin() + from, paths.begin() + to}, folder / "out", {.replace = true, .sync = false})
            .losses;
    REQUIRE(losses.size() == 1);
    return losses[0].counts;
  };
  for (const Dtype dtype : {Dtype::F32, Dtype::BF16, Dtype::F8_E4M3})
    for (const auto& [text, first, end] : {
             std::tuple{"C + crossover(A - B, A - B)", 1, 4},
             {"0.5*C + 0.5*(C + crossover(A - B, A - B))", 1, 4},
             {"A + crossover(A - B, A - B) + crossover(C - A, C - A)", 1, 4},
             {"slerp(C + crossover(A - B, A - B), C, t=0.3)", 1, 4},
             {"0.1*(C + D + E + F + G + H + I + J) + 0.2*K + crossover(A - B, A - B)", 1, 12},  // accumulated
             {"A + crossover(B - C, B - C) + D - B", 0, 4},                                     // rows cut in two
         }) {
      const std::string formula = text;
      CAPTURE(formula);
      const StoreCounts told = counts(formula, static_cast<size_t>(first), static_cast<size_t>(end), dtype);
      CHECK(told.non_finite == 4);
      CHECK(told.created == 1);
      CHECK(told.lost_inf == (dtype == Dtype::F8_E4M3 ? 1 : 0));
    }
}

TEST_CASE("a run ends while a whole tensor is made, when its stop flag is raised") {
  TempFolder folder;
  std::vector<std::string> paths;
  for (uint64_t k = 0; k < 2; ++k)
    paths.push_back(write_file(folder / std::to_string(k), {random("w", Dtype::F32, {300, 300}, k)}));
  for (const char* const method : {"rotate", "truncate_rank", "iso_c", "tsv_m", "crossover", "top_k_tensor_sum"}) {
    const Recipe recipe = plain({.method = method});
    std::vector<Checkpoint> checkpoints = open_all(paths);
    std::atomic<int> asked = 0;
    const Hands hands{.threads = 2, .stop = StopFlag([&] { return ++asked > 3; })};
    add_whole_tensors(recipe, checkpoints, hands);
    const Plan plan = make_plan(recipe, checkpoints);
    CHECK(asked == 0);  // nothing is made of headers
    const Failure stopped = failure([&] { run(plan, checkpoints, folder / "out", {.sync = false}); });
    CHECK_MESSAGE(stopped.code == ErrorCode::interrupted, method);
    CHECK(asked < 10);
    CHECK(!std::filesystem::exists(folder / "out"));
  }
}

TEST_CASE("whole tensors are the same bytes for any number of hands") {
  TempFolder folder;
  std::vector<std::string> paths;
  for (uint64_t k = 0; k < 3; ++k)
    paths.push_back(write_file(folder / std::to_string(k),
                               {random("v", Dtype::F32, {150000}, k), random("w", Dtype::F32, {300, 200}, k),
                                random("x", Dtype::F32, {70, 40, 3, 3}, k)}));
  for (const char* const method : {"rotate", "truncate_rank", "iso_c", "iso_cts", "tsv_m", "crossover",
                                   "distribution_crossover", "smooth_add", "top_k_tensor_sum"}) {
    const Recipe recipe = plain({.method = method});
    const size_t inputs = find_method(method)->spec->max_inputs == 2 ? 2 : 3;
    std::string first;
    for (const unsigned threads : {1u, 2u, 5u}) {
      if (kThreadSanitized && threads == 2) continue;
      std::vector<Checkpoint> checkpoints = open_all({paths.begin(), paths.begin() + static_cast<ptrdiff_t>(inputs)});
      add_whole_tensors(recipe, checkpoints, {.threads = threads}, threads == 5 ? 32 << 20 : 0);
      run(make_plan(recipe, checkpoints), checkpoints, folder / "out", {.replace = true, .sync = false});
      const std::string bytes = read_file(folder / "out");
      if (threads == 1) first = bytes;
      CHECK_MESSAGE(bytes == first, method, " ", threads);
    }
  }
}
