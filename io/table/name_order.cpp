// SPDX-License-Identifier: Apache-2.0
// A multi-key sort: skip what all names of a range have in common, sort the range by the next eight bytes, kept beside
// the index, and go on in each run of equal ones. Every level splits its range, so recursion is as deep as the longest
// chain of names each a beginning of the next: some 5000 levels if all of a 100 MB header is made for it.
#include "io/table/name_order.h"

#include <algorithm>
#include <numeric>

namespace ckmerge {
namespace {

constexpr size_t kHeadSize = 8;

struct NameKey {
  uint64_t head;   // the eight bytes, first byte highest, zeros where the name has ended
  uint32_t left;   // bytes from the head's first to the name's end, at most kHeadSize + 1: "a" comes before "a\0"
  uint32_t index;  // into the names: also keeps equal names in the order given
  friend auto operator<=>(const NameKey&, const NameKey&) = default;
  bool same_bytes(const NameKey& other) const { return head == other.head && left == other.left; }
};

NameKey key_at(std::string_view name, size_t depth, uint32_t index) {
  const std::string_view rest = name.substr(depth, kHeadSize);
  uint64_t head = 0;
  for (const char c : rest) head = head << 8 | static_cast<unsigned char>(c);
  if (rest.size() < kHeadSize) head = rest.empty() ? 0 : head << 8 * (kHeadSize - rest.size());
  return {head, static_cast<uint32_t>(std::min(name.size() - depth, kHeadSize + 1)), index};
}

class NameSorter {
 public:
  explicit NameSorter(std::span<const std::string_view> names) : names_(names) {}

  void sort(std::span<NameKey> keys, size_t depth) const {
    depth = common_beginning(keys, depth);
    for (NameKey& key : keys) key = key_at(names_[key.index], depth, key.index);
    std::sort(keys.begin(), keys.end());
    for (size_t begin = 0, end = 0; begin < keys.size(); begin = end) {
      for (end = begin + 1; end < keys.size() && keys[end].same_bytes(keys[begin]);) ++end;
      if (end - begin > 1 && keys[begin].left > kHeadSize) sort(keys.subspan(begin, end - begin), depth + kHeadSize);
    }
  }

 private:
  size_t common_beginning(std::span<const NameKey> keys, size_t depth) const {
    std::string_view common = names_[keys[0].index];
    for (const NameKey& key : keys) {
      const std::string_view name = names_[key.index];
      const size_t most = std::min(common.size(), name.size());
      const auto differ = std::mismatch(common.begin() + depth, common.begin() + most, name.begin() + depth).first;
      common = common.substr(0, differ - common.begin());
    }
    return common.size();
  }

  std::span<const std::string_view> names_;
};

}  // namespace

std::vector<uint32_t> order_by_name(std::span<const std::string_view> names) {
  std::vector<uint32_t> order(names.size());
  std::iota(order.begin(), order.end(), 0);
  if (std::is_sorted(names.begin(), names.end())) return order;  // as the reference writer leaves a single dtype

  std::vector<NameKey> keys(names.size());
  for (uint32_t i = 0; i < keys.size(); ++i) keys[i].index = i;
  NameSorter(names).sort(keys, 0);
  std::transform(keys.begin(), keys.end(), order.begin(), [](const NameKey& key) { return key.index; });
  return order;
}

}  // namespace ckmerge
