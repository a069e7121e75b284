// SPDX-License-Identifier: Apache-2.0
#include "core/names/rename_advice.h"

#include <algorithm>

namespace ckmerge {
namespace {

using std::string_view;

constexpr size_t kMostRules = 4;   // that a user would type
constexpr size_t kMostTried = 64;  // prefixes

// As a pattern, and so that a shell takes it in quotes.
std::string quoted(string_view prefix) {
  std::string out;
  for (const char c : prefix)
    out += string_view(".[(+*?|\\{^$)").find(c) != string_view::npos ? std::string("\\") + c : std::string(1, c);
  return out;
}

class Advice {
 public:
  Advice(const PrefixSwap& swap, NamedRows from, const TensorTable& to) : swap_(swap), from_(from), to_(to) {}

  // False where it cannot be said.
  bool cover(string_view prefix) {
    if (rules_.size() == kMostRules || ++tried_ > kMostTried) return false;
    if (is_free(prefix)) {
      rules_.push_back("^" + quoted(prefix) + "=" + swap_.apply(prefix));
      return true;
    }
    string_view last;
    for (const uint32_t row : from_.rows) {
      const string_view name = from_.tensors[row].name;
      if (!is_meant(name) || !name.starts_with(prefix) || (!last.empty() && name.starts_with(last))) continue;
      const size_t dot = name.find('.', prefix.size());
      if (dot == string_view::npos) return false;
      last = name.substr(0, dot + 1);
      if (!cover(last)) return false;
    }
    return true;
  }

  std::vector<std::string> take() { return std::move(rules_); }

 private:
  // What the swap makes a name of the other file.
  bool is_meant(string_view name) const {
    return name.starts_with(swap_.strip) && to_.find(swap_.apply(name)) != TensorTable::npos;
  }

  bool is_free(string_view prefix) const {
    for (size_t i = 0; i < from_.tensors.size(); ++i) {
      const string_view name = from_.tensors[i].name;
      if (!name.starts_with(prefix)) continue;
      if (name.size() == prefix.size() || to_.find(name) != TensorTable::npos) return false;
      if (from_.tensors.find(swap_.apply(name)) != TensorTable::npos) return false;
    }
    return true;
  }

  const PrefixSwap& swap_;
  NamedRows from_;
  const TensorTable& to_;
  std::vector<std::string> rules_;
  size_t tried_ = 0;
};

}  // namespace

std::vector<std::string> rename_advice(const PrefixSwap& swap, NamedRows from, const TensorTable& to) {
  Advice advice(swap, from, to);
  return advice.cover(swap.strip) ? advice.take() : std::vector<std::string>();
}

}  // namespace ckmerge
