// SPDX-License-Identifier: Apache-2.0
// Shapes decide where they can: which way GPT-2's Conv1D and gpt-oss's experts lie is seen at what is no square.
#include "core/adapters/module_weight.h"

#include <algorithm>
#include <array>
#include <optional>
#include <utility>

#include "core/adapters/factors.h"
#include "core/adapters/names/conv1d.h"
#include "core/layouts/reshaping.h"
#include "io/text/sentence.h"

namespace ckmerge {
namespace {

using std::string;
using std::string_view;

Shape shape_of(const Adapter& adapter, const Factor& factor) { return factor_tensor(adapter, factor).shape; }

string_view last_component(string_view name) { return name.substr(name.rfind('.') + 1); }
string_view before_last(string_view name) {
  const size_t dot = name.rfind('.');
  return name.substr(0, dot == string_view::npos ? 0 : dot);
}

bool is_embedding(const AdapterModule& module, string_view name) {
  constexpr auto kEmbeddings = std::to_array<string_view>({"embed_tokens", "wte", "wpe", "word_embeddings",
                                                           "token_embedding", "position_embedding", "shared",
                                                           "embed_in", "tok_embeddings", "relative_attention_bias"});
  constexpr auto kFactors = std::to_array<string_view>({"lora_embedding_A", "oft_embedding_R", "hira_embedding_A"});
  return std::ranges::any_of(kFactors, [&](string_view factor) { return find_factor(module, factor) != nullptr; }) ||
         std::ranges::find(kEmbeddings, last_component(name)) != kEmbeddings.end();
}

bool is_conv1d(const TargetIndex& index, TargetEntry entry) {
  return ckmerge::is_conv1d(index.tensor(entry).name, [&](string_view name) {
    const TargetEntry beside = index.beside(entry, name);
    return beside.row == TargetIndex::npos ? Shape() : index.tensor(beside).shape;
  });
}

enum class Lie : uint8_t { none, plain, turned };

// How (experts, a, b) has to lie for factors of (experts * r, in) and (out, experts * r).
Lie lie_by_factors(Shape stacked, Shape down, Shape up) {
  if (down.size() != 2 || up.size() != 2 || stacked[0] == 0 || down[0] % stacked[0] != 0) return Lie::none;
  if (down[1] == stacked[2] && up[0] == stacked[1]) return Lie::plain;
  return down[1] == stacked[1] && up[0] == stacked[2] ? Lie::turned : Lie::none;
}

// Of square ones the other tensor of the layer tells: what goes into an expert with a gate is twice as wide as what
// comes out of it, so that one of the two is longer than wide, or wider where both are turned.
Lie lie_beside(const TargetIndex& index, TargetEntry entry) {
  if (!index.table(entry).is_own) return Lie::plain;  // put together from experts that are no stack
  const string module(before_last(index.tensor(entry).name));
  for (const char* const name : {".gate_up_proj", ".down_proj"}) {
    const TargetEntry beside = index.beside(entry, module + name);
    if (beside.row == TargetIndex::npos) continue;
    const Shape shape = index.tensor(beside).shape;
    if (shape.size() == 3 && shape[1] != shape[2]) return shape[2] > shape[1] ? Lie::turned : Lie::plain;
  }
  return Lie::none;
}

bool are_stacked_experts(const AdapterModule& module, const Adapter& adapter, Shape shape) {
  if (shape.size() != 3) return false;
  const Factor* const down = find_factor(module, "lora_A");
  return down && shape_of(adapter, *down).size() == 2;
}

string set_experts(const Adapter& adapter, const AdapterModule& module, const TargetIndex& index, TargetEntry entry,
                   ModuleWeight& weight) {
  const std::vector<uint64_t> stacked = weight.shape;
  const Factor *const down = find_factor(module, "lora_A"), *const up = find_factor(module, "lora_B");
  Lie lie = up ? lie_by_factors(stacked, shape_of(adapter, *down), shape_of(adapter, *up)) : Lie::none;
  if (lie == Lie::none)
    return sentence("its factors do not fit the experts of ", index.tensor(entry).name, ", ", shape_text(stacked));
  if (stacked[1] == stacked[2]) lie = lie_beside(index, entry);
  if (lie == Lie::none)
    return sentence("the experts of ", index.tensor(entry).name, " are square, ", shape_text(stacked),
                    ", and nothing beside them tells whether rows or columns are their outputs");
  weight.experts = stacked[0];
  weight.transposed = lie == Lie::turned;
  weight.shape = {stacked[0] * stacked[1], stacked[2]};
  return "";
}

uint64_t elements_of(Shape shape) {
  uint64_t count = 1;
  for (const uint64_t extent : shape) count *= extent;
  return count;
}

// Inputs of a convolution that a factor is for; 0: it does not tell, or has another kernel.
uint64_t channels_of(const Adapter& adapter, const AdapterModule& module, const Factor& factor, Shape weight) {
  const Shape shape = shape_of(adapter, factor), kernel = weight.subspan(2);
  const bool is_small = find_factor(module, "lora_mid") || find_factor(module, "hada_t1");  // the core has the kernel
  if (shape.size() == weight.size() && (is_small || std::ranges::equal(shape.subspan(2), kernel))) return shape[1];
  const uint64_t points = is_small ? 1 : elements_of(kernel);
  return shape.size() == 2 && points > 0 && shape[1] % points == 0 ? shape[1] / points : 0;
}

// Inpainting's and other extra channels: the module saw fewer. Of a Linear, what a transformer of images takes in.
void take_off_channels(const Adapter& adapter, const AdapterModule& module, string_view name, ModuleWeight& weight) {
  constexpr auto kInputs = std::to_array<string_view>({"img_in", "x_embedder"});
  const bool is_input = std::ranges::find(kInputs, last_component(name)) != kInputs.end();
  if (weight.shape.size() < (is_input ? 2 : 3)) return;
  for (const char* const factor_name : {"lora_A", "diff", "hada_w1_b"}) {
    const Factor* const factor = find_factor(module, factor_name);
    if (!factor) continue;
    const uint64_t channels = channels_of(adapter, module, *factor, weight.shape);
    if (channels > 0 && channels < weight.shape[1]) weight.shape[1] = channels;
  }
}

// Which tensors its rows are; false: they are no whole rows of them.
bool add_rows(uint32_t module, const TargetTable& table, uint32_t row, PlacedWeight& placed) {
  const Tensor tensor = table.tensors[row];
  const uint64_t rows = placed.weight.rows();
  if (rows == 0 || tensor.count % rows != 0 || info(tensor.dtype).bits < 8) return false;
  const uint64_t columns = tensor.count / rows, row_size = columns * element_size(tensor.dtype);
  uint64_t module_row = 0;
  for (const Piece& piece : table.tensors.pieces(row)) {
    if (columns == 0 || !piece.strides.empty() || piece.offset % row_size != 0 || piece.count % columns != 0)
      return false;
    const uint64_t count = piece.count / columns;
    placed.rows.push_back(
        {.tensor = piece.shard,
         .place = {
             .module = module, .first_row = piece.offset / row_size, .module_row = module_row, .row_count = count}});
    module_row += count;
  }
  return module_row == rows;
}

// A matrix that another naming has turned: of the checkpoint it is all of one tensor.
bool add_turned(uint32_t module, const TargetTable& table, uint32_t row, PlacedWeight& placed) {
  const std::vector<Piece> pieces = table.tensors.pieces(row);
  if (pieces.size() != 1 || pieces[0].strides.size() != 2 || pieces[0].offset != 0) return false;
  const Shape shape = pieces[0].shape, strides = pieces[0].strides;
  if (strides[0] != 1 || strides[1] != shape[0] || placed.weight.shape.size() != 2) return false;
  std::swap(placed.weight.shape[0], placed.weight.shape[1]);
  placed.weight.transposed = !placed.weight.transposed;
  placed.rows = {{.tensor = pieces[0].shard,
                  .place = {.module = module, .first_row = 0, .module_row = 0, .row_count = placed.weight.rows()}}};
  return true;
}

}  // namespace

PlacedWeight placed_weight(const Adapter& adapter, uint32_t number, const TargetIndex& index, TargetEntry entry,
                           bool is_bias, uint64_t grown) {
  const AdapterModule& module = adapter.modules[number];
  const TargetTable& table = index.table(entry);
  const Tensor tensor = index.tensor(entry);
  PlacedWeight placed{.weight = {.shape = {tensor.shape.begin(), tensor.shape.end()}}, .rows = {}};
  ModuleWeight& weight = placed.weight;
  if (weight.shape.empty() || elements_of(weight.shape) == 0) {
    placed.fault = sentence(tensor.name, " has no elements");
    return placed;
  }
  if (!is_real(tensor.dtype)) {
    placed.fault = sentence(tensor.name, " is ", info(tensor.dtype).name, ", and nothing is added to such numbers");
    return placed;
  }
  weight.is_bias = is_bias;
  if (grown > 0) weight.shape[0] = grown;
  if (is_bias)
    weight.shape = {tensor.count};
  else if (are_stacked_experts(module, adapter, tensor.shape))
    placed.fault = set_experts(adapter, module, index, entry, weight);
  else {
    weight.is_embedding = is_embedding(module, module_of_tensor(tensor.name));
    weight.transposed = weight.shape.size() == 2 && table.is_own && is_conv1d(index, entry);
    take_off_channels(adapter, module, module_of_tensor(tensor.name), weight);
  }
  if (placed.fault.empty() && grown > 0) {
    const uint32_t whole = table.tensors.pieces(entry.row)[0].shard;
    placed.rows = {{.tensor = whole, .place = {.module = number, .first_row = 0, .module_row = 0, .row_count = grown}}};
  } else if (placed.fault.empty() && !add_rows(number, table, entry.row, placed)) {
    placed.rows.clear();
    if (!add_turned(number, table, entry.row, placed))
      placed.fault = sentence("is no whole rows of what the checkpoint has in place of ", tensor.name);
  }
  return placed;
}

}  // namespace ckmerge
