// SPDX-License-Identifier: Apache-2.0
#include "core/folders/sharding.h"

#include <algorithm>
#include <cassert>
#include <string_view>
#include <utility>

#include "core/folders/stored_dtypes.h"
#include "core/plan/output_files.h"
#include "io/table/name_order.h"
#include "io/text/json_writer.h"
#include "io/text/sentence.h"

namespace ckmerge {
namespace {

std::string_view name_of(const Step& step, std::span<const Checkpoint> checkpoints) {
  return checkpoints[step.named.checkpoint].tensors.name(step.named.tensor);
}

bool is_digit(char c) { return c >= '0' && c <= '9'; }

// A name that sorts by its bytes as numbers do: in front of each the count of its digits.
void append_sortable(std::string& out, std::string_view name) {
  for (size_t i = 0; i < name.size();) {
    if (!is_digit(name[i])) {
      out += name[i++];
      continue;
    }
    const size_t end = std::min(name.find_first_not_of("0123456789", i), name.size());
    size_t first = i;
    while (first + 1 < end && name[first] == '0') ++first;
    out += static_cast<char>('0' + std::min<size_t>(end - first, 'z' - '0'));
    out += name.substr(first, end - first);
    i = end;
  }
}

// Puts indices of steps in the order of their names.
void sort_by_name(std::vector<uint32_t>& steps, const Plan& plan, std::span<const Checkpoint> checkpoints) {
  std::string texts;
  std::vector<size_t> ends;
  ends.reserve(steps.size());
  for (const uint32_t i : steps) {
    append_sortable(texts, name_of(plan.steps[i], checkpoints));
    ends.push_back(texts.size());
  }
  std::vector<std::string_view> names;
  names.reserve(steps.size());
  for (size_t k = 0, begin = 0; k < steps.size(); begin = ends[k++])
    names.push_back(std::string_view(texts).substr(begin, ends[k] - begin));
  std::vector<uint32_t> order = order_by_name(names);
  for (uint32_t& k : order) k = steps[k];
  steps = std::move(order);
}

// By component, in the order of the plan.
std::vector<std::vector<uint32_t>> split(const Plan& plan, std::span<const Checkpoint> checkpoints,
                                         std::span<const ShardedComponent> components) {
  std::vector<std::vector<uint32_t>> steps(components.size());
  for (size_t i = 0; i < plan.steps.size(); ++i) {
    const std::string_view name = name_of(plan.steps[i], checkpoints);
    const auto component = std::ranges::find_if(
        components, [&](const ShardedComponent& candidate) { return name.starts_with(candidate.prefix); });
    assert(component != components.end());
    steps[static_cast<size_t>(component - components.begin())].push_back(static_cast<uint32_t>(i));
  }
  return steps;
}

// The contents of a component's files.
std::vector<FileContents> fill(std::vector<uint32_t> steps, const Plan& plan, std::span<const Checkpoint> checkpoints,
                               const ShardedComponent& component, uint64_t shard_size) {
  uint64_t total = 0;
  for (const uint32_t i : steps) total += plan.steps[i].size;
  std::vector<FileContents> files;
  if (total <= shard_size) {
    files.push_back({.steps = std::move(steps), .prefix = component.prefix});
    return files;
  }
  sort_by_name(steps, plan, checkpoints);
  uint64_t size = 0;
  for (const uint32_t i : steps) {
    const uint64_t more = plan.steps[i].size;
    if (files.empty() || (size + more > shard_size && !files.back().steps.empty())) {
      files.push_back({.steps = {}, .prefix = component.prefix, .is_further_shard = !files.empty()});
      size = 0;
    }
    files.back().steps.push_back(i);
    size += more;
  }
  return files;
}

std::string front(const ShardedComponent& component) {
  return component.folder.empty() ? component.stem : component.folder + "/" + component.stem;
}

std::string five_digits(size_t number) {
  const std::string text = std::to_string(number);
  return std::string(5 - std::min<size_t>(5, text.size()), '0') + text;
}

}  // namespace

std::string weights_path(const ShardedComponent& component, size_t number, size_t of) {
  const std::string shard = of == 1 ? "" : sentence("-", five_digits(number), "-of-", five_digits(of));
  return sentence(front(component), component.variant.empty() ? "" : "." + component.variant, shard, ".safetensors");
}

std::string index_path(const ShardedComponent& component) {
  return sentence(front(component), ".safetensors.index.", component.variant.empty() ? "" : component.variant + ".",
                  "json");
}

ShardedFiles shard(Plan& plan, std::span<const Checkpoint> checkpoints, std::span<const ShardedComponent> components,
                   uint64_t shard_size) {
  std::vector<std::vector<uint32_t>> steps = split(plan, checkpoints, components);
  ShardedFiles out;
  std::vector<FileContents> contents;
  for (size_t k = 0; k < components.size(); ++k) {
    const ShardedComponent& component = components[k];
    std::vector<FileContents> files = fill(std::move(steps[k]), plan, checkpoints, component, shard_size);
    const size_t first = contents.size();
    for (size_t number = 1; number <= files.size(); ++number) {
      out.files.push_back({.component = component.folder, .weights = weights_path(component, number, files.size())});
      contents.push_back(std::move(files[number - 1]));
    }
    if (files.size() > 1)
      out.indexes.push_back({.path = index_path(component),
                             .first_file = first,
                             .end_file = contents.size(),
                             .counts_parameters = component.counts_parameters});
  }
  lay_out_files(plan, checkpoints, contents);
  for (size_t k = 0; k < out.files.size(); ++k) tell_dtypes(plan, k, out.files[k]);
  return out;
}

uint64_t shard_size_of(const Checkpoint& checkpoint) {
  if (checkpoint.shards.size() <= 1) return UINT64_MAX;
  std::vector<uint64_t> sizes(checkpoint.shards.size()), tensors(checkpoint.shards.size());
  for (size_t i = 0; i < checkpoint.tensors.size(); ++i) {
    const Tensor tensor = checkpoint.tensors[i];
    sizes[tensor.shard] += tensor.size;
    ++tensors[tensor.shard];
  }
  uint64_t largest = 1;
  for (size_t k = 0; k < sizes.size(); ++k)
    if (tensors[k] > 1) largest = std::max(largest, sizes[k]);
  return largest;
}

std::string index_text(const Plan& plan, std::span<const Checkpoint> checkpoints, std::span<const FolderFile> files,
                       const ShardIndex& index) {
  struct Entry {
    std::string_view name, file;
  };
  std::vector<Entry> entries;
  uint64_t parameters = 0, size = 0;
  for (size_t k = index.first_file; k < index.end_file; ++k) {
    const std::string_view path = files[k].weights;
    for (const Step& step : plan.steps_of(plan.files[k])) {
      const Tensor tensor = checkpoints[step.named.checkpoint].tensors[step.named.tensor];
      entries.push_back({plan.files[k].name_in_file(tensor.name), path.substr(path.rfind('/') + 1)});
      parameters += tensor.count;
      size += step.size;
    }
  }
  std::ranges::sort(entries, {}, &Entry::name);
  JsonWriter json;
  json.begin_object().key("metadata").begin_object();
  if (index.counts_parameters) json.key("total_parameters").value(parameters);
  json.key("total_size").value(size).end_object();
  json.key("weight_map").begin_object();
  for (const Entry& entry : entries) json.key(entry.name).value(entry.file);
  json.end_object().end_object();
  return json.text() + "\n";
}

}  // namespace ckmerge
