// SPDX-License-Identifier: Apache-2.0
#include "io/folder/joined_components.h"

#include <algorithm>
#include <utility>
#include <vector>

namespace ckmerge {
namespace {

void add_tensors(TensorTable& tensors, const TensorTable& component, const std::string& front, uint32_t first_shard) {
  std::string name = front;
  for (size_t i = 0; i < component.size(); ++i) {
    const Tensor tensor = component[i];
    name.replace(front.size(), std::string::npos, tensor.name);
    const uint32_t shard = first_shard + tensor.shard;
    if (tensor.joined) {
      std::vector<Piece> pieces = component.pieces(i);
      for (Piece& piece : pieces) piece.shard += first_shard;
      tensors.add_joined(name, tensor.dtype, tensor.shape, pieces, tensor.size, tensor.count);
    } else if (tensor.strides.empty())
      tensors.add(name, tensor.dtype, tensor.shape, shard, tensor.offset, tensor.size, tensor.count);
    else
      tensors.add_view(name, tensor.dtype, tensor.shape, tensor.strides, shard, tensor.offset, tensor.size,
                       tensor.count);
  }
}

void add_metadata(Checkpoint& folder, const Checkpoint& component) {
  folder.has_metadata |= component.has_metadata;
  for (const auto& field : component.metadata) {
    const auto same_key = [&](const auto& other) { return other.first == field.first; };
    if (std::ranges::none_of(folder.metadata, same_key)) folder.metadata.push_back(field);
  }
}

}  // namespace

void add_component(Checkpoint& folder, Checkpoint component, const std::string& prefix) {
  const std::string front = prefix.empty() ? "" : prefix + ".";
  add_tensors(folder.tensors, component.tensors, front, static_cast<uint32_t>(folder.shards.size()));
  for (InputFile& shard : component.shards) folder.shards.push_back(std::move(shard));
  add_metadata(folder, component);
  folder.header_size += component.header_size;
  for (UnreadTensor& tensor : component.unread) folder.unread.push_back({front + tensor.name, std::move(tensor.why)});
  for (PickleGlobal& global : component.globals)
    if (std::ranges::find(folder.globals, global.name, &PickleGlobal::name) == folder.globals.end())
      folder.globals.push_back(std::move(global));
  for (const std::string& note : component.notes) folder.notes.push_back(prefix.empty() ? note : prefix + ": " + note);
  folder.average_taken |= component.average_taken;
  if (folder.judgement.holds == Holds::weights) folder.judgement = std::move(component.judgement);
}

void add_shard(Checkpoint& checkpoint, Checkpoint shard) {
  std::erase_if(shard.notes, [&](const std::string& note) {
    return std::ranges::find(checkpoint.notes, note) != checkpoint.notes.end();
  });
  add_component(checkpoint, std::move(shard), "");
}

}  // namespace ckmerge
