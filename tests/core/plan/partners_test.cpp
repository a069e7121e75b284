// SPDX-License-Identifier: Apache-2.0
#include "core/plan/partners.h"

#include <doctest/doctest.h>

#include "io/text/sentence.h"
#include "tests/core/plan/planned.h"

using namespace ckmerge;
using namespace ckmerge::test;

namespace {

FileTensor zeros(const std::string& name, const std::vector<uint64_t>& shape) {
  uint64_t count = 1;
  for (const uint64_t dimension : shape) count *= dimension;
  return f32(name, shape, std::vector<float>(count));
}

using Tensors = std::vector<FileTensor>;

// A network of blocks, each of a square matrix and a vector under the names given.
Tensors network(const std::string& prefix, size_t blocks, const std::string& matrix = "w",
                const std::string& vector = "b") {
  Tensors tensors;
  for (size_t i = 0; i < blocks; ++i) {
    tensors.push_back(zeros(prefix + std::to_string(i) + "." + matrix, {4, 4}));
    tensors.push_back(zeros(prefix + std::to_string(i) + "." + vector, {4}));
  }
  return tensors;
}

Tensors operator+(Tensors a, const Tensors& b) {
  a.insert(a.end(), b.begin(), b.end());
  return a;
}

Failure fault(const Tensors& a, const Tensors& b, const Recipe& recipe = {}) {
  Opened files;
  files.add(a).add(b);
  return files.fault(recipe);
}

std::vector<std::string> warnings(const Tensors& a, const Tensors& b, const Recipe& recipe = {}) {
  Opened files;
  files.add(a).add(b);
  return files.plan(recipe).warnings;
}

}  // namespace

TEST_CASE("the same tensors under other names are refused, with the two spellings side by side") {
  const Failure failed = fault(network("blocks.", 8), network("blocks.", 8, "q", "b"));
  CHECK(failed.code == ErrorCode::mismatch);
  CHECK(failed.text.find("two spellings: 8 of the 16 tensors of ") != std::string::npos);
  CHECK(failed.text.find("--rename 'B:REGEX=REPLACEMENT'") != std::string::npos);
  REQUIRE(failed.details.size() == 8);
  CHECK(failed.details[0] == "blocks.0.w | blocks.0.q  [4, 4]");
}

TEST_CASE("stacked and fused tensors are told by the number of their elements") {
  const Tensors stacked{zeros("blocks.w", {4, 4, 4}), zeros("blocks.b", {1, 4, 4})}, head = network("head.", 1);
  const Tensors larger{zeros("blocks.w", {5, 4, 4}), zeros("blocks.b", {1, 5, 4})};
  CHECK(fault(network("blocks.", 4) + head, larger + head).code == ErrorCode{});
  const Failure failed = fault(network("blocks.", 4) + head, stacked + head);
  CHECK(failed.code == ErrorCode::mismatch);
  CHECK(failed.text.find("which has the same in 2 of other names and shapes") != std::string::npos);
  REQUIRE(failed.details.size() == 8 + 2);
  CHECK(failed.details[0] == "blocks.0.b |  [4]");
  CHECK(failed.details[3] == "| blocks.w  [4, 4, 4]");
}

TEST_CASE("checkpoints without a name in common are told as two spellings where they are") {
  CHECK(fault(network("a.", 4), network("b.", 4, "q", "v")).text.find("two spellings") != std::string::npos);
  CHECK(fault(network("a.", 4), {zeros("other", {7})}).text.find("no tensor name in common") != std::string::npos);
}

TEST_CASE("a part under another prefix is a warning that says which prefix would fit") {
  const Tensors unet = network("model.", 10);
  const auto told = warnings(unet + network("first_stage_model.", 3), unet + network("vae.", 3));
  REQUIRE(told.size() == 1);
  CHECK(told[0].find("6 tensors of ") == 0);
  CHECK(told[0].find("--rename 'B:^vae\\.=first_stage_model.'") != std::string::npos);
}

