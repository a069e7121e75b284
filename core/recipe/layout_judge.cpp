// SPDX-License-Identifier: Apache-2.0
#include "core/recipe/layout_judge.h"

#include <algorithm>

#include "core/recipe/layout_fields.h"
#include "io/folder/model_folder.h"
#include "io/input_forms.h"
#include "io/text/error.h"
#include "io/text/json_value.h"
#include "io/text/sentence.h"
#include "io/text/utf8.h"

namespace ckmerge {
namespace {

using std::string_view;

constexpr string_view kOffsets = kShardOffsetsField, kSlices = kSlicesField, kWholeShape = kWholeShapeField;
constexpr string_view kSavedOffsets = "saved_offsets";

// What lies in another order than torch's, by the framework that `format` names, and from how many dimensions on.
struct Order {
  string_view format;
  size_t least_rank;
  const char* what;
};
constexpr Order kOrders[] = {
    {"mlx", 3, "the channels of convolutions"},
    {"pd", 2, "rows and columns of matrices"},
    {"tf", 2, "rows and columns of matrices"},
    {"flax", 2, "rows and columns of matrices"},
};

const Order* order_of(string_view format) {
  const auto found = std::ranges::find(kOrders, format, &Order::format);
  return found == std::end(kOrders) ? nullptr : found;
}

// What torch has pickled is in its order, whatever is said.
bool tells_format(const Checkpoint& checkpoint) {
  const std::string* const format = field(checkpoint, "format");
  const bool pickled =
      (checkpoint.form && checkpoint.form->has_pickle) || (checkpoint.folder && checkpoint.folder->pickled);
  return pickled || (format && !format->empty());
}

bool any_of_rank(const Checkpoint& checkpoint, size_t least) {
  for (size_t i = 0; i < checkpoint.tensors.size(); ++i)
    if (checkpoint.tensors[i].shape.size() >= least) return true;
  return false;
}

std::string shown(string_view text) {
  constexpr size_t kMostShown = 80;
  return valid_utf8(text.substr(0, kMostShown));
}

class Judge {
 public:
  Judge(const Recipe& recipe, std::span<const Checkpoint> checkpoints, bool needs_whole_tensors)
      : recipe_(recipe), checkpoints_(checkpoints), needs_whole_tensors_(needs_whole_tensors) {}

  LayoutVerdict judge() {
    for (const Checkpoint& other : checkpoints_.subspan(1)) judge_format(other);
    judge_form();
    judge_shards();
    judge_slices();
    judge_fields_by_name();
    return std::move(verdict_);
  }

 private:
  const Checkpoint& first() const { return checkpoints_[0]; }
  void fault(const auto&... parts) { verdict_.faults.push_back(sentence(parts...)); }
  void warn(const auto&... parts) { verdict_.warnings.push_back(sentence(parts...)); }

  // Where neither is known to order anything otherwise than torch, readers take either word.
  void judge_format(const Checkpoint& other) {
    const std::string own = format_of(first()), theirs = format_of(other);
    if (own == theirs) return;
    const Order* const order = order_of(theirs) ? order_of(theirs) : order_of(own);
    const bool matters = order && (any_of_rank(first(), order->least_rank) || any_of_rank(other, order->least_rank));
    if (!tells_format(first()) || !tells_format(other)) return warn_of_unnamed(other, matters ? order->what : nullptr);
    const std::string differ =
        sentence(first().path, " is of the format ", shown(own), ", ", other.path, " of the format ", shown(theirs));
    if (matters)
      return fault(differ, ": ", order->what, " lie in another order there; convert one of them by the program that ",
                   "wrote it first");
    warn(differ, "; the result says ", shown(own));
  }

  // Whoever strips metadata does not turn tensors round.
  void warn_of_unnamed(const Checkpoint& other, const char* in_order) {
    const bool by_first = tells_format(first());
    const Checkpoint &named = by_first ? first() : other, &unnamed = by_first ? other : first();
    warn(named.path, " is of the format ", shown(format_of(named)), ", ", unnamed.path,
         " has no format in its metadata; ",
         in_order ? sentence("if it is of another, ", in_order, " lie in another order there, and the merge is wrong; ")
                  : "",
         "the result says ", shown(format_of(first())));
  }

  void judge_form() {
    const std::string format = format_of(first());
    if (order_of(format) && recipe_.form != &output_forms().front())
      warn(first().path, " is of the format ", format, ", where ", order_of(format)->what,
           " lie in another order; whoever loads a .", recipe_.form->name, " expects torch's");
  }

  // ---- shards of torch's distributed checkpoints

  void judge_shards() {
    const auto is_shard = [](const Checkpoint& checkpoint) { return field(checkpoint, kOffsets) != nullptr; };
    const auto shard = std::ranges::find_if(checkpoints_, is_shard);
    if (shard == checkpoints_.end()) return;
    const size_t before = verdict_.faults.size();
    const auto whole = std::ranges::find_if_not(checkpoints_, is_shard);
    constexpr string_view kRemedy =
        "; bring the shards together first (torch.distributed.checkpoint's consolidate_safetensors_files)";
    if (whole != checkpoints_.end())
      fault(shard->path, " is one rank's shard of a distributed checkpoint (DCP_SHARDING_INFO), ", whole->path,
            " is not", kRemedy);
    for (size_t k = 1; k < checkpoints_.size() && whole == checkpoints_.end(); ++k)
      if (const std::string differ = differing_offsets(checkpoints_[k]); !differ.empty())
        fault(first().path, " and ", checkpoints_[k].path,
              " are shards of different places (DCP_SHARDING_INFO): ", differ,
              "; merge a shard with that of the same rank");
    if (needs_whole_tensors_)
      fault(recipe_.method, " looks at whole tensors, and ", shard->path, " holds one rank's rows (DCP_SHARDING_INFO)",
            kRemedy);
    if (!recipe_.roles.empty())
      fault(shard->path, " is one rank's shard of a distributed checkpoint, no component", kRemedy);
    if (recipe_.extra == ExtraPolicy::add && checkpoints_.size() > 1)
      fault("--extra add would add tensors to ", first().path, " that its DCP_SHARDING_INFO does not list");
    if (verdict_.faults.size() == before)
      warn("the result is one rank's shard of a distributed checkpoint, as ", first().path,
           " is: its DCP_SHARDING_INFO is kept");
  }

