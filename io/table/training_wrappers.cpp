// SPDX-License-Identifier: Apache-2.0
// In a sorted table the names of a subtree are neighbours, and a wrapper of it can only show first where a name has
// parted from the one before: one pass over the names looks at each component of the tree once, and two searches tell
// whether a subtree is wrapped as a whole.
#include "io/table/training_wrappers.h"

#include <algorithm>
#include <array>
#include <functional>

#include "io/text/error.h"
#include "io/text/sentence.h"

namespace ckmerge {
namespace {

using std::string_view;

struct Wrapper {
  string_view name;   // with its dot
  bool unmistakable;  // no module of a network is called so
};
constexpr Wrapper kWrappers[] = {
    {"_orig_mod.", true},                   // torch.compile
    {"_fsdp_wrapped_module.", true},        // FSDP
    {"_checkpoint_wrapped_module.", true},  // activation checkpointing
    {"module.", false},                     // DataParallel, DistributedDataParallel, AveragedModel, DeepSpeed
    {"ema_model.", false},                  // ema-pytorch and others
};
constexpr size_t kWrapperCount = std::size(kWrappers);

// What those that wrap a whole network keep beside it.
constexpr string_view kCounters[] = {"n_averaged", "initted", "step", "steps"};

// Bytes of a name in which wrappers are looked for: a hostile one may nest them without end.
constexpr size_t kDeepest = 512;

// A wrapper of the rows from begin to end, in whose names it stands at `at`.
struct Wrapped {
  size_t begin, end;
  size_t at;
  size_t wrapper;
};

const Wrapper* wrapper_at(string_view rest) {
  const auto found =
      std::ranges::find_if(kWrappers, [&](const Wrapper& wrapper) { return rest.starts_with(wrapper.name); });
  return found == std::end(kWrappers) ? nullptr : found;
}

bool is_digit(char c) { return c >= '0' && c <= '9'; }

// Networks have layers with a module called `module` of their own: what is numbered is no whole network.
bool holds_number(string_view path) {
  for (size_t i = 0; i < path.size(); ++i)
    if (is_digit(path[i]) && (i == 0 || path[i - 1] == '.')) return true;
  return false;
}

class Finder {
 public:
  explicit Finder(const TensorTable& tensors) : tensors_(tensors) {}

  std::vector<Wrapped> find() {
    string_view before;
    for (size_t i = 0; i < tensors_.size(); ++i) {
      const string_view name = tensors_[i].name;
      look_at(i, name, first_new_component(before, name));
      before = name;
    }
    return std::move(found_);
  }

 private:
  static size_t first_new_component(string_view before, string_view name) {
    const size_t most = std::min(before.size(), name.size());
    const auto differ = std::mismatch(before.begin(), before.begin() + static_cast<ptrdiff_t>(most), name.begin());
    const auto same = static_cast<size_t>(differ.second - name.begin());
    const size_t dot = name.substr(0, same).rfind('.');
    return dot == string_view::npos ? 0 : dot + 1;
  }

  void look_at(size_t row, string_view name, size_t at) {
    for (size_t dot = name.find('.', at); dot < kDeepest; at = dot + 1, dot = name.find('.', at))
      if (const Wrapper* wrapper = wrapper_at(name.substr(at))) consider(row, name, at, *wrapper);
  }

  void consider(size_t row, string_view name, size_t at, const Wrapper& wrapper) {
    const string_view path = name.substr(0, at);
    if (!wrapper.unmistakable && holds_number(path)) return;
    if (name.size() == at + wrapper.name.size()) return;  // nothing would be left of it
    const size_t end = end_of(row, name.substr(0, at + wrapper.name.size()));
    if (path.empty() ? !only_counters_outside(row, end) : !is_all_of(path, row, end)) return;
    found_.push_back({row, end, at, static_cast<size_t>(&wrapper - kWrappers)});
  }

  // The first row from `row` on whose name does not begin with `path`. REQUIRES: that of `row` does.
  size_t end_of(size_t row, string_view path) const {
    size_t step = 1;
    while (row + step < tensors_.size() && tensors_[row + step].name.starts_with(path)) step *= 2;
    size_t inside = row + step / 2, outside = std::min(row + step, tensors_.size());
    while (outside - inside > 1) {
      const size_t middle = inside + (outside - inside) / 2;
      (tensors_[middle].name.starts_with(path) ? inside : outside) = middle;
    }
    return outside;
  }

