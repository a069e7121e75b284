// SPDX-License-Identifier: Apache-2.0
#include "core/names/near_name.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <random>
#include <vector>

using namespace ckmerge;

namespace {

// The whole table of distances, as textbooks have it.
size_t textbook_distance(const std::string& a, const std::string& b) {
  std::vector<std::vector<size_t>> d(a.size() + 1, std::vector<size_t>(b.size() + 1));
  for (size_t i = 0; i <= a.size(); ++i) d[i][0] = i;
  for (size_t j = 0; j <= b.size(); ++j) d[0][j] = j;
  for (size_t i = 1; i <= a.size(); ++i)
    for (size_t j = 1; j <= b.size(); ++j) {
      d[i][j] = std::min({d[i - 1][j] + 1, d[i][j - 1] + 1, d[i - 1][j - 1] + (a[i - 1] != b[j - 1])});
      if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
        d[i][j] = std::min(d[i][j], d[i - 2][j - 2] + 1);
    }
  return d[a.size()][b.size()];
}

std::string random_word(std::mt19937& random) {
  std::string word(random() % 9, 'a');
  for (char& c : word) c = static_cast<char>('a' + random() % 3);
  return word;
}

TensorTable table_of(const std::vector<std::string>& names) {
  TensorTable table;
  for (const std::string& name : names) table.add(name, Dtype::F32, {}, 0, 0, 4, 1);
  return table;
}

}  // namespace

TEST_CASE("edits are counted as the textbook counts them, up to the limit") {
  std::mt19937 random(1);
  for (int i = 0; i < 20'000; ++i) {
    const std::string a = random_word(random), b = random_word(random);
    const size_t limit = random() % (kMostEdits + 1);
    REQUIRE_MESSAGE(edit_distance(a, b, limit) == std::min(textbook_distance(a, b), limit + 1), a << " " << b);
  }
}

TEST_CASE("the nearest tensor name is found") {
  const TensorTable table =
      table_of({"model.diffusion_model.out.0.weight", "model.diffusion_model.out.0.bias",
                "model.diffusion_model.out.2.weight", "first_stage_model.decoder.conv_in.weight"});
  CHECK(nearest_name("model.diffusion_model.out.0.wieght", table) == "model.diffusion_model.out.0.weight");
  CHECK(nearest_name("model.difusion_model.out.2.weight", table) == "model.diffusion_model.out.2.weight");
  CHECK(nearest_name("model.diffusion_model.out.0.biass", table) == "model.diffusion_model.out.0.bias");
  CHECK(nearest_name("model.diffusion_model.out.1.weight", table) == "model.diffusion_model.out.0.weight");
  CHECK(nearest_name("model.diffusion_model.middle_block", table) == "");
  CHECK(nearest_name("", table) == "");
  CHECK(nearest_name("x", TensorTable()) == "");
}

TEST_CASE("a name that is there without the prefix that was typed is found") {
  const std::vector<std::string> names{"weight", "out.0.weight", "0.weight", "xout.0.weight"};
  CHECK(nearest_name("model.diffusion_model.out.0.weight", names) == "out.0.weight");
  CHECK(nearest_name("model.diffusion_modelout.0.weight", names) == "0.weight");
}

TEST_CASE("a front of names that ends in a point is compared with fronts") {
  const std::vector<std::string> names{"first_stage_model.decoder.conv_in.weight", "model.diffusion_model.out.0.weight",
                                       "model.ema"};
  CHECK(nearest_name("model.difusion_model.", names) == "model.diffusion_model.");
  CHECK(nearest_name("model.diffusion_model.uot.", names) == "model.diffusion_model.out.");
  CHECK(nearest_name("frist_stage_model.", names) == "first_stage_model.");
  CHECK(nearest_name("model.emma.", names) == "model.ema");
  CHECK(nearest_name("text_encoders.", names) == "");
  CHECK(nearest_name("...", names) == "");
}

TEST_CASE("a million names and names of a megabyte take no time to speak of") {
  // The bound is work, not time: what is looked at ends after a stated number of bytes.
  NearestName nearest("model.layers.123456.mlp.down_proj.wieght");
  for (int i = 999'999; i >= 0; --i) nearest.offer("model.layers." + std::to_string(i) + ".mlp.down_proj.weight");
  CHECK(nearest.found() == "model.layers.123456.mlp.down_proj.weight");

  const std::string typed(1 << 20, 'a');
  NearestName huge(typed);
  const std::string other = std::string(1 << 19, 'a') + "bcde" + std::string((1 << 19) - 4, 'a');
  for (int i = 0; i < 1000; ++i) huge.offer(other);
  CHECK(huge.found() == "");
  huge.offer(std::string((1 << 20) - 1, 'a'));
  CHECK(huge.found() == "");  // one edit away, but the search had ended
}