TEST_CASE("tensors that only their shape pairs are no pair: they are told side by side, not as one") {
  Tensors a, b;
  for (const std::string block : {"0", "1", "2", "3"})
    for (const std::string name : {"k", "q"}) {
      a.push_back(zeros("blocks." + block + ".attn." + name + ".weight", {4, 4}));
      b.push_back(zeros("blocks." + block + ".attn1.to_" + name + ".weight", {4, 4}));
      a.push_back(zeros("blocks." + block + ".attn." + name + ".norm", {4}));
      b.push_back(zeros("blocks." + block + ".attn1.to_" + name + ".norm", {4}));
    }
  const Failure failed = fault(a, b);
  REQUIRE(failed.details.size() == 8 + 16);
  CHECK(failed.details[0] == "blocks.0.attn.k.norm | blocks.0.attn1.to_k.norm  [4]");
  CHECK(failed.details[8] == "blocks.0.attn.k.weight |  [4, 4]");
  CHECK(failed.details[9] == "| blocks.0.attn1.to_k.weight  [4, 4]");
}

TEST_CASE("half of a small file under another prefix is told, layers of one shape are not") {
  const Tensors unet{zeros("unet.0.w", {4}), zeros("unet.1.w", {4})};
  const auto told = warnings(unet + Tensors{zeros("te.0.w", {3}), zeros("te.1.w", {3})},
                             unet + Tensors{zeros("foo.te.0.w", {3}), zeros("foo.te.1.w", {3})});
  REQUIRE(told.size() == 1);
  CHECK(told[0].find("--rename 'B:^foo\\.='") != std::string::npos);
  CHECK(warnings({zeros("x", {4}), zeros("fc1.w", {4}), zeros("fc1.b", {4})},
                 {zeros("x", {4}), zeros("fc2.w", {4}), zeros("fc2.b", {4})})
            .empty());
}

TEST_CASE("a rename that is advised leaves alone what matches already") {
  const Tensors layers = network("model.layers.", 10);
  const auto advised = [&](const std::string& own, const std::string& theirs) {
    const auto told = warnings(layers + network(own, 4), layers + network(theirs, 4));
    return told.size() == 1 ? told[0] : sentence(told.size(), " warnings");
  };
  CHECK(advised("visual.", "model.visual.").find("--rename 'B:^model\\.visual\\.=visual.'") != std::string::npos);
  CHECK(advised("model.visual.", "visual.").find("--rename 'B:^visual\\.=model.visual.'") != std::string::npos);
  CHECK(warnings(layers + network("a.", 4) + network("b.", 2), layers + network("model.a.", 4) + network("model.b.", 2))
            .at(0)
            .find("--rename 'B:^model\\.a\\.=a.' --rename 'B:^model\\.b\\.=b.' merges") != std::string::npos);
}

TEST_CASE("what only one side has is no other spelling") {
  const Tensors unet = network("model.", 10), vae = network("vae.", 4);
  const Tensors averages = network("model_ema.", 10), clip{zeros("clip.w", {5, 5}), zeros("clip.b", {5})};
  for (const auto& [a, b] :
       {std::pair{unet + vae, unet}, std::pair{unet, unet + vae}, std::pair{unet + averages, unet},
        std::pair{unet, unet + averages}, std::pair{unet + averages, unet + vae},
        std::pair{unet + vae, unet + averages}, std::pair{unet + clip, unet + vae},
        std::pair{unet + Tensors{zeros("head.w", {4, 4})}, unet + Tensors{zeros("score.w", {4, 4})}},
        std::pair{network("model.", 10), network("model.", 12)}})
    for (const std::string& warning : warnings(a, b)) CHECK(warning.find("--rename") == std::string::npos);
}

TEST_CASE("tensors that are excluded or added are not asked for a partner") {
  const Tensors head = network("head.", 1), a = network("blocks.", 4) + head, b = network("layers.", 4, "q") + head;
  CHECK(fault(a, b).code == ErrorCode::mismatch);
  CHECK(fault(a, b, {.exclude = {"^blocks", "^layers"}}).code == ErrorCode{});
  CHECK(warnings(a, b, {.extra = ExtraPolicy::add}).size() == 1);
}
