// SPDX-License-Identifier: Apache-2.0
#include "cli/report/adapter_blocks.h"

#include "cli/options/sizes.h"
#include "cli/system/text.h"
#include "core/adapters/making/module_blocks.h"
#include "core/names/architecture.h"
#include "io/text/sentence.h"

namespace ckmerge::cli {
namespace {

const BlockTable& table_of(const Checkpoint& adapter, std::string_view architecture) {
  std::vector<std::string_view> names;
  for (size_t row = 0; row < adapter.tensors.size(); ++row) names.push_back(adapter.tensors.name(row));
  return table_of_modules(names, architecture);
}

bool is_numbered(const std::string& block, std::string_view group) {
  return block.starts_with(group) && block.find_first_not_of("0123456789", group.size()) == std::string::npos;
}

}  // namespace

bool is_adapter(const Checkpoint& checkpoint) { return checkpoint.judgement.holds == Holds::factors; }

AdapterBlocks::AdapterBlocks(const Checkpoint& adapter)
    : adapter_(adapter),
      architecture_(guess_architecture(adapter.tensors, adapter.metadata, adapter.judgement).architecture),
      table_(&table_of(adapter, architecture_)) {}

std::string AdapterBlocks::of(std::string_view name) const { return module_block(name, *table_); }

// Numbers of the same group have as many digits, or more where they are higher.
std::pair<size_t, size_t> AdapterBlocks::place(const std::string& block) const {
  if (block == kBaseGroup) return {0, 0};
  for (size_t row = 0; row < table_->rows.size(); ++row)
    if (is_numbered(block, table_->rows[row].group)) return {row + 1, block.size()};
  return {table_->rows.size() + 1, block.size()};
}

std::vector<std::pair<std::string, AdapterBlocks::Total>> AdapterBlocks::totals() const {
  std::map<std::string, Total> by_block;
  for (size_t row = 0; row < adapter_.tensors.size(); ++row) {
    const Tensor tensor = adapter_.tensors[row];
    Total& total = by_block[of(tensor.name)];
    ++total.tensors;
    total.size += tensor.size;
  }
  return ordered(by_block);
}

std::string AdapterBlocks::lines() const {
  std::string out = "  blocks of what it changes" + (architecture_.empty() ? "" : " in " + visible(architecture_)) +
                    " (" + std::string(table_->name) + "):\n";
  size_t width = 0;
  const auto blocks = totals();
  for (const auto& [name, total] : blocks) width = std::max(width, name.size());
  for (const auto& [name, total] : blocks)
    out += "    " + name + std::string(width - name.size() + 2, ' ') + counted(total.tensors, "tensor") + ", " +
           size_text(total.size) + "\n";
  return out;
}

void AdapterBlocks::write(JsonWriter& json) const {
  json.key("architecture").value(architecture_);
  json.key("blocks").begin_array();
  for (const auto& [name, total] : totals()) {
    json.begin_object();
    json.key("name").value(name);
    json.key("tensors").value(total.tensors);
    json.key("size").value(total.size);
    json.end_object();
  }
  json.end_array();
}

}  // namespace ckmerge::cli
