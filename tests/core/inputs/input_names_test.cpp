// SPDX-License-Identifier: Apache-2.0
// What inputs' tensors are called before they are planned: renamed as asked, brought to A's spelling, heads untied.
#include <doctest/doctest.h>

#include "core/inputs/common_spelling.h"
#include "core/inputs/input_names.h"
#include "core/inputs/renames.h"
#include "core/inputs/tied_heads.h"
#include "tests/core/plan/planned.h"

using namespace ckmerge;
using namespace ckmerge::test;

namespace {

using Names = std::vector<std::string>;

Opened& add(Opened& files, const std::string& prefix, const Names& names, uint64_t width = 2) {
  std::vector<FileTensor> tensors;
  for (const std::string& name : names) tensors.push_back(f32(prefix + name, {width}, std::vector<float>(width, 1)));
  return files.add(tensors);
}

Names names_of(const Checkpoint& checkpoint) {
  Names names;
  for (size_t i = 0; i < checkpoint.tensors.size(); ++i) names.emplace_back(checkpoint.tensors[i].name);
  return names;
}

const Names kNames{"blocks.0.w", "blocks.1.w", "head.w", "in.w"};

Names prefixed(const std::string& prefix) {
  Names names;
  for (const std::string& name : kNames) names.push_back(prefix + name);
  return names;
}

}  // namespace

TEST_CASE("tensors are renamed as asked, of all inputs or of one; prefixes off, patterns, prefixes on") {
  Opened files;
  add(files, "net.", kNames);
  add(files, "net.", kNames);
  rename_tensors({.strip_prefix = {"net."}}, files.checkpoints);
  CHECK(names_of(files.checkpoints[0]) == kNames);
  CHECK(names_of(files.checkpoints[1]) == kNames);
  CHECK(files.checkpoints[0].notes == Names{"4 tensors were renamed as asked"});
  rename_tensors({.rename = {"B:^blocks\\.(\\d)=layers.\\1"}, .add_prefix = {"B:m."}}, files.checkpoints);
  CHECK(names_of(files.checkpoints[0]) == kNames);
  CHECK(names_of(files.checkpoints[1]) == Names{"m.head.w", "m.in.w", "m.layers.0.w", "m.layers.1.w"});
}

TEST_CASE("tensors that cannot be read are renamed as others are, and told") {
  Opened files;
  add(files, "net.", kNames);
  files.checkpoints[0].unread = {{"net.c", "is complex128"}};
  rename_tensors({.rename = {"c$=z"}, .add_prefix = {"q."}}, files.checkpoints);
  CHECK(files.checkpoints[0].unread.at(0).name == "q.net.z");
  name_inputs({}, files.checkpoints);
  CHECK(files.checkpoints[0].notes.back() == "1 tensor is not read: q.net.z is complex128");
  CHECK(failure([&] {
          rename_tensors({.rename = {"z$=head.w"}}, files.checkpoints);
        }).text.find("two of its tensors") != std::string::npos);
}

TEST_CASE("renamings that match nothing, make names equal or empty, or cannot be understood are refused together") {
  Opened files;
  add(files, "net.", kNames);
  const auto fault = [&](const Recipe& recipe) {
    std::vector<Checkpoint> copies;
    for (const Checkpoint& checkpoint : files.checkpoints) copies.push_back(open_checkpoint(checkpoint.path));
    return failure([&] { rename_tensors(recipe, copies); });
  };
  CHECK(fault({.strip_prefix = {"module."}}).text == "--strip-prefix 'module.': no tensor name begins so");
  CHECK(fault({.rename = {"A:^x=y"}}).text == "--rename 'A:^x=y' matches no tensor name of that input");
  CHECK(fault({.rename = {"\\d=0"}}).text.find("two of its tensors would be called net.blocks.0.w") !=
        std::string::npos);
  CHECK(fault({.rename = {".*="}}).text.find("nothing would be left of the name") != std::string::npos);
  CHECK(fault({.add_prefix = {"C:x."}}).text ==
        "--add-prefix 'C:x.' is for an input that is not there; 1 checkpoint is given");
  CHECK(fault({.add_prefix = {""}}).text == "--add-prefix '' is empty");
  const Failure all = fault({.strip_prefix = {"x."}, .rename = {"(=", "y=z"}});
  CHECK(all.code == ErrorCode::usage);
  CHECK(all.details.size() == 3);
}

