// SPDX-License-Identifier: Apache-2.0
// The blueprints against the published totals of the models they stand for: a wrong shape or a missing tensor anywhere
// changes one of these numbers. Writes no data.
#include <cstdio>
#include <set>
#include <string_view>

#include "bench/blueprint.h"

namespace ckmerge::bench {
namespace {

struct Published {
  const char* architecture;
  const char* prefix;   ///< part of the checkpoint that is counted
  uint64_t tensors;     ///< as counted in the published file
  uint64_t parameters;  ///< as published, integers left out
};

constexpr Published kPublished[] = {
    {"sd15", "model.diffusion_model.", 686, 859'520'964},
    {"sd15", "first_stage_model.", 248, 83'653'863},
    {"sd15", "cond_stage_model.", 197, 123'060'480},
    {"sd15", "", 1145, 1'066'235'307 + 12'001},  // the three parts, twelve schedules of 1000, model_ema.decay
    {"sdxl", "model.diffusion_model.", 1680, 2'567'463'684},
    {"sdxl", "first_stage_model.", 248, 83'653'863},
    {"sdxl", "conditioner.embedders.0.", 197, 123'060'480},
    {"sdxl", "conditioner.embedders.1.", 390, 694'659'840 + 1},  // published without logit_scale
    {"sdxl", "", 2515, 3'468'837'868},
    {"flux", "", 780, 11'901'408'320},
    {"llama8b", "", 291, 8'030'261'248},
    {"llama70b", "", 723, 70'553'706'496},
};

int failures = 0;

void check(const char* what, const char* architecture, const char* prefix, uint64_t found, uint64_t expected) {
  if (found == expected) return;
  ++failures;
  std::printf("%s %s*: %llu %s, expected %llu\n", architecture, prefix, static_cast<unsigned long long>(found), what,
              static_cast<unsigned long long>(expected));
}

void check_published(const Published& row) {
  const Blueprint blueprint = find_architecture(row.architecture)->make({});
  uint64_t tensors = 0, parameters = 0;
  for (const TensorBlueprint& tensor : blueprint.tensors()) {
    if (!tensor.name.starts_with(row.prefix)) continue;
    ++tensors;
    if (is_real(tensor.dtype.value_or(Dtype::F32))) parameters += tensor.count();
  }
  check("tensors", row.architecture, row.prefix, tensors, row.tensors);
  check("parameters", row.architecture, row.prefix, parameters, row.parameters);
}

void check_names_are_unique(const Architecture& architecture) {
  const Blueprint blueprint = architecture.make({.count = 1000});
  std::set<std::string_view> names;
  for (const TensorBlueprint& tensor : blueprint.tensors()) names.insert(tensor.name);
  check("distinct names", architecture.name, "", names.size(), blueprint.tensors().size());
}

void check_size_is_met(uint64_t bytes, Dtype dtype) {
  const uint64_t short_of_it = bytes - blocks({.bytes = bytes, .dtype = dtype}).bytes(dtype);
  check("blocks within a row of the size", "blocks", "", short_of_it < 2 * 4096 * element_size(dtype), true);
  check("bytes", "one", "", one({.bytes = bytes, .dtype = dtype}).bytes(dtype), bytes);
}

}  // namespace
}  // namespace ckmerge::bench

int main() {
  using namespace ckmerge;
  using namespace ckmerge::bench;
  for (const Published& row : kPublished) check_published(row);
  for (const Architecture& architecture : architectures()) check_names_are_unique(architecture);
  for (Dtype dtype : {Dtype::F32, Dtype::BF16, Dtype::F8_E4M3})
    for (uint64_t bytes : {64ull << 20, 256ull << 20, 3ull << 30}) check_size_is_met(bytes, dtype);
  const Blueprint tiny = many({.count = 100, .name_size = 20});
  for (const TensorBlueprint& tensor : tiny.tensors()) check("bytes of a name", "many", "", tensor.name.size(), 20);
  return failures ? 1 : 0;
}
