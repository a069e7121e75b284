// SPDX-License-Identifier: Apache-2.0
#include "core/adapters/making/weight_places.h"

#include <algorithm>
#include <array>
#include <map>
#include <set>

#include "core/adapters/names/conv1d.h"
#include "core/inputs/component_places.h"
#include "core/inputs/input_names.h"
#include "core/names/architecture.h"
#include "io/text/error.h"
#include "io/text/sentence.h"

namespace ckmerge {
namespace {

constexpr std::string_view kWeight = ".weight";

constexpr std::array<std::string_view, 9> kTables{"token_embedding.weight",
                                                  "position_embedding.weight",
                                                  "embed_tokens.weight",
                                                  "shared.weight",
                                                  "wte.weight",
                                                  "wpe.weight",
                                                  "relative_attention_bias.weight",
                                                  "tok_embeddings.weight",
                                                  "embed_in.weight"};

bool denoises(ComponentRole role) { return role == ComponentRole::unet || role == ComponentRole::transformer; }

// SD 1 and SD 2, whatever their widths: a U-Net of Stable Diffusion that is told no size of pictures.
bool is_first_or_second(const Checkpoint& base, std::string_view architecture) {
  if (architecture.starts_with("sd1") || architecture.starts_with("sd2")) return true;
  if (architecture.starts_with("sdxl")) return false;
  const auto is_told_sizes = [](std::string_view name) {
    return name.ends_with("label_emb.0.0.weight") || name.ends_with("add_embedding.linear_1.weight");
  };
  for (size_t row = 0; row < base.tensors.size(); ++row)
    if (is_told_sizes(base.tensors.name(row))) return false;
  return std::ranges::any_of(told_components(base.tensors), [](const ToldComponent& component) {
    return std::string_view(component.family->name) == "sd-unet";
  });
}

// Two files in one naming; a layout of "" leaves the base's.
NamedPair named_pair(const Checkpoint& tuned, const Checkpoint& base, const char* layout) {
  std::vector<Checkpoint> both{base, tuned};
  Recipe recipe;
  recipe.layout = layout;
  name_inputs(recipe, both);
  return {.tuned = std::move(both[1]), .base = std::move(both[0])};
}

// A component and the naming in which its modules are called.
struct Wanted {
  PipelineMember member = {};
  std::string prefix = {};  // in the base
  const char* layout = "";
  std::string front = {};  // of modules' names
  bool underscores = false;
};

std::string kohya_front(PipelineMember member, bool sole_encoder) {
  if (denoises(member.role)) return "lora_unet_";
  return sole_encoder ? "lora_te_" : sentence("lora_te", member.number + 1, "_");
}

// What of the base modules are made for, but for VAEs and their kin.
std::vector<Wanted> wanted_components(const Checkpoint& base, AdapterSpelling spelling,
                                      const std::string& architecture) {
  std::vector<Wanted> wanted;
  const bool first_or_second = is_first_or_second(base, architecture);
  for (const PlacedComponent& placed : placed_components(base).components) {
    const PipelineMember member = placed.member;
    if (!denoises(member.role) && member.role != ComponentRole::text_encoder) continue;
    Wanted one{.member = member, .prefix = placed.prefix};
    if (spelling == AdapterSpelling::kohya) {
      const bool in_diffusers = !denoises(member.role) || first_or_second;
      one.layout = placed.told ? (in_diffusers ? "diffusers" : "original") : "";
      one.front = kohya_front(member, first_or_second);
      one.underscores = true;
    } else {
      one.layout = placed.told ? "diffusers" : "";
      one.front = folder_of(member) + ".";
    }
    wanted.push_back(std::move(one));
  }
  return wanted;
}

// Convolutions of one point are matrices.
bool is_convolution(Shape shape) {
  return std::any_of(shape.begin() + std::min<ptrdiff_t>(2, std::ssize(shape)), shape.end(),
                     [](uint64_t extent) { return extent > 1; });
}

bool is_transposed(const TensorTable& tensors, const Tensor& tensor) {
  return tensor.shape.size() == 2 && is_conv1d(tensor.name, [&](std::string_view name) {
           const size_t row = tensors.find(name);
           return row == TensorTable::npos ? Shape() : tensors[row].shape;
         });
}

bool can_have_module(const Tensor& tensor) {
  return tensor.shape.size() >= 2 && tensor.shape.size() <= 5 && tensor.count > 0 && is_real(tensor.dtype) &&
         tensor.name.ends_with(kWeight) && !is_embedding_table(tensor.name);
}

std::string module_name(std::string_view name, const Wanted& wanted, const std::string& prefix) {
  std::string inner(name.substr(prefix.size(), name.size() - prefix.size() - kWeight.size()));
  if (wanted.underscores) std::ranges::replace(inner, '.', '_');
  return wanted.front + inner;
}

// Whether a module can be made of the difference of both.
bool are_alike(const Tensor& tuned, const Tensor& base) {
  return std::ranges::equal(tuned.shape, base.shape) && is_real(tuned.dtype);
}

// Of the pair number `pair`, the tensors behind `prefix`.
void add_places(WeightPlaces& out, uint32_t pair, const Wanted& wanted, const std::string& prefix) {
  const NamedPair& both = out.pairs[pair];
  for (size_t row = 0; row < both.base.tensors.size(); ++row) {
    const Tensor tensor = both.base.tensors[row];
    if (!tensor.name.starts_with(prefix) || !can_have_module(tensor)) continue;
    const size_t other = both.tuned.tensors.find(tensor.name);
    if (other == TensorTable::npos || !are_alike(both.tuned.tensors[other], tensor)) continue;
    out.places.push_back({.pair = pair,
                          .tuned = static_cast<uint32_t>(other),
                          .base = static_cast<uint32_t>(row),
                          .module = module_name(tensor.name, wanted, prefix),
                          .is_convolution = is_convolution(tensor.shape),
                          .is_transposed = is_transposed(both.base.tensors, tensor)});
  }
}

void add_component(WeightPlaces& out, uint32_t pair, const Wanted& wanted) {
  const Checkpoint& base = out.pairs[pair].base;
  for (const PlacedComponent& placed : placed_components(base).components)
    if (placed.member == wanted.member) add_places(out, pair, wanted, placed.prefix);
}

// Whether the spelling has modules for what stands behind this name's prefix.
bool is_of_component(std::string_view name, const std::vector<std::string>& prefixes) {
  return std::ranges::any_of(prefixes, [&](const std::string& prefix) { return name.starts_with(prefix); });
}

const char* why_unplaced(const Tensor& tuned, const Tensor& base, const std::vector<std::string>& prefixes) {
  if (!std::ranges::equal(tuned.shape, base.shape)) return "another shape than in the base";
  if (!is_of_component(base.name, prefixes)) return "of a part that adapters of this spelling have no modules for";
  if (!can_have_module(base)) return "no weight of a module";
  return is_real(tuned.dtype) ? nullptr : "holds codes";
}

// `prefixes` are those of the components that modules are made for, as pairs[0] has them.
void find_others(WeightPlaces& out, const std::vector<std::string>& prefixes) {
  const TensorTable &base = out.pairs[0].base.tensors, &tuned = out.pairs[0].tuned.tensors;
  for (size_t row = 0; row < base.size(); ++row) {
    const size_t found = tuned.find(base.name(row));
    const bool is_there = found != TensorTable::npos;
    const char* const why = is_there ? why_unplaced(tuned[found], base[row], prefixes) : "the tuned model lacks it";
    if (why)
      out.others.push_back({.tuned = is_there ? static_cast<uint32_t>(found) : Unplaced::kNone,
                            .base = static_cast<uint32_t>(row),
                            .why = why});
  }
  for (size_t row = 0; row < tuned.size(); ++row)
    if (base.find(tuned.name(row)) == TensorTable::npos)
      out.others.push_back({.tuned = static_cast<uint32_t>(row), .why = "the base lacks it"});
}

[[noreturn]] void refuse(const std::string& path, const std::string& what) {
  throw Error(ErrorCode::mismatch, path, sentence(path, ": ", what));
}

// A text encoder alone may be compared with a whole checkpoint, of which it is a part.
bool is_denoiser(const ArchitectureGuess& guess) {
  return guess.kind == "checkpoint" || guess.kind == "diffusion model";
}

// As the families tell it, of tiny and pruned models too; empty: they do not.
std::string told_network(const Checkpoint& checkpoint, std::string_view architecture) {
  for (const ToldComponent& component : told_components(checkpoint.tensors)) {
    std::string family = component.family->name;
    if (!denoises(component.family->role)) continue;
    if (family != "sd-unet") return family;
    return is_first_or_second(checkpoint, architecture) ? "sd1 or sd2" : "sdxl";
  }
  return "";
}

void expect_one_family(const Checkpoint& tuned, std::string_view of_tuned, const Checkpoint& base,
                       std::string_view of_base) {
  const std::string a = told_network(tuned, of_tuned), b = told_network(base, of_base);
  if (a.empty() || b.empty() || a == b) return;
  refuse(tuned.path, sentence("is of ", a, ", and ", base.path, " of ", b, "; take the base that it was trained from"));
}

void expect_one_network(const Checkpoint& tuned, const Checkpoint& base) {
  const ArchitectureGuess a = guess_architecture(tuned.tensors, tuned.metadata, tuned.judgement),
                          b = guess_architecture(base.tensors, base.metadata, base.judgement);
  if (a.architecture.empty() || b.architecture.empty())
    return expect_one_family(tuned, a.architecture, base, b.architecture);
  if (network_of(a.architecture) == network_of(b.architecture)) return;
  if (a.kind == b.kind || (is_denoiser(a) && is_denoiser(b)))
    refuse(tuned.path, sentence("is of ", a.architecture, ", and ", base.path, " of ", b.architecture,
                                "; take the base that it was trained from"));
}

// Their prefixes in pairs[0].
std::vector<std::string> add_components(WeightPlaces& out, const Checkpoint& tuned, const Checkpoint& base,
                                        AdapterSpelling spelling) {
  const std::vector<Wanted> wanted = wanted_components(base, spelling, out.architecture);
  if (wanted.empty())
    refuse(base.path,
           sentence("nothing tells what it is a model of, and ", kAdapterSpellings[static_cast<int>(spelling)],
                    " names modules by it; of a language model take --spelling peft and a folder as OUT"));
  std::map<std::string, uint32_t> pair_of_layout{{"", 0}};
  std::vector<std::string> prefixes;
  for (const Wanted& one : wanted) {
    prefixes.push_back(one.prefix);
    const auto [found, is_new] = pair_of_layout.try_emplace(one.layout, static_cast<uint32_t>(out.pairs.size()));
    if (is_new) out.pairs.push_back(named_pair(tuned, base, one.layout));
    add_component(out, found->second, one);
  }
  return prefixes;
}

}  // namespace

bool is_embedding_table(std::string_view name) {
  return std::ranges::any_of(kTables, [&](std::string_view table) {
    return name.ends_with(table) && (name.size() == table.size() || name[name.size() - table.size() - 1] == '.');
  });
}

WeightPlaces weight_places(const Checkpoint& tuned, const Checkpoint& base, AdapterSpelling spelling) {
  expect_one_network(tuned, base);
  WeightPlaces out;
  out.architecture = guess_architecture(base.tensors, base.metadata, base.judgement).architecture;
  out.pairs.push_back(named_pair(tuned, base, ""));
  std::vector<std::string> prefixes{""};
  if (spelling == AdapterSpelling::peft)
    add_places(out, 0, {.member = {}, .front = "base_model.model."}, "");
  else
    prefixes = add_components(out, tuned, base, spelling);
  if (out.places.empty())
    refuse(tuned.path, sentence("has no weights in common with ", base.path, ", so that nothing can be extracted"));
  std::ranges::sort(out.places, {}, &WeightPlace::module);
  find_others(out, prefixes);
  return out;
}

}  // namespace ckmerge
