// SPDX-License-Identifier: Apache-2.0
#include "core/adapters/replaced_tensors.h"

#include <algorithm>
#include <optional>
#include <string_view>

#include "core/layouts/reshaping.h"
#include "io/text/sentence.h"

namespace ckmerge {
namespace {

using std::string;
using std::string_view;
using Entries = std::vector<TargetEntry>;

Entries entries_of(const ModuleEntries& modules, string_view name) {
  const string_view module = module_of_tensor(name);
  if (!module.empty()) return modules.called(module);
  Entries entries = modules.called(name.substr(0, name.rfind('.')));
  for (TargetEntry& entry : entries)
    entry = modules.index().beside(entry, string(module_of_tensor(modules.index().tensor(entry).name)) + ".bias");
  std::erase_if(entries, [](TargetEntry entry) { return entry.row == TargetIndex::npos; });
  return entries;
}

std::optional<uint32_t> whole_tensor(const Checkpoint& checkpoint, const TargetIndex& index, TargetEntry entry) {
  const std::vector<Piece> pieces = index.table(entry).tensors.pieces(entry.row);
  if (pieces.size() != 1 || !pieces[0].strides.empty() || pieces[0].count != checkpoint.tensors[pieces[0].shard].count)
    return std::nullopt;
  return pieces[0].shard;
}

bool have_columns_alike(Shape a, Shape b) { return a.size() == 2 && b.size() == 2 && a[1] == b[1]; }

string rows_fault(const AdapterReplacement& replacement, Shape shape, const Tensor& target) {
  const uint64_t last = *std::ranges::max_element(replacement.rows);
  if (have_columns_alike(shape, target.shape) && last < target.shape[0]) return "";
  return sentence("holds row ", last, " of ", counted(shape.empty() ? 0 : shape.back(), "number"), ", and ",
                  target.name, " is ", shape_text(target.shape));
}

// Empty where it fits, or has rows for another vocabulary.
string shape_fault(const Adapter& adapter, const AdapterReplacement& replacement, const Tensor& target,
                   std::vector<string>& warnings) {
  const Shape shape = adapter.file.tensors[replacement.tensor].shape;
  if (!replacement.rows.empty()) return rows_fault(replacement, shape, target);
  if (std::ranges::equal(shape, target.shape)) return "";
  if (!have_columns_alike(shape, target.shape))
    return sentence("is ", shape_text(shape), ", and ", target.name, " is ", shape_text(target.shape));
  warnings.push_back(sentence(adapter.file.path, ": its ", replacement.name, " has rows for ",
                              counted(shape[0], "token"), ", ", target.name, " for ", target.shape[0],
                              ": the vocabulary changes with it, and vocab_size in config.json has to follow"));
  return "";
}

}  // namespace

std::vector<string> find_replaced(const Adapter& adapter, const Checkpoint& checkpoint, const ModuleEntries& modules,
                                  AdapterTargets& targets) {
  std::vector<string> faults;
  for (uint32_t i = 0; i < adapter.replacements.size(); ++i) {
    const AdapterReplacement& replacement = adapter.replacements[i];
    const Entries entries = entries_of(modules, replacement.name);
    if (entries.empty()) {
      targets.unplaced.push_back(i);
      continue;
    }
    const auto fault = [&](const auto&... parts) { faults.push_back(sentence(replacement.name, ": ", parts...)); };
    const std::optional<uint32_t> tensor = whole_tensor(checkpoint, modules.index(), entries[0]);
    if (entries.size() > 1)
      fault("may be ", modules.shown(entries[0]), " or ", modules.shown(entries[1]));
    else if (!tensor)
      fault("is a part of ", modules.shown(entries[0]), ", and whole tensors alone can be replaced");
    else if (const string why = shape_fault(adapter, replacement, checkpoint.tensors[*tensor], targets.warnings);
             !why.empty())
      fault(why);
    else
      targets.replaced.push_back({.tensor = *tensor, .replacement = i});
  }
  std::ranges::sort(targets.replaced, {}, &ReplacedTensor::tensor);
  return faults;
}

}  // namespace ckmerge
