// SPDX-License-Identifier: Apache-2.0
#include "core/plan/pieces.h"

#include <doctest/doctest.h>

#include "core/plan/plan.h"
#include "io/checkpoint.h"
#include "tests/core/checkpoint_files.h"
#include "tests/core/failure.h"

using namespace ckmerge;
using namespace ckmerge::test;

TEST_CASE("shards are told by their names") {
  CHECK(shard_name("x/model-00002-of-00030.safetensors")->number == "00002");
  CHECK(shard_name("pytorch_model-00001-of-00002.bin")->of == "00002");
  CHECK(shard_name("diffusion_pytorch_model.fp16-00001-of-00002.safetensors").has_value());
  CHECK(shard_name("model_00001-of-00002.safetensors").has_value());
  for (const char* name :
       {"model-00001-of-00001.safetensors", "model.safetensors", "run-1-of-2.safetensors", "a-00001-of-00002/x.ckpt",
        "model-00001-of-00002", "00001-of-00002.ckpt", "best-of-00002.ckpt", "model-00001-of-2.ckpt",
        "model_weight_pp-rank-0-of-1_tp-rank-0-of-2.safetensors"})
    CHECK(!shard_name(name));
}

TEST_CASE("ranks are told by paths that differ in their number alone") {
  for (const auto& [a, b] : std::vector<std::pair<const char*, const char*>>{
           {"c/mp_rank_00/model_optim_rng.pt", "c/mp_rank_01/model_optim_rng.pt"},
           {"c/mp_rank_00_000/m.pt", "c/mp_rank_00_001/m.pt"},
           {"zero_pp_rank_0_mp_rank_00_model_states.pt", "zero_pp_rank_1_mp_rank_00_model_states.pt"},
           {"w_pp-rank-0-of-1_tp-rank-0-of-2.safetensors", "w_pp-rank-0-of-1_tp-rank-1-of-2.safetensors"},
           {"x/__0_0.safetensors", "x/__1_0.safetensors"},
           {"model_world_size_8_rank_0.pt", "model_world_size_8_rank_7.pt"},
           {"consolidated.00.pth", "consolidated.01.pth"}}) {
    CHECK(are_ranks_of_one(a, b));
    CHECK(!are_ranks_of_one(a, a));
  }
  for (const auto& [a, b] :
       std::vector<std::pair<const char*, const char*>>{{"one/mp_rank_00/model.pt", "two/mp_rank_00/model.pt"},
                                                        {"one/mp_rank_00/model.pt", "two/mp_rank_01/model.pt"},
                                                        {"rank4.safetensors", "rank8.safetensors"},
                                                        {"lora_rank_4.safetensors", "lora_rank_8.safetensors"},
                                                        {"step_100.safetensors", "step_200.safetensors"},
                                                        {"merge_00001_.safetensors", "merge_00002_.safetensors"}})
    CHECK(!are_ranks_of_one(a, b));
}

namespace {

struct Files {
  TempFolder folder;
  std::vector<Checkpoint> checkpoints;
  Files& add(const std::string& name, const std::vector<std::string>& tensors) {
    std::vector<FileTensor> held;
    for (const std::string& tensor : tensors) held.push_back(f32(tensor, {1}, {1}));
    checkpoints.push_back(open_checkpoint(write_file(folder / name, held)));
    return *this;
  }
  Failure fault(const Recipe& recipe = {}) const {
    return failure([&] { make_plan(recipe, checkpoints); });
  }
};

const char* const kFirst = "a-00001-of-00003.safetensors";
const char* const kSecond = "b-00001-of-00002.safetensors";

}  // namespace

TEST_CASE("shards of two splits, and shards of one, are refused; equal ones are merged with a warning") {
  for (const char* other : {"a-00002-of-00003.safetensors", kSecond}) {
    Files files;
    files.add(kFirst, {"x", "y"}).add(other, {"y", "z"});
    CHECK(files.fault().code == ErrorCode::mismatch);
    CHECK(files.fault().text.find("do not hold the same tensors") != std::string::npos);
  }
  Files with_whole;
  with_whole.add("whole.safetensors", {"x", "y", "z"}).add(kSecond, {"x", "y"});
  CHECK(with_whole.fault().code == ErrorCode::mismatch);

  Files equal;
  equal.add(kFirst, {"x", "y"}).add(kSecond, {"x", "y"});
  CHECK(make_plan({}, equal.checkpoints).warnings.size() == 2);
  Files of_whole;
  of_whole.add(kFirst, {"x", "y"}).add("whole.safetensors", {"x", "y", "z"});
  CHECK(make_plan({}, of_whole.checkpoints).warnings.size() == 1);
  Files joined;
  joined.add(kFirst, {"x", "y"}).add("a-00002-of-00003.safetensors", {"z"});
  CHECK(joined.fault().code == ErrorCode::mismatch);
  CHECK(joined.fault({.extra = ExtraPolicy::add}).code == ErrorCode{});
}
