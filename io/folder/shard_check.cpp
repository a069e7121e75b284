// SPDX-License-Identifier: Apache-2.0
#include "io/folder/shard_check.h"

#include <algorithm>
#include <filesystem>
#include <string_view>

#include "io/text/error.h"
#include "io/text/sentence.h"
#include "io/text/utf8.h"

namespace ckmerge {
namespace {

using std::string_view;

std::string quoted(string_view name) {
  constexpr size_t kShown = 200;  // bytes of a name in a sentence
  return sentence("'", valid_utf8(name.substr(0, kShown)), name.size() > kShown ? "'..." : "'");
}

std::string base_name(const InputFile& file) { return std::filesystem::path(file.path()).filename().string(); }

// "3 tensors ('x', 'y', ...)".
class Names {
 public:
  void add(string_view name) {
    if (++count_ <= kShown) shown_ += (count_ > 1 ? ", " : "") + quoted(name);
  }
  bool empty() const { return count_ == 0; }
  size_t count() const { return count_; }
  std::string text() const {
    return sentence(counted(count_, "tensor"), " (", shown_, count_ > kShown ? ", ...)" : ")");
  }

 private:
  static constexpr size_t kShown = 3;
  size_t count_ = 0;
  std::string shown_;
};

class IndexCheck {
 public:
  IndexCheck(const WeightIndex& index, const std::string& path, const Checkpoint& checkpoint)
      : index_(index), path_(path), name_(std::filesystem::path(path).filename().string()), checkpoint_(checkpoint) {
    for (const InputFile& shard : checkpoint.shards) shards_.push_back(base_name(shard));
  }

  std::vector<std::string> notes() {
    compare_names();
    if (!index_.has_metadata())
      add(name_, " has no 'metadata', without which neither transformers nor diffusers loads it");
    compare_size();
    return std::move(notes_);
  }

 private:
  void add(const auto&... parts) { notes_.push_back(sentence(parts...)); }

  // Both are sorted.
  void compare_names() {
    const TensorTable& tensors = checkpoint_.tensors;
    Names unlisted, in_vain;
    size_t entry = 0;
    for (size_t i = 0; i < tensors.size(); ++i) {
      const string_view name = tensors.name(i);
      for (; entry < index_.size() && index_.tensor(entry) < name; ++entry) add_in_vain(entry, in_vain);
      if (entry == index_.size() || index_.tensor(entry) != name)
        unlisted.add(name);
      else
        expect_in_shard(entry++, tensors[i]);
    }
    for (; entry < index_.size(); ++entry) add_in_vain(entry, in_vain);
    const bool one = unlisted.count() == 1;
    if (!unlisted.empty())
      add(unlisted.text(), " that ", name_, " does not list ", one ? "is" : "are",
          " taken all the same, as transformers does; diffusers would not see ", one ? "it" : "them");
    if (!in_vain.empty()) add(name_, " lists ", in_vain.text(), " that no shard holds");
  }

  void add_in_vain(size_t entry, Names& in_vain) const {
    const string_view name = index_.tensor(entry);
    if (std::ranges::find(checkpoint_.unread, name, &UnreadTensor::name) == checkpoint_.unread.end()) in_vain.add(name);
  }

  void expect_in_shard(size_t entry, const Tensor& tensor) const {
    const std::string &listed = index_.file_of(entry), &held = shards_[tensor.shard];
    if (listed != held)
      throw Error(ErrorCode::malformed, path_,
                  sentence(path_, ": lists tensor ", quoted(tensor.name), " in ", listed, ", and ", held,
                           " holds it; whether the shard or its index is right cannot be known: download both again"));
  }

  // Of torch's files the same bytes may be counted once or twice.
  void compare_size() {
    const TensorTable& tensors = checkpoint_.tensors;
    if (!index_.total_size() || !checkpoint_.globals.empty() || !checkpoint_.unread.empty()) return;
    uint64_t size = 0;
    for (size_t i = 0; i < tensors.size(); ++i) size += tensors[i].size;
    if (size != *index_.total_size())
      add("the tensors have ", size, " bytes, and ", name_, " says ", *index_.total_size());
  }

  const WeightIndex& index_;
  const std::string& path_;
  std::string name_;
  const Checkpoint& checkpoint_;
  std::vector<std::string> shards_;
  std::vector<std::string> notes_;
};

}  // namespace

void expect_each_tensor_once(Checkpoint& checkpoint) {
  const std::vector<size_t> repeated = checkpoint.tensors.sort_by_name();
  if (repeated.empty()) return;
  const Tensor second = checkpoint.tensors[repeated[0]], first = checkpoint.tensors[repeated[0] - 1];
  const InputFile &one = checkpoint.shards[first.shard], &other = checkpoint.shards[second.shard];
  throw Error(ErrorCode::malformed, other.path(),
              sentence(other.path(), ": holds tensor ", quoted(second.name), ", which ", base_name(one),
                       " holds too; which of them counts differs from loader to loader"));
}

std::vector<std::string> check_index(const WeightIndex& index, const std::string& path, const Checkpoint& checkpoint) {
  return IndexCheck(index, path, checkpoint).notes();
}

}  // namespace ckmerge
