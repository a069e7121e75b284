// SPDX-License-Identifier: Apache-2.0
// What each policy makes of each name: selection, missing and extra names, channels that only A has.
#include <doctest/doctest.h>

#include "core/plan/output_files.h"
#include "tests/core/plan/planned.h"

using namespace ckmerge;
using namespace ckmerge::test;

namespace {

using Names = std::vector<std::string>;

// A and B share w and v; each has a name of its own, p.* are pairs that --only tells apart.
Opened& pair(Opened& files) {
  return files
      .add({f32("a.only", {1}, {1}), f32("p.in", {1}, {1}), f32("p.out", {2}, {1, 1}), f32("v", {1}, {1}),
            f32("w", {1}, {1})})
      .add({f32("b.only", {1}, {1}), f32("p.in", {1}, {1}), f32("p.out", {1}, {1}), f32("v", {1}, {1}),
            f32("w", {1}, {1})});
}

std::vector<float> zeros(size_t count) { return std::vector<float>(count, 0); }

// conv_in with so many channels, and a bias that all have.
std::vector<FileTensor> convolution(uint64_t channels, Dtype dtype = Dtype::F32) {
  if (dtype == Dtype::F32) return {f32("in", {2, channels, 3, 1}, zeros(2 * channels * 3)), f32("w", {1}, {1})};
  return {bits("in", dtype, {2, channels, 3, 1}, std::vector<uint64_t>(2 * channels * 3)), f32("w", {1}, {1})};
}

const Expansion& expansion_of(const Plan& plan, const Step& step) { return plan.expansions.at(step.expansion); }

}  // namespace

TEST_CASE("discard comes first: what it matches has no shape to fit, no policy and no place in the output") {
  Opened files;
  pair(files);
  CHECK(files.fault().code == ErrorCode::mismatch);  // p.out differs
  const Plan plan = files.plan({.discard = {"^p\\.out$", "only"}, .missing = MissingPolicy::error});
  CHECK(files.names(plan.discarded) == Names{"a.only", "b.only", "p.out"});
  CHECK(plan.kept.empty());
  CHECK(plan.dropped.empty());
  CHECK(plan.steps.size() == 3);
}

TEST_CASE("tensors outside of --only are A's, whatever the others hold, and no policy looks at them") {
  Opened files;
  pair(files);
  Recipe recipe{.only = {"^[vw]$"}, .exclude = {"v"}, .missing = MissingPolicy::error, .extra = ExtraPolicy::error};
  const Plan plan = files.plan(recipe);
  CHECK(step_of(plan, files, "w").action == Action::merge);
  for (const char* name : {"v", "a.only", "p.in", "p.out"}) {
    CHECK(step_of(plan, files, name).action == Action::outside);
    CHECK(plan.source(step_of(plan, files, name)).checkpoint == 0);
  }
  CHECK(files.names(plan.dropped) == Names{"b.only"});  // told all the same
  recipe.only = {"b.only", "w"};
  recipe.exclude = {};
  recipe.extra = ExtraPolicy::add;
  CHECK(step_of(files.plan(recipe), files, "b.only").action == Action::add);
}

TEST_CASE("an --only that matches no name is an error, told together with what does not fit") {
  Opened files;
  pair(files);
  const Failure one = files.fault({.discard = {"p.out"}, .only = {"tyop"}});
  CHECK(one.code == ErrorCode::usage);
  CHECK(one.text == "--only 'tyop' matches no tensor name");
  CHECK(one.where == "--only");
  const Failure both = files.fault({.discard = {"v", "nothing"}, .only = {"p", "nowhere"}});
  CHECK(both.code == ErrorCode::usage);
  CHECK(both.where == "--only");
  CHECK(both.text ==
        "2 patterns match no tensor name, and the checkpoints do not fit together: 1 tensor cannot be merged");
  REQUIRE(both.details.size() == 3);
  CHECK(both.details[2].find("p.out: [2] in ") == 0);
  CHECK(files.fault({.only = {"^p\\.inn$"}}).text == "--only '^p\\.inn$' matches no tensor name; did you mean 'p.in'?");
  // A pattern behind one that matches the same names is not called unmatched.
  CHECK(files.fault({.discard = {"p", "p.out"}}).code == ErrorCode{});
  CHECK(files.fault({.discard = {"("}}).code == ErrorCode::usage);
}

TEST_CASE(
    "patterns that cannot be understood hide none that match nothing; what they would have kept out is not told") {
  Opened files;
  pair(files);
  const Failure one = files.fault({.discard = {"("}});
  CHECK(one.text.find("--discard '('") == 0);
  CHECK(one.where == "--discard");
  CHECK(one.details.empty());
  const Failure all = files.fault({.discard = {"p.ou(t"}, .only = {"nowhere", "["}, .exclude = {"tyop", "w"}});
  CHECK(all.code == ErrorCode::usage);
  CHECK(all.where == "--discard");
  CHECK(all.text == "2 patterns cannot be understood, and 2 patterns match no tensor name");
  REQUIRE(all.details.size() == 4);
  CHECK(all.details[0].find("--discard 'p.ou(t': character ") == 0);
  CHECK(all.details[1].find("--only '[': character ") == 0);
  CHECK(all.details[2] == "--only 'nowhere' matches no tensor name");
  CHECK(all.details[3] == "--exclude 'tyop' matches no tensor name");
}

