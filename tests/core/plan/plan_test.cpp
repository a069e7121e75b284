// SPDX-License-Identifier: Apache-2.0
#include "core/plan/plan.h"

#include <doctest/doctest.h>

#include "tests/core/plan/planned.h"

using namespace ckmerge;
using namespace ckmerge::test;

TEST_CASE("alpha 0 and 1 are copies of A and B, conversions where the dtypes differ") {
  Opened files;
  files.add({f32("w", {1}, {1}), f32("x", {1}, {1})}).add({f32("w", {1}, {2}), bits("x", Dtype::F16, {1}, {0x3c00})});
  const Plan zero = files.plan(weighted(0)), one = files.plan(weighted(1));
  CHECK(step_of(zero, files, "w").program == Step::kCopy);
  CHECK(zero.source(step_of(zero, files, "x")).checkpoint == 0);
  REQUIRE(zero.warnings.size() == 1);
  CHECK(zero.warnings[0].find("nothing is merged") == 0);
  CHECK(step_of(one, files, "w").program == Step::kCopy);
  CHECK(one.source(step_of(one, files, "w")).checkpoint == 1);
  CHECK(step_of(one, files, "x").action == Action::convert);
  CHECK(step_of(one, files, "x").dtype == Dtype::F32);
  CHECK(one.warnings.empty());
}

TEST_CASE("a tensor runs in f64 when an operand that counts is F64, and in f32 otherwise") {
  Opened files;
  files.add({f32("w", {1}, {1}), f32("x", {1}, {1})})
      .add({bits("w", Dtype::F64, {1}, {0}), f32("x", {1}, {1})})
      .add({f32("w", {1}, {1}), bits("x", Dtype::F64, {1}, {0})});
  const Plan plan = files.plan({.method = "linear", .parameters = {{"weights", {1, 1, 0}}}});
  CHECK(plan.programs[step_of(plan, files, "w").program].compute == Dtype::F64);
  CHECK(plan.programs[step_of(plan, files, "x").program].compute == Dtype::F32);
  CHECK(step_of(plan, files, "x").source_count == 2);  // the third, weighted 0, is not read
}

TEST_CASE("a coefficient beyond f32 is refused where a tensor runs in f32, and used where all run in f64") {
  Opened narrow, wide;
  narrow.add({f32("w", {1}, {1})}).add({f32("w", {1}, {1})});
  wide.add({bits("w", Dtype::F64, {1}, {0})}).add({f32("w", {1}, {1})});
  CHECK(narrow.fault(weighted(1e39)).code == ErrorCode::usage);
  CHECK(wide.fault(weighted(1e39)).code == ErrorCode{});
}

TEST_CASE("empty checkpoints and inputs given twice are told plainly, once") {
  Opened empty, twice;
  empty.add({}).add({});
  CHECK(empty.fault().text.find("has no tensors") != std::string::npos);
  twice.add({f32("w", {1}, {1})});
  for (int k = 0; k < 4; ++k) twice.checkpoints.push_back(open_checkpoint(twice.checkpoints[0].path));
  CHECK(twice.plan({.method = "linear"}).warnings.size() == 1);
}

TEST_CASE("integers, position_ids and opaque dtypes are copied from A and compared") {
  Opened files;
  files.add({bits("n", Dtype::I64, {1}, {7}), f32("clip.position_ids", {1}, {3}), f32("w", {1}, {1})})
      .add({bits("n", Dtype::I64, {1}, {8}), f32("clip.position_ids", {1}, {4}), f32("w", {1}, {1})});
  const Plan plan = files.plan();
  CHECK(step_of(plan, files, "n").action == Action::copy_integer);
  CHECK(step_of(plan, files, "n").source_count == 2);
  CHECK(step_of(plan, files, "clip.position_ids").action == Action::copy_positions);

  Opened tables;
  tables.add({bits("s", Dtype::C64, {1}, {1})}).add({bits("s", Dtype::C64, {1}, {2})}).add({f32("s", {1}, {2})});
  CHECK(tables.fault({.method = "linear"}).details.at(0).find("s: is C64 in ") == 0);
  tables.checkpoints.pop_back();
  CHECK(step_of(tables.plan(), tables, "s").action == Action::copy_opaque);
  CHECK(step_of(tables.plan(), tables, "s").source_count == 2);
  CHECK(step_of(tables.plan(weighted(0)), tables, "s").action == Action::copy);  // nothing else counts
}

TEST_CASE("--dtype converts float tensors, copied and kept ones too, but no integers and no position_ids") {
  Opened files;
  files
      .add(
          {bits("n", Dtype::I64, {1}, {7}), f32("position_ids", {1}, {3}), f32("only.a", {1}, {1}), f32("w", {1}, {1})})
      .add({bits("n", Dtype::I64, {1}, {7}), f32("position_ids", {1}, {3}), f32("w", {1}, {1})});
  Recipe recipe = weighted(0);
  recipe.dtype = Dtype::F16;
  const Plan plan = files.plan(recipe);
  CHECK(step_of(plan, files, "w").dtype == Dtype::F16);
  CHECK(step_of(plan, files, "w").action == Action::convert);
  CHECK(step_of(plan, files, "only.a").dtype == Dtype::F16);
  CHECK(step_of(plan, files, "only.a").action == Action::keep);
  CHECK(step_of(plan, files, "n").dtype == Dtype::I64);
  CHECK(step_of(plan, files, "position_ids").dtype == Dtype::F32);
}