  std::string differing_offsets(const Checkpoint& other) const {
    const std::string &own = *field(first(), kOffsets), &theirs = *field(other, kOffsets);
    if (own == theirs) return "";
    try {
      const JsonValue ours = parse_json(own, kListLimits), others = parse_json(theirs, kListLimits);
      return first_difference(other, ours, others);
    } catch (const Error& error) {
      return sentence("one of the fields cannot be read, ", error.what());
    }
  }

  // Names that one of them lacks are missing or extra tensors, with the policies of those.
  static std::string first_difference(const Checkpoint& other, const JsonValue& ours, const JsonValue& theirs) {
    std::vector<std::pair<string_view, std::string>> places;
    for (size_t i = 0; i < theirs.items.size() && i < theirs.keys.size(); ++i)
      places.emplace_back(theirs.keys[i], offsets_text(theirs.items[i]));
    std::ranges::sort(places);
    for (size_t i = 0; i < ours.items.size() && i < ours.keys.size(); ++i) {
      const auto found =
          std::ranges::lower_bound(places, string_view(ours.keys[i]), {}, [](auto& p) { return p.first; });
      if (found == places.end() || found->first != ours.keys[i]) continue;
      const std::string own = offsets_text(ours.items[i]);
      if (own != found->second)
        return sentence(shown(ours.keys[i]), " begins at ", own, ", in ", other.path, " at ", found->second);
    }
    return "";
  }

  static std::string offsets_text(const JsonValue& entry) {
    const auto found = std::ranges::find(entry.keys, kSavedOffsets);
    if (found == entry.keys.end()) return "[]";
    std::string out;
    for (const JsonValue& offset : entry.items[static_cast<size_t>(found - entry.keys.begin())].items)
      out += (out.empty() ? "" : ", ") + offset.text;
    return "[" + out + "]";
  }

  // ---- nanotron's slices

  void judge_slices() {
    const auto is_slice = [](const Checkpoint& checkpoint) { return field(checkpoint, kSlices) != nullptr; };
    const auto slice = std::ranges::find_if(checkpoints_, is_slice);
    if (slice == checkpoints_.end()) return;
    for (const string_view key : {kSlices, kWholeShape})
      for (const Checkpoint& other : checkpoints_.subspan(1))
        if (const auto* own = field(first(), key), *theirs = field(other, key); !own || !theirs || *own != *theirs) {
          fault(first().path, " and ", other.path, " are different slices of tensors (", key, ": ",
                own ? shown(*own) : "none", "; ", theirs ? shown(*theirs) : "none",
                "); merge a slice with the same one of the other checkpoint");
          return;
        }
    if (needs_whole_tensors_ && !is_whole(*slice))
      fault(recipe_.method, " looks at whole tensors, and ", slice->path, " holds a slice of one of shape ",
            shown(*field(*slice, kWholeShape)));
  }

  static bool is_whole(const Checkpoint& slice) {
    const std::string* const shape = field(slice, kWholeShape);
    if (!shape || slice.tensors.size() != 1) return !shape;
    std::string own;
    for (const uint64_t dimension : slice.tensors[0].shape) own += std::to_string(dimension) + ",";
    std::string whole;
    for (const char c : *shape + ",")
      if ((c >= '0' && c <= '9') || (c == ',' && !whole.empty() && whole.back() != ',')) whole += c;
    return own == whole;
  }

  // ---- codes that are described by their names

  void judge_fields_by_name() {
    const bool composed = !recipe_.roles.empty();
    for (size_t k = composed ? 0 : 1; k < checkpoints_.size(); ++k)
      for (const std::string& key : fields_by_name(checkpoints_[k]))
        if (composed)
          judge_composed(key, checkpoints_.subspan(0, k), checkpoints_[k]);
        else
          judge_kept(key, checkpoints_[k]);
  }

  void judge_composed(const std::string& key, std::span<const Checkpoint> earlier, const Checkpoint& file) {
    const auto differs = [&](const Checkpoint& other) {
      const std::string* const value = field(other, key);
      return value && *value != *field(file, key);
    };
    if (const auto other = std::ranges::find_if(earlier, differs); other != earlier.end())
      fault("the metadata of ", other->path, " and of ", file.path, " describe tensors in ", shown(key),
            ", of which a file has one; put them together from files without it");
  }

  void judge_kept(const std::string& key, const Checkpoint& other) {
    const std::string* const own = field(first(), key);
    if (key == kOffsets || !own || *own == *field(other, key)) return;
    warn("metadata: ", shown(key), ", which describes codes, is not the same in ", first().path, " and ", other.path,
         "; the result has the codes of ", first().path, " and what its metadata says of them");
  }

  const Recipe& recipe_;
  std::span<const Checkpoint> checkpoints_;
  bool needs_whole_tensors_;
  LayoutVerdict verdict_;
};

}  // namespace

LayoutVerdict judge_layout_fields(const Recipe& recipe, std::span<const Checkpoint> checkpoints,
                                  bool needs_whole_tensors) {
  return Judge(recipe, checkpoints, needs_whole_tensors).judge();
}

}  // namespace ckmerge
