// SPDX-License-Identifier: Apache-2.0
#include "core/adapters/plain_product.h"

#include <algorithm>
#include <string_view>

#include "core/adapters/adapter_kind.h"
#include "core/adapters/factors.h"
#include "core/layouts/reshaping.h"
#include "io/text/sentence.h"

namespace ckmerge {
namespace {

using std::string;
using std::string_view;

constexpr string_view kInner = ".base_layer";

Shape shape_of(const Adapter& adapter, const AdapterModule& module, string_view name) {
  return factor_tensor(adapter, factor(module, name)).shape;
}

// Of another kind, or with more than a product.
string why_another(const AdapterModule& module) {
  if (module.kind->name != "LoRA") return sentence("is ", module.kind->name);
  for (const Factor& factor : module.factors)
    if (factor.name != "lora_A" && factor.name != "lora_B" && factor.name != "lora_mid" && factor.name != "alpha")
      return sentence("has ", factor.name);
  if (!find_factor(module, "lora_A") || !find_factor(module, "lora_B")) return "has no lora_A or lora_B";
  // PEFT adds the product twice, and would add a sum or a smaller one twice again.
  if (module.name.ends_with(".base_layer.out_proj"))
    return "is the output of torch's MultiheadAttention, which PEFT reads in a way of its own";
  return {};
}

// A block of rows for each expert, whose products are not that of all of them together. Under `experts` there is no
// other weight.
bool is_of_experts(const Adapter& adapter, const AdapterModule& module) {
  const string_view name = module.name;
  const string_view plain = name.ends_with(kInner) ? name.substr(0, name.size() - kInner.size()) : name;
  if (plain.ends_with("experts")) return true;
  const auto rank = module.numbers.find("r");
  const Shape down = shape_of(adapter, module, "lora_A");
  return rank != module.numbers.end() && !down.empty() && static_cast<double>(down[0]) > rank->second;
}

bool are_ones(Shape extents) {
  return std::ranges::all_of(extents, [](uint64_t extent) { return extent == 1; });
}

bool has_elements(Shape shape) { return shape.size() >= 2 && std::ranges::find(shape, uint64_t{0}) == shape.end(); }

bool has_product(Shape up, Shape down) {
  return has_elements(up) && has_elements(down) && up[1] == down[0] && are_ones(up.subspan(2));
}

bool lies_between(Shape mid, Shape down) {
  return has_elements(mid) && mid.size() > 2 && mid[0] == down[0] && mid[1] == down[0] && are_ones(down.subspan(2));
}

// With blocks on a diagonal as the whole matrix that they are.
std::vector<uint64_t> whole_shape(const Adapter& adapter, const AdapterModule& module, string_view name) {
  const Shape shape = shape_of(adapter, module, name);
  std::vector<uint64_t> whole(shape.begin(), shape.end());
  if (whole.size() == 2) whole[1] *= diagonal_blocks(adapter, module, name);
  return whole;
}

string misfit_of(const Adapter& adapter, const AdapterModule& module) {
  if (string unfit = unfit_factor(adapter, module); !unfit.empty()) return unfit;
  const std::vector<uint64_t> up = whole_shape(adapter, module, "lora_B"),
                              down = whole_shape(adapter, module, "lora_A");
  const bool has_mid = find_factor(module, "lora_mid") != nullptr;
  const Shape mid = has_mid ? shape_of(adapter, module, "lora_mid") : Shape();
  for (const string_view name : {"lora_A", "lora_B"})
    if (const uint64_t blocks = diagonal_blocks(adapter, module, name);
        rows_of(shape_of(adapter, module, name)) % blocks)
      return sentence(name, " is ", shape_text(shape_of(adapter, module, name)), ", of ", blocks, " blocks");
  if (has_product(up, down) && (!has_mid || lies_between(mid, down))) return {};
  return sentence("lora_B is ", shape_text(up), ", lora_A ", shape_text(down),
                  has_mid ? sentence(", lora_mid ", shape_text(mid)) : "");
}

}  // namespace

string why_no_product(const Adapter& adapter, const AdapterModule& module) {
  if (const string other = why_another(module); !other.empty())
    return sentence(other,
                    ", and adapters are merged and resized where each module is a LoRA, a product of two factors; bake "
                    "the adapters into the model, and extract a LoRA of the result");
  if (const string misfit = misfit_of(adapter, module); !misfit.empty())
    return sentence("is of factors that have no product: ", misfit);
  if (is_of_experts(adapter, module) && experts_of(adapter, module) == 0)
    return "holds a product for each of several experts, and nothing tells of how many; bake the adapters into the "
           "model";
  return {};
}

// The rank that the config has is that of one.
uint64_t experts_of(const Adapter& adapter, const AdapterModule& module) {
  if (!is_of_experts(adapter, module)) return 1;
  const auto rank = module.numbers.find("r");
  const Shape down = shape_of(adapter, module, "lora_A"), up = shape_of(adapter, module, "lora_B");
  if (rank == module.numbers.end() || module.parameter.empty() || down.size() != 2 || up.size() != 2) return 0;
  const auto of_one = static_cast<uint64_t>(rank->second);
  return of_one > 0 && down[0] % of_one == 0 ? down[0] / of_one : 0;
}

// The config names the modules whose lora_A is blocks; where lora_B is, it has fewer columns than lora_A rows.
uint64_t diagonal_blocks(const Adapter& adapter, const AdapterModule& module, string_view factor) {
  const auto found = module.numbers.find("nblocks");
  if (found == module.numbers.end() || found->second <= 1) return 1;
  const auto blocks = static_cast<uint64_t>(found->second);
  const Shape down = shape_of(adapter, module, "lora_A"), up = shape_of(adapter, module, "lora_B");
  if (down.size() != 2 || up.size() != 2) return 1;
  const bool is_of_down = module.numbers.contains("has blocks of lora_A");
  const bool is_of_up = !is_of_down && up[1] * blocks == down[0];
  return (factor == "lora_A" ? is_of_down : is_of_up) ? blocks : 1;
}

std::vector<uint64_t> up_shape(const Adapter& adapter, const AdapterModule& module) {
  return whole_shape(adapter, module, "lora_B");
}

std::vector<uint64_t> down_shape(const Adapter& adapter, const AdapterModule& module) {
  std::vector<uint64_t> down = whole_shape(adapter, module, "lora_A");
  if (!find_factor(module, "lora_mid")) return down;
  const Shape mid = shape_of(adapter, module, "lora_mid");
  std::vector<uint64_t> shape{down[0], down[1]};
  shape.insert(shape.end(), mid.begin() + 2, mid.end());
  return shape;
}

}  // namespace ckmerge