TEST_CASE("inputs whose names are A's but for a prefix get A's names, and it is noted") {
  const auto brought = [](const std::string& own, const std::string& theirs) {
    Opened files;
    add(files, own, kNames);
    add(files, theirs, kNames);
    bring_to_common_spelling(files.checkpoints[0], files.checkpoints[1]);
    CHECK(names_of(files.checkpoints[0]) == names_of(files.checkpoints[1]));
    CHECK(files.checkpoints[0].notes.size() + files.checkpoints[1].notes.size() == 1);
    return names_of(files.checkpoints[0]);
  };
  CHECK(brought("", "net.") == kNames);
  CHECK(brought("pipe.dit.", "") == prefixed("pipe.dit."));
  CHECK(brought("model.diffusion_model.", "pipe.dit.") == prefixed("model.diffusion_model."));
  CHECK(brought("model.", "model.model.") == prefixed("model."));
  CHECK(brought("model.model.", "model.") == prefixed("model."));
}

TEST_CASE("a head beside a doubled model. stays with it") {
  Opened files;
  add(files, "", {"model.lm_head.w", "model.model.layers.0.w", "model.model.layers.1.w"});
  add(files, "", {"lm_head.w", "model.layers.0.w", "model.layers.1.w"});
  bring_to_common_spelling(files.checkpoints[0], files.checkpoints[1]);
  CHECK(names_of(files.checkpoints[0]) == Names{"lm_head.w", "model.layers.0.w", "model.layers.1.w"});
}

TEST_CASE("names are left alone where a prefix does not fit without doubt") {
  const auto left = [](const Names& own, const Names& theirs, uint64_t width = 2) {
    Opened files;
    add(files, "", own);
    add(files, "", theirs, width);
    bring_to_common_spelling(files.checkpoints[0], files.checkpoints[1]);
    CHECK(names_of(files.checkpoints[0]) == names_of(open_checkpoint(files.checkpoints[0].path)));
    CHECK(names_of(files.checkpoints[1]) == names_of(open_checkpoint(files.checkpoints[1].path)));
  };
  left(kNames, prefixed("net."), 3);                                     // other shapes
  left({"x.a.w", "x.b.w", "y.a.w", "y.b.w"}, {"a.w", "b.w"});            // two places
  left({"fc1.bias", "fc1.weight"}, {"fc2.bias", "fc2.weight"});          // two layers, not two spellings
  left({"w"}, {"x.w"});                                                  // one name is no evidence
  left({"a.w", "b.w", "c.w", "d.w"}, {"net.a.w", "x.b", "x.c", "x.d"});  // a quarter
}

TEST_CASE("the embedding of a model without a head counts as its head, where the shapes agree") {
  const auto model = [](Opened& files, bool head, uint64_t width = 2) {
    std::vector<FileTensor> tensors{f32("model.embed_tokens.weight", {2, width}, std::vector<float>(2 * width, 1)),
                                    f32("model.norm.weight", {2}, {1, 2})};
    if (head) tensors.push_back(f32("lm_head.weight", {2, width}, std::vector<float>(2 * width, 3)));
    files.add(tensors);
  };
  Opened files;
  model(files, true);
  model(files, false);
  CHECK(untie_heads({}, files.checkpoints).empty());
  const Checkpoint& tied = files.checkpoints[1];
  const Tensor head = tied.tensors[tied.tensors.find("lm_head.weight")];
  CHECK(head.offset == tied.tensors[tied.tensors.find("model.embed_tokens.weight")].offset);
  REQUIRE(tied.notes.size() == 1);
  CHECK(tied.notes[0] == "has no lm_head.weight: its embedding, model.embed_tokens.weight, counts as its head");
  CHECK(step_of(files.plan(), files, "lm_head.weight").action == Action::merge);

  Opened recorded;
  recorded.add({f32("a", {2}, {1, 2}), f32("b", {2}, {1, 2})}).add({f32("a", {2}, {3, 4})});
  recorded.checkpoints[1].metadata = {{"b", "a"}, {"format", "pt"}};
  untie_heads({}, recorded.checkpoints);
  CHECK(step_of(recorded.plan(), recorded, "b").action == Action::merge);
  CHECK(recorded.checkpoints[1].notes == Names{"has no b, which is a by its metadata, and counts as that"});
  CHECK(recorded.checkpoints[1].metadata.size() == 1);

  Opened first_is_tied;
  model(first_is_tied, false);
  model(first_is_tied, true);
  CHECK(untie_heads({}, first_is_tied.checkpoints).size() == 1);
  CHECK(first_is_tied.checkpoints[0].notes.empty());

  Opened other_shape;
  model(other_shape, true);
  model(other_shape, false, 3);
  untie_heads({}, other_shape.checkpoints);
  CHECK(other_shape.checkpoints[1].notes.empty());

  // Where the result takes the other's head, A's embedding is its part of it.
  Opened added;
  model(added, false);
  model(added, true);
  CHECK(untie_heads({.extra = ExtraPolicy::add}, added.checkpoints).empty());
  CHECK(added.checkpoints[0].notes.size() == 1);
  CHECK(step_of(added.plan({.extra = ExtraPolicy::add}), added, "lm_head.weight").action == Action::merge);
}