  bool is_all_of(string_view path, size_t begin, size_t end) const {
    return !(begin > 0 && tensors_[begin - 1].name.starts_with(path)) &&
           !(end < tensors_.size() && tensors_[end].name.starts_with(path));
  }

  bool only_counters_outside(size_t begin, size_t end) const {
    if (tensors_.size() - (end - begin) > std::size(kCounters)) return false;
    for (size_t i = 0; i < tensors_.size(); ++i) {
      const bool inside = i >= begin && i < end;
      if (!inside && (tensors_[i].count != 1 || std::ranges::find(kCounters, tensors_[i].name) == std::end(kCounters)))
        return false;
    }
    return true;
  }

  const TensorTable& tensors_;
  std::vector<Wrapped> found_;
};

// Names in the order of the rows, without their wrappers.
class Unwrapper {
 public:
  explicit Unwrapper(std::vector<Wrapped> wrapped) : wrapped_(std::move(wrapped)) {}

  std::string operator()(string_view name) {
    while (next_ < wrapped_.size() && wrapped_[next_].begin == row_) open_.push_back(wrapped_[next_++]);
    std::erase_if(open_, [&](const Wrapped& wrapped) { return wrapped.end <= row_; });
    ++row_;
    std::string out;
    size_t from = 0;
    for (const Wrapped& wrapped : open_) {  // an inner one stands behind its outer one
      out += name.substr(from, wrapped.at - from);
      from = wrapped.at + kWrappers[wrapped.wrapper].name.size();
      ++counts_[wrapped.wrapper];
    }
    return out.append(name.substr(from));
  }

  std::string told() const {
    std::string out;
    for (size_t i = 0; i < kWrapperCount; ++i)
      if (counts_[i] > 0)
        out += sentence(out.empty() ? "" : ", ", kWrappers[i].name, " of ", counted(counts_[i], "name"));
    return out;
  }

 private:
  std::vector<Wrapped> wrapped_;  // by their first row, an outer one before those inside
  std::vector<Wrapped> open_;     // those that the row is in
  size_t next_ = 0, row_ = 0;
  std::array<size_t, kWrapperCount> counts_{};
};

bool lists_tensors(const Metadata& metadata) {
  return std::ranges::any_of(metadata, [](const auto& field) { return field.first == "DCP_SHARDING_INFO"; });
}

// By the tensors around it; inner wrappers first, since each is at its place in the whole name.
void unwrap_unread(Checkpoint& checkpoint, std::vector<Wrapped> wrapped) {
  std::ranges::sort(wrapped, std::greater(), &Wrapped::at);
  for (UnreadTensor& tensor : checkpoint.unread) {
    const std::string whole = tensor.name;
    for (const Wrapped& one : wrapped) {
      const size_t size = kWrappers[one.wrapper].name.size();
      const string_view front = checkpoint.tensors[one.begin].name.substr(0, one.at + size);
      if (whole.starts_with(front)) tensor.name.erase(one.at, size);
    }
  }
}

}  // namespace

void take_off_training_wrappers(Checkpoint& checkpoint) {
  TensorTable& tensors = checkpoint.tensors;
  if (lists_tensors(checkpoint.metadata)) return;
  std::vector<Wrapped> wrapped = Finder(tensors).find();
  if (wrapped.empty()) return;
  unwrap_unread(checkpoint, wrapped);
  Unwrapper unwrap(std::move(wrapped));
  const std::vector<size_t> repeated = tensors.rename([&](string_view name) { return unwrap(name); });
  if (!repeated.empty()) {
    const std::string name(tensors[repeated.front()].name);
    throw Error(ErrorCode::malformed, name,
                sentence("tensor '", name, "' is there inside a wrapper of training as well (", unwrap.told(),
                         "); discard one of the two in the program that wrote the file"));
  }
  checkpoint.notes.push_back(sentence("read without the wrappers of training: ", unwrap.told()));
}

}  // namespace ckmerge
