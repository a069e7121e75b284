// SPDX-License-Identifier: Apache-2.0
// Where each component goes in a layout: its prefix and naming there, and what has no place.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/inputs/asked_layout.h"
#include "core/inputs/component_places.h"

namespace ckmerge {

class LayoutTarget {
 public:
  /// Keeps a view of `placed`. Throws Error(mismatch) for components that no checkpoint of the layout can hold
  /// together: two models, parts without a model that says what they are called.
  LayoutTarget(AskedLayout layout, const PlacedComponents& placed, const Checkpoint& checkpoint);

  /// The prefix that `component` gets, or nothing where it has no place.
  std::optional<std::string> prefix_of(const PlacedComponent& component) const;
  Naming naming_of(const PlacedComponent& component) const;

  /// Prefixes of components that have one, before and after.
  std::vector<std::string> prefixes() const;

  /// Whether tensors may have no place: a component that stands alone keeps all that is there.
  bool leaves_out() const { return several_ || !sub_folders_.empty(); }
  /// Prefixes, as they are before, of components that have a place.
  std::vector<std::string> kept_prefixes(const PlacedComponents& placed) const;
  /// Of a name under no component: what stands beside its components in a checkpoint stays in a checkpoint, what a
  /// folder has in a sub-folder of its own has one in a folder.
  bool keeps(std::string_view name) const;
  /// "which a folder of diffusers has no place for".
  std::string has_no_place() const;

 private:
  void check(const PlacedComponents& placed) const;
  const EncoderPlace* encoder_place(const PlacedComponent& component) const;

  AskedLayout layout_;
  const PlacedComponents& placed_;
  const Layout* pipeline_;
  std::string path_;
  std::vector<std::string> sub_folders_;  // of an input that is a folder
  bool several_, of_folder_ = false;
};

}  // namespace ckmerge
