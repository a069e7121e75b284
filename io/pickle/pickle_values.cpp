// SPDX-License-Identifier: Apache-2.0
#include "io/pickle/pickle_values.h"

#include <algorithm>
#include <bit>

#include "io/pickle/torch_limits.h"
#include "io/text/error.h"
#include "io/text/sentence.h"

namespace ckmerge {
namespace {

constexpr uint16_t kDeepest = 1000;

constexpr PickleRef kFirstInteger = 4;

constexpr uint64_t last_and_state(uint32_t last, PickleRef state) { return uint64_t{state} << 32 | last; }

[[noreturn]] void fail(const char* limit, uint64_t most) {
  throw Error(ErrorCode::malformed, "", sentence("its pickle has more than ", most, " ", limit));
}

}  // namespace

PickleValues::PickleValues(std::span<const std::byte> bytes) : bytes_(bytes) {
  nodes_.push_back({.kind = PickleKind::none});
  nodes_.push_back({.kind = PickleKind::boolean});
  nodes_.push_back({.kind = PickleKind::boolean, .b = 1});
  nodes_.push_back({.kind = PickleKind::opaque});
  for (uint64_t i = 0; i < 256; ++i) nodes_.push_back({.kind = PickleKind::integer, .b = i});
}

PickleRef PickleValues::add(Node node) {
  if (nodes_.size() >= kMostPickleValues) fail("values", kMostPickleValues);
  nodes_.push_back(node);
  return static_cast<PickleRef>(nodes_.size() - 1);
}

uint32_t PickleValues::add_items(std::span<const PickleRef> items) {
  if (items.size() > kMostPickleItems - items_.size()) fail("items of lists and dicts", kMostPickleItems);
  const auto begin = static_cast<uint32_t>(items_.size());
  items_.insert(items_.end(), items.begin(), items.end());
  return begin;
}

// What is put into a container is complete by then, save where a file refers back to what it is still building. The
// depth of such loops is counted too low, which does no harm: nothing here or in callers recurses, and the limit only
// refuses what no program writes.
uint16_t PickleValues::depth_above(std::span<const PickleRef> items) const {
  uint16_t depth = 0;
  for (const PickleRef item : items) depth = std::max(depth, nodes_[item].depth);
  if (depth >= kDeepest) fail("levels of nesting", kDeepest);
  return depth + 1;
}

PickleRef PickleValues::add_integer(int64_t value) {
  if (value >= 0 && value < 256) return kFirstInteger + static_cast<PickleRef>(value);
  return add({.kind = PickleKind::integer, .b = static_cast<uint64_t>(value)});
}

PickleRef PickleValues::add_real(double value) {
  return add({.kind = PickleKind::real, .b = std::bit_cast<uint64_t>(value)});
}

PickleRef PickleValues::add_text(uint64_t offset, uint64_t size) {
  return add({.kind = PickleKind::text, .a = static_cast<uint32_t>(size), .b = offset});
}

PickleRef PickleValues::add_tuple(std::span<const PickleRef> items) {
  const uint16_t depth = depth_above(items);
  const uint64_t begin = add_items(items);
  return add({.kind = PickleKind::tuple, .depth = depth, .a = static_cast<uint32_t>(items.size()), .b = begin});
}

PickleRef PickleValues::add_container(PickleKind list_or_dict) {
  return add({.kind = list_or_dict, .depth = 1, .a = kNone, .b = last_and_state(kNone, kNone)});
}

PickleRef PickleValues::add_global(PickleRef module, PickleRef name) {
  return add({.kind = PickleKind::global, .a = module, .b = name});
}

PickleRef PickleValues::add_call(PickleRef called, PickleRef arguments) {
  const PickleRef parts[] = {called, arguments};
  return add({.kind = PickleKind::call, .depth = depth_above(parts), .a = called, .b = arguments});
}

PickleRef PickleValues::add_persistent(PickleRef id) { return add({.kind = PickleKind::persistent, .a = id}); }

void PickleValues::append(PickleRef container, std::span<const PickleRef> items) {
  if (items.empty()) return;
  const uint16_t depth = std::max(nodes_[container].depth, depth_above(items));
  const auto batch = static_cast<uint32_t>(batches_.size());
  batches_.push_back({add_items(items), static_cast<uint32_t>(items.size()), kNone});
  Node& node = nodes_[container];
  node.depth = depth;
  if (node.a == kNone)
    node.a = batch;
  else
    batches_[static_cast<uint32_t>(node.b)].next = batch;
  node.b = last_and_state(batch, state(container));
}

void PickleValues::set_state(PickleRef dict, PickleRef state) {
  Node& node = nodes_[dict];
  node.b = last_and_state(static_cast<uint32_t>(node.b), state);
}

PickleRef PickleValues::member(PickleRef dict, std::string_view key) const {
  PickleRef found = kNone;
  for_each_member(dict, [&](PickleRef name, PickleRef value) {
    if (is_text(name, key)) found = value;
  });
  return found;
}

}  // namespace ckmerge