TEST_CASE("names that others lack are kept, names that A lacks are dropped, each once") {
  Opened files;
  files.add({f32("a", {1}, {1}), f32("w", {1}, {1}), f32("y", {1}, {1})})
      .add({f32("extra", {1}, {1}), f32("w", {1}, {1}), f32("y", {1}, {1}), f32("z", {1}, {1})})
      .add({f32("extra", {1}, {1}), f32("w", {1}, {1})});
  const Plan plan = files.plan({.method = "linear"});
  CHECK(plan.kept.size() == 2);     // a, y
  CHECK(plan.dropped.size() == 2);  // extra, z
  CHECK(plan.count(Action::keep) == 2);
  CHECK(plan.count(Action::merge) == 1);
}

TEST_CASE("every shape that differs is named, with its shapes and files") {
  Opened files;
  files.add({f32("u", {2}, {1, 2}), f32("v", {}, {1}), f32("w", {1, 2}, {1, 2})})
      .add({f32("u", {2}, {1, 2}), f32("v", {1}, {1}), f32("w", {2, 1}, {1, 2})});
  const Failure fault = files.fault();
  CHECK(fault.code == ErrorCode::mismatch);
  REQUIRE(fault.details.size() == 2);
  CHECK(fault.details[0].find("v: [] in ") == 0);
  CHECK(fault.details[1].find("w: [1, 2] in ") == 0);
  CHECK(fault.details[1].find("[2, 1] in ") != std::string::npos);
}

TEST_CASE("checkpoints without a common name are refused, with the prefix that would make them match") {
  Opened files;
  files.add({f32("model.diffusion_model.in.weight", {1}, {1}), f32("model.diffusion_model.out.weight", {1}, {1})})
      .add({f32("in.weight", {1}, {1}), f32("out.weight", {1}, {1})});
  const Failure fault = files.fault();
  CHECK(fault.code == ErrorCode::mismatch);
  REQUIRE(fault.details.size() == 1);
  CHECK(fault.details[0].find("2 of the 2 names") != std::string::npos);
  CHECK(fault.details[0].find("'model.diffusion_model.'") != std::string::npos);

  Opened strangers;
  strangers.add({f32("p", {1}, {1})}).add({f32("q", {1}, {1})});
  CHECK(strangers.fault().code == ErrorCode::mismatch);
  CHECK(strangers.fault().details.empty());
}

TEST_CASE("the layout is canonical: dtype rank descending, then name, data without gaps") {
  Opened files;
  files.add(
      {bits("b", Dtype::BF16, {1}, {0}), f32("z", {1}, {1}), f32("a", {1}, {1}), bits("i", Dtype::I64, {1}, {1})});
  const Plan plan = files.plan({.method = "copy"});
  std::vector<std::string> names;
  uint64_t offset = plan.files[0].header.size();
  for (const Step& step : plan.steps) {
    names.emplace_back(files.checkpoints[0].tensors[plan.source(step).tensor].name);
    CHECK(step.offset == offset);
    offset += step.size;
  }
  CHECK(names == std::vector<std::string>{"i", "a", "z", "b"});
  CHECK(plan.end() == offset);
  CHECK(plan.files[0].header.size() % 8 == 0);
}

TEST_CASE("a plan stays below 300 bytes per tensor and the name") {
  std::vector<FileTensor> tensors;
  for (int i = 0; i < 2000; ++i) tensors.push_back(f32("some.layer.name." + std::to_string(100000 + i), {1}, {1}));
  Opened files;
  files.add(tensors).add(tensors);
  CHECK(files.plan().memory() < 2000 * (300 + 22));
}

TEST_CASE("codes are not merged and not converted, but copied; all checkpoints of codes are told") {
  Opened opened;
  const std::vector<FileTensor> codes{bits("x.weight", Dtype::F8_E4M3, {2}, {0x38, 0x40}),
                                      f32("x.scale_weight", {}, {2})};
  opened.add(codes).add(codes);
  const Failure refused = opened.fault();
  CHECK(refused.code == ErrorCode::mismatch);
  CHECK(refused.text == "2 inputs hold no weights that could be merged");
  REQUIRE(refused.details.size() == 2);
  CHECK(
      refused.details[1].starts_with(opened.checkpoints[1].path + ": is quantized, scaled fp8 of ComfyUI (x.weight "));
  Opened one;
  one.add(codes);
  CHECK(one.plan({.method = "copy"}).steps.size() == 2);
  CHECK(
      one.fault({.method = "copy", .dtype = Dtype::F16}).text.starts_with(one.checkpoints[0].path + ": is quantized"));
}
