// SPDX-License-Identifier: Apache-2.0
#include "cli/operands/component_paths.h"

#include <algorithm>
#include <vector>

#include "cli/options/faults.h"
#include "cli/system/text.h"
#include "io/folder/component_files.h"
#include "io/folder/pipeline_entries.h"
#include "io/text/error.h"

namespace ckmerge::cli {
namespace {

constexpr const char* kOption = "--component";

[[noreturn]] void refuse(const std::string& what) {
  throw Error(ErrorCode::usage, kOption, std::string(kOption) + ": " + what);
}

std::vector<std::string> components_in(const std::string& folder) {
  std::vector<std::string> names;
  for (const ComponentFiles& files : component_files(folder).components) names.push_back(files.component);
  return names;
}

// Where the path begins, behind a name that a formula or `run` has for it.
size_t path_begin(const std::string& text, bool may_have_names) {
  const size_t equals = may_have_names ? text.find('=') : text.npos;
  return equals == text.npos || text.find('/') < equals ? 0 : equals + 1;
}

bool is_pipeline(const std::string& path) { return is_folder_path(path) && holds_pipeline(path); }

void expect_component(const std::string& component, const std::string& folder) {
  const std::vector<std::string> known = components_in(folder);
  if (std::ranges::find(known, component) != known.end()) return;
  refuse(folder + " has no weights of a component '" + component + "', only of " + joined(known, ", ") +
         did_you_mean(component, known));
}

}  // namespace

void put_component(const std::string& component, std::span<std::string* const> paths, bool may_have_names) {
  Faults faults;
  bool found = false;
  for (std::string* const text : paths)
    faults.check([&] {
      std::string path = text->substr(path_begin(*text, may_have_names));
      if (!is_pipeline(path)) return;
      found = true;
      expect_component(component, path);
      *text += (path.ends_with('/') ? "" : "/") + component;
    });
  faults.raise();
  if (!found)
    refuse(
        "none of the inputs is the folder of a pipeline, of which it names one component (`ckmerge convert --part` "
        "takes parts of a file)");
}

}  // namespace ckmerge::cli
