// SPDX-License-Identifier: Apache-2.0
// What a pickle holds, as plain data: no class is known, nothing is called. Values are rows of one array that refer to
// each other by index, so that neither building nor dropping them recurses, however deep a file nests them, and shared
// parts are stored once, however often a file refers to them.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

namespace ckmerge {

enum class PickleKind : uint8_t {
  none,
  boolean,
  integer,  ///< that fits 64 bits
  real,
  text,  ///< a str; bytes as they are in the file, whatever their encoding
  tuple,
  list,
  dict,        ///< also collections.OrderedDict and its kin
  global,      ///< a class or function by its module and name
  call,        ///< a global (or the result of another call) applied to a tuple
  persistent,  ///< what lies outside of the pickle: a storage
  opaque,      ///< anything else: bytes, sets, large integers
};

using PickleRef = uint32_t;  ///< of a value, by its place in PickleValues

class PickleValues {
 public:
  /// Texts are views of `bytes`, which must outlive this.
  explicit PickleValues(std::span<const std::byte> bytes);

  PickleKind kind(PickleRef ref) const { return nodes_[ref].kind; }
  int64_t integer(PickleRef ref) const { return static_cast<int64_t>(nodes_[ref].b); }
  bool boolean(PickleRef ref) const { return nodes_[ref].b != 0; }
  std::string_view text(PickleRef ref) const { return text_at(nodes_[ref].b, nodes_[ref].a); }
  bool is_text(PickleRef ref, std::string_view text) const {
    return kind(ref) == PickleKind::text && this->text(ref) == text;
  }

  std::span<const PickleRef> tuple(PickleRef ref) const { return {items_.data() + nodes_[ref].b, nodes_[ref].a}; }
  PickleRef global_module(PickleRef ref) const { return nodes_[ref].a; }  ///< a text
  PickleRef global_name(PickleRef ref) const { return static_cast<PickleRef>(nodes_[ref].b); }
  PickleRef called(PickleRef ref) const { return nodes_[ref].a; }
  PickleRef arguments(PickleRef ref) const { return static_cast<PickleRef>(nodes_[ref].b); }  ///< a tuple
  PickleRef persistent_id(PickleRef ref) const { return nodes_[ref].a; }

  /// Of a list: each(item). Of a dict: each(key, value), in the order of insertion; a key may come again.
  template <typename Each>
  void for_each_item(PickleRef list, const Each& each) const {
    for (uint32_t batch = nodes_[list].a; batch != kNone; batch = batches_[batch].next)
      for (uint32_t i = 0; i < batches_[batch].count; ++i) each(items_[batches_[batch].begin + i]);
  }
  template <typename Each>
  void for_each_member(PickleRef dict, const Each& each) const {
    while_members(dict, [&](PickleRef key, PickleRef value) {
      each(key, value);
      return true;
    });
  }
  /// The same, until `each` says false.
  template <typename Each>
  void while_members(PickleRef dict, const Each& each) const {
    for (uint32_t batch = nodes_[dict].a; batch != kNone; batch = batches_[batch].next)
      for (uint32_t i = 0; i + 1 < batches_[batch].count; i += 2)
        if (!each(items_[batches_[batch].begin + i], items_[batches_[batch].begin + i + 1])) return;
  }
  /// The value of the last member called `key`, as Python has it, or kNone.
  PickleRef member(PickleRef dict, std::string_view key) const;

  /// What BUILD gave a dict last: attributes of an OrderedDict. kNone without.
  PickleRef state(PickleRef dict) const { return static_cast<PickleRef>(nodes_[dict].b >> 32); }

  uint64_t size() const { return bytes_.size(); }  ///< of the bytes that texts are views of

  static constexpr PickleRef kNone = UINT32_MAX;

  // ---- building. Each throws Error(malformed) at a limit.

  PickleRef add_none() const { return 0; }
  PickleRef add_boolean(bool value) const { return value ? 2 : 1; }
  PickleRef add_opaque() const { return 3; }
  PickleRef add_integer(int64_t value);
  PickleRef add_real(double value);
  PickleRef add_text(uint64_t offset, uint64_t size);
  PickleRef add_tuple(std::span<const PickleRef> items);
  PickleRef add_container(PickleKind list_or_dict);
  PickleRef add_global(PickleRef module, PickleRef name);
  PickleRef add_call(PickleRef called, PickleRef arguments);
  PickleRef add_persistent(PickleRef id);
  /// Appends to a list, or to a dict keys and values in turn.
  void append(PickleRef container, std::span<const PickleRef> items);
  void set_state(PickleRef dict, PickleRef state);

 private:
  struct Node {
    PickleKind kind = PickleKind::none;
    uint16_t depth = 0;  // of what it contains
    uint32_t a = 0;
    uint64_t b = 0;  // of a container: its last batch, and above that its state
  };
  // Items that were appended together; a container is a chain of them.
  struct Batch {
    uint32_t begin, count, next;
  };

  PickleRef add(Node node);
  uint32_t add_items(std::span<const PickleRef> items);
  uint16_t depth_above(std::span<const PickleRef> items) const;
  std::string_view text_at(uint64_t offset, uint64_t size) const {
    return {reinterpret_cast<const char*>(bytes_.data()) + offset, size};
  }

  std::span<const std::byte> bytes_;
  std::vector<Node> nodes_;  // the first are shared: none, false, true, opaque, integers of a byte
  std::vector<PickleRef> items_;
  std::vector<Batch> batches_;
};

}  // namespace ckmerge