TEST_CASE("checkpoints without a common name can be put together by --extra add, and are not called merged") {
  Opened files;
  files.add({f32("vae.a", {1}, {1}), f32("vae.b", {1}, {2})}).add({f32("clip.z", {1}, {3})});
  const Plan plan = files.plan({.extra = ExtraPolicy::add});
  CHECK(plan.steps.size() == 3);
  CHECK(step_of(plan, files, "clip.z").action == Action::add);
  REQUIRE(plan.warnings.size() == 1);
  CHECK(plan.warnings[0] ==
        "the checkpoints have no tensor name in common; nothing is merged, their tensors are put into one file");
  const Failure fault = files.fault({.only = {"vea"}, .exclude = {"clip"}});
  CHECK(fault.code == ErrorCode::usage);
  CHECK(fault.text ==
        "a pattern matches no tensor name, and the checkpoints have no tensor name in common; they are of different "
        "kinds (--extra add puts them into one file)");
  CHECK(fault.details.size() == 1);
}

TEST_CASE("a name that another checkpoint lacks is kept, zeroed, left out or refused") {
  Opened files;
  pair(files);
  const auto with = [&](MissingPolicy policy) { return Recipe{.discard = {"p.out"}, .missing = policy}; };
  CHECK(step_of(files.plan(with(MissingPolicy::keep)), files, "a.only").action == Action::keep);

  const Plan zero = files.plan(with(MissingPolicy::zero));
  CHECK(step_of(zero, files, "a.only").program == Step::kZero);
  CHECK(step_of(zero, files, "a.only").source_count == 0);
  CHECK(step_of(zero, files, "a.only").size == 4);

  const Plan drop = files.plan(with(MissingPolicy::drop));
  CHECK_FALSE(has_step(drop, files, "a.only"));
  CHECK(files.names(drop.left_out) == Names{"a.only"});

  const Failure fault = files.fault(with(MissingPolicy::error));
  CHECK(fault.code == ErrorCode::mismatch);
  REQUIRE(fault.details.size() == 1);
  CHECK(fault.details[0] == "a.only: is missing in " + files.checkpoints[1].path +
                                "; --discard it, or keep A's (--missing keep), zero it or drop it");
}

TEST_CASE("a name that A lacks is dropped, added from the first that has it, or refused") {
  Opened files;
  pair(files).add({f32("b.only", {1}, {1}), f32("c.only", {1}, {1}), f32("p.in", {1}, {1}), f32("w", {1}, {1})});
  const auto with = [&](ExtraPolicy policy) {
    return Recipe{.method = "linear", .dtype = Dtype::F16, .discard = {"p.out"}, .extra = policy};
  };
  CHECK(files.names(files.plan(with(ExtraPolicy::drop)).dropped) == Names{"b.only", "c.only"});
  const Plan add = files.plan(with(ExtraPolicy::add));
  CHECK(add.dropped.empty());
  CHECK(step_of(add, files, "b.only").action == Action::add);
  CHECK(add.source(step_of(add, files, "b.only")).checkpoint == 1);
  CHECK(add.source(step_of(add, files, "c.only")).checkpoint == 2);
  CHECK(step_of(add, files, "c.only").dtype == Dtype::F16);
  const Failure fault = files.fault(with(ExtraPolicy::error));
  CHECK(fault.code == ErrorCode::mismatch);
  REQUIRE(fault.details.size() == 2);
  CHECK(fault.details[0] == "b.only: is in " + files.checkpoints[1].path + ", but not in " + files.checkpoints[0].path +
                                "; --discard it, or drop it (--extra drop) or add it");
}

TEST_CASE("a dtype without a zero cannot be zeroed") {
  Opened files;
  files.add({bits("s", Dtype::F8_E8M0, {1}, {1}), f32("w", {1}, {1})}).add({f32("w", {1}, {1})});
  CHECK(files.fault({.missing = MissingPolicy::zero}).code == ErrorCode::mismatch);
}

TEST_CASE("nine or eight channels against four are merged in the first four") {
  for (const uint64_t width : {9, 8}) {
    Opened files;
    files.add(convolution(width)).add(convolution(4));
    const Plan plan = files.plan(weighted(0.5));
    const Step& step = step_of(plan, files, "in");
    CHECK(step.action == Action::expand);
    CHECK(step.size == 2 * width * 3 * 4);
    CHECK(step.source_count == 3);  // A's tail, then A and B
    CHECK(expansion_of(plan, step).row == width * 3);
    CHECK(expansion_of(plan, step).head == 12);
    CHECK(expansion_of(plan, step).tail == Step::kCopy);
    CHECK_FALSE(expansion_of(plan, step).others_count_as_zero);
    CHECK(plan.kind.inpainting == (width == 9));
    CHECK(plan.kind.instruct_pix2pix == (width == 8));
    CHECK(plan.bytes_to_read == 2 * width * 3 * 4 + 2 * 12 * 4 + 8);  // A's once
  }
}

