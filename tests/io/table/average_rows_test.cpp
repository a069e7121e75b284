// SPDX-License-Identifier: Apache-2.0
#include "io/table/average_rows.h"

#include <doctest/doctest.h>

using namespace ckmerge;

TEST_CASE("a key says average by one of its words, not by part of one") {
  for (const char* key :
       {"model_ema", "EMA", "params_ema", "state_dict_ema", "ema.shadow_params", "model_avg", "swa_model"})
    CHECK_MESSAGE(says_average(key), key);
  for (const char* key : {"schema", "cinema", "state_dict", "", "_", "swatch", "averageness"})
    CHECK_MESSAGE(!says_average(key), key);
}

TEST_CASE("buffers are running statistics and integers") {
  CHECK(is_buffer("bn.running_mean", Dtype::F32));
  CHECK(is_buffer("running_var", std::nullopt));
  CHECK(is_buffer("position_ids", Dtype::I64));
  CHECK(is_buffer("mask", Dtype::BOOL));
  CHECK(!is_buffer("bn.weight", Dtype::F32));
  CHECK(!is_buffer("running_mean.weight", std::nullopt));
}
