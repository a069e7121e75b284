// SPDX-License-Identifier: Apache-2.0
#include "core/blocks/block_map.h"

#include <algorithm>
#include <optional>

#include "core/names/part.h"
#include "io/table/average_rows.h"
#include "io/text/sentence.h"

namespace ckmerge {
namespace {

constexpr std::string_view kNetworkPrefixes[] = {
    "model.diffusion_model.", "diffusion_model.", "model.model.", "net.", "unet.", "transformer_2."};

// The same of a folder, and of models of language, whose blocks have it in their names.
constexpr std::string_view kTransformer = "transformer.";

// Of a block's number; longer ones are of no layer.
constexpr size_t kMostDigits = 4;

struct PathNumbers {
  int values[2] = {0, 0};
};

bool is_digit(char c) { return c >= '0' && c <= '9'; }

std::optional<PathNumbers> begins_with(std::string_view name, std::string_view path) {
  PathNumbers numbers;
  size_t taken = 0, i = 0;
  for (const char c : path) {
    if (c != '#') {
      if (i == name.size() || name[i++] != c) return std::nullopt;
      continue;
    }
    const size_t begin = i;
    int number = 0;
    while (i < name.size() && is_digit(name[i]) && i - begin < kMostDigits) number = 10 * number + (name[i++] - '0');
    if (i == begin) return std::nullopt;
    if (taken < std::size(numbers.values)) numbers.values[taken++] = number;
  }
  return numbers;
}

// A name and where its components begin, which are looked for once for all rows of a table.
class Components {
 public:
  explicit Components(std::string_view name) : name_(name) {}

  std::optional<PathNumbers> fits(const BlockRow& row) {
    if (row.path[0] != '*') return begins_with(name_, row.path);
    if (begins_.empty()) find_begins();
    const std::string_view path = row.path.substr(1);
    for (const size_t begin : begins_) {
      if (begin + path.size() > name_.size()) break;
      if (name_[begin] != path[0]) continue;
      if (const auto numbers = begins_with(name_.substr(begin), path)) return numbers;
    }
    return std::nullopt;
  }

 private:
  void find_begins() {
    begins_.reserve(8);
    begins_.push_back(0);
    for (size_t i = 0; i < name_.size(); ++i)
      if (name_[i] == '.') begins_.push_back(i + 1);
  }