TEST_CASE("where the others count as zero, the tail is the formula with A alone") {
  Opened files;
  files.add(convolution(9)).add(convolution(4));
  Recipe recipe{.method = "linear", .parameters = {{"weights", {0.5, 1}}, {"normalize", {0}}}};
  recipe.expand = ExpandPolicy::zero;
  const Plan half = files.plan(recipe);
  const Expansion& tail = expansion_of(half, step_of(half, files, "in"));
  REQUIRE(tail.tail < half.programs.size());
  CHECK(half.programs[tail.tail].code.size() == 2);  // load, scale
  CHECK(tail.others_count_as_zero);

  recipe.parameters["weights"] = {1, 1};
  const Plan whole = files.plan(recipe);
  CHECK(expansion_of(whole, step_of(whole, files, "in")).tail == Step::kCopy);

  recipe.parameters["weights"] = {0, 1};
  const Plan none = files.plan(recipe);
  const uint16_t zero = expansion_of(none, step_of(none, files, "in")).tail;
  REQUIRE(zero < none.programs.size());
  CHECK(none.programs[zero].code[0].op == Op::zero);
}

TEST_CASE("with alpha 0 the wide tensor is A's copy, with alpha 1 its head is B's") {
  Opened files;
  files.add(convolution(9)).add(convolution(4, Dtype::F16));
  const Plan zero = files.plan(weighted(0)), one = files.plan(weighted(1));
  CHECK(step_of(zero, files, "in").expansion == Step::kWhole);
  CHECK(step_of(zero, files, "in").action == Action::copy);
  CHECK(zero.kind.inpainting);                              // as A1111 has it: the shapes decide
  CHECK(step_of(one, files, "in").program != Step::kCopy);  // a conversion of B's F16
  CHECK(one.source(step_of(one, files, "in"), 1).checkpoint == 1);
}

TEST_CASE("a narrow A, others of different widths and other shapes are refused with advice") {
  const auto fault = [](std::vector<uint64_t> widths) {
    Opened files;
    for (const uint64_t width : widths) files.add(convolution(width));
    return files.fault({.method = widths.size() == 2 ? "weighted_sum" : "add_difference"});
  };
  for (const uint64_t width : {9, 8}) {
    CHECK(fault({4, width}).code == ErrorCode::mismatch);
    CHECK(fault({4, width}).details.at(0).find("swap them") != std::string::npos);
  }
  const std::string uneven = fault({9, 9, 4}).details.at(0);
  CHECK(uneven.find("B.safetensors") != std::string::npos);
  CHECK(uneven.find("C.safetensors") != std::string::npos);
  CHECK(uneven.find("equally wide") != std::string::npos);
  CHECK(fault({9, 4, 9}).details.at(0).find("equally wide") != std::string::npos);
  CHECK(fault({9, 4, 4}).code == ErrorCode{});
  for (const auto& widths : {std::vector<uint64_t>{9, 8}, {8, 9}, {5, 4}, {9, 3}})
    CHECK(fault(widths).code == ErrorCode::mismatch);
}

TEST_CASE("integers are never expanded, and position_ids of another length are A's") {
  Opened files;
  files
      .add({bits("n", Dtype::I64, {1, 9}, std::vector<uint64_t>(9)), f32("position_ids", {1, 8}, zeros(8)),
            f32("w", {1}, {1})})
      .add({bits("n", Dtype::I64, {1, 4}, std::vector<uint64_t>(4)), f32("position_ids", {1, 4}, zeros(4)),
            f32("w", {1}, {1})});
  const Plan plan = files.plan({});
  CHECK(step_of(plan, files, "n").action == Action::copy_integer);
  CHECK(step_of(plan, files, "n").source_count == 1);
  CHECK(step_of(plan, files, "position_ids").action == Action::copy_positions);
  REQUIRE(!plan.warnings.empty());
  CHECK(
      plan.warnings[0].starts_with("1 integer tensor has another shape in another input and is A's: n [1, 9], [1, 4]"));
}

TEST_CASE("the header with hashes is as long as the plan's, even where inputs turn out to be equal") {
  Opened files;
  files.add({f32("w", {1}, {1})}).add({f32("w", {1}, {2})});
  const Plan plan = files.plan({.hash = true});
  const InputHash one{std::string(64, 'a'), "11111111"}, two{std::string(64, 'b'), "22222222"};
  const std::vector<InputHash> different{one, two}, equal{one, one};
  const std::string header = headers_with_hashes(plan, files.checkpoints, different)[0];
  CHECK(header.size() == plan.files[0].header.size());
  CHECK(header != plan.files[0].header);
  CHECK(header.find(one.sha256) != std::string::npos);
  CHECK(headers_with_hashes(plan, files.checkpoints, equal)[0].size() == plan.files[0].header.size());
}