  const std::string_view name_;
  std::vector<size_t> begins_;
};

std::string_view without_network_prefix(std::string_view name) {
  for (const std::string_view prefix : kNetworkPrefixes)
    if (name.starts_with(prefix)) return name.substr(prefix.size());
  if (name.starts_with(kTransformer) && part_of(name) == Part::unet) return name.substr(kTransformer.size());
  return name;
}

// By the names of its blocks; that of SDXL has labels, and no tenth block.
const BlockTable* unet_table(const TensorTable& tensors) {
  bool is_unet = false, has_labels = false, is_long = false;
  for (size_t i = 0; i < tensors.size(); ++i) {
    const std::string_view name = without_network_prefix(tensors.name(i));
    is_unet = is_unet || name.starts_with("input_blocks.") || name.starts_with("down_blocks.");
    has_labels = has_labels || name.starts_with("label_emb.") || name.starts_with("add_embedding.");
    is_long = is_long || name.starts_with("input_blocks.9.") || name.starts_with("down_blocks.3.");
  }
  if (!is_unet) return nullptr;
  return &block_table(has_labels && !is_long ? "sdxl" : "sd1");
}

std::string block_name(std::string_view group, int number) {
  if (number < 0) return std::string(group);
  return sentence(group, number < 10 ? "0" : "", number);
}

}  // namespace

std::span<const std::string_view> network_prefixes() { return kNetworkPrefixes; }

BlockMap::BlockMap(const TensorTable& tensors, std::string architecture) : architecture_(std::move(architecture)) {
  find_averages(tensors);
  const auto take = [&](const BlockTable& table) {
    take_table(table);
    count(tensors);
    return std::ranges::any_of(blocks_, &Block::is_layer);
  };
  if (take(block_table(architecture_)) && table_ != &generic_block_table()) return;
  // A guess may be made by metadata alone, and none of a U-Net where what tells its kind is not in the file.
  if (const BlockTable* const unet = unet_table(tensors))
    take(*unet);
  else if (table_ != &generic_block_table())
    take(generic_block_table());
}

void BlockMap::take_table(const BlockTable& table) {
  table_ = &table;
  groups_ = {kBaseGroup};
  group_of_row_.clear();
  for (const BlockRow& row : table.rows) {
    const auto known = std::ranges::find(groups_, row.group);
    group_of_row_.push_back(static_cast<uint32_t>(known - groups_.begin()));
    if (known == groups_.end()) groups_.push_back(row.group);
  }
  ids_.assign(groups_.size(), {});
  blocks_.clear();
}

BlockMap::Place BlockMap::place_of(std::string_view name) const {
  Components components(without_network_prefix(name));
  for (size_t r = 0; r < table_->rows.size(); ++r) {
    const BlockRow& row = table_->rows[r];
    const auto numbers = components.fits(row);
    if (!numbers) continue;
    switch (row.number) {
      case BlockRow::kNone: return {group_of_row_[r], -1};
      case BlockRow::kLastOut: return {group_of_row_[r], table_->last_out};
      case BlockRow::kOfPath:
        return {group_of_row_[r], row.first * numbers->values[0] + row.second * numbers->values[1] + row.offset};
      default: return {group_of_row_[r], row.number};
    }
  }
  return {0, -1};
}

void BlockMap::count(const TensorTable& tensors) {
  struct Total {
    uint64_t tensors = 0, size = 0;
  };
  std::vector<std::vector<Total>> totals(groups_.size());
  for (size_t i = 0; i < tensors.size(); ++i) {
    const Tensor tensor = tensors[i];
    const auto [group, number] = place_of(weight_name(tensor.name));
    const auto index = static_cast<size_t>(int64_t{number} + 1);
    if (totals[group].size() <= index) totals[group].resize(index + 1);
    ++totals[group][index].tensors;
    totals[group][index].size += tensor.size;
  }
  for (size_t group = 0; group < groups_.size(); ++group) {
    ids_[group].assign(totals[group].size(), kNoBlock);
    for (size_t index = 0; index < totals[group].size(); ++index) {
      const Total& total = totals[group][index];
      if (total.tensors == 0) continue;
      ids_[group][index] = static_cast<BlockId>(blocks_.size());
      const int number = static_cast<int>(index) - 1;
      blocks_.push_back({block_name(groups_[group], number), groups_[group], number, total.tensors, total.size});
    }
  }
}

// `model.diffusion_model.out.2.bias` is averaged as `model_ema.diffusion_modelout2bias`, which tells of no block.
void BlockMap::find_averages(const TensorTable& tensors) {
  const auto begins = [&](size_t i) { return tensors.name(i).starts_with(kLitEma.average); };
  bool any = false;
  for (size_t i = 0; i < tensors.size() && !any; ++i) any = begins(i);
  if (!any) return;
  for (size_t i = 0; i < tensors.size(); ++i) {
    const std::string_view name = tensors.name(i);
    if (!name.starts_with(kLitEma.weights) || begins(i)) continue;
    std::string average(kLitEma.average);
    for (const char c : name.substr(kLitEma.weights.size()))
      if (c != '.') average += c;
    weights_.emplace(std::move(average), name);
  }
}

std::string_view BlockMap::weight_name(std::string_view name) const {
  if (weights_.empty() || !name.starts_with(kLitEma.average)) return name;
  const auto found = weights_.find(std::string(name));
  return found == weights_.end() ? name : std::string_view(found->second);
}

BlockId BlockMap::of(std::string_view name) const {
  const auto [group, number] = place_of(name);
  const auto index = static_cast<size_t>(int64_t{number} + 1);
  return index < ids_[group].size() ? ids_[group][index] : kNoBlock;
}

std::string BlockMap::text() const {
  std::string out;
  for (size_t i = 0; i < blocks_.size();) {
    size_t end = i + 1;
    while (blocks_[i].is_layer() && end < blocks_.size() && blocks_[end].group == blocks_[i].group &&
           blocks_[end].number == blocks_[end - 1].number + 1)
      ++end;
    out += (i ? ", " : "") + blocks_[i].name;
    if (end > i + 1) out += (end > i + 2 ? ".." : ", ") + blocks_[end - 1].name;
    i = end;
  }
  return out;
}

}  // namespace ckmerge
