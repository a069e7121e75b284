// SPDX-License-Identifier: Apache-2.0
// The table of components whose tensors have more than one naming: a row each, its rules in a file of its own.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/layouts/layout_rule.h"
#include "io/table/tensor_table.h"

namespace ckmerge {

/// Names of a component, behind the prefix that a whole checkpoint puts in front of it.
class ComponentNames {
 public:
  /// Keeps a view of `tensors`, which must be sorted, and of `wanted`: the component of another file, in the other
  /// naming, that this one is brought to the names of; null: there is none.
  ComponentNames(const TensorTable& tensors, std::string_view prefix, const ComponentNames* wanted = nullptr)
      : tensors_(tensors), prefix_(prefix), wanted_(wanted) {}
  bool has(std::string_view name) const;
  /// Whether any name begins so.
  bool begins(std::string_view front) const { return is_there(std::string(front) + "*"); }
  std::optional<Tensor> find(std::string_view name) const;
  /// How many numbers from 0 on stand in place of `#` in `pattern`, which may have `*` at its end.
  uint32_t count(std::string_view pattern) const;
  /// The highest number that stands there; none: there is none.
  std::optional<uint32_t> highest(std::string_view pattern) const;
  const ComponentNames* wanted() const { return wanted_; }

 private:
  bool is_there(std::string_view name) const;

  const TensorTable& tensors_;
  std::string prefix_;
  const ComponentNames* wanted_;
};

/// A component in the namings of a row: one of them is the file's that is renamed, the other, where there is one, that
/// of the component whose names are wanted. What one of them lacks, being pruned or a part, the other tells.
class BothNamings {
 public:
  BothNamings(const ComponentNames& names, bool from_left)
      : left_(from_left ? &names : names.wanted()), right_(from_left ? names.wanted() : &names) {}
  /// Whether either has the name that it would have there; empty: none is looked for.
  bool has(std::string_view left, std::string_view right) const;
  /// One more than the highest number that stands in place of `#` in either.
  uint32_t numbers(std::string_view left, std::string_view right) const;
  const ComponentNames* left() const { return left_; }
  const ComponentNames* right() const { return right_; }

 private:
  const ComponentNames *left_, *right_;
};

/// What the two sides of a family's rules are called by people.
enum class Naming : uint8_t {
  original,      ///< the publisher's, and ComfyUI's, in nearly all families
  diffusers,     ///< that of folders
  comfy,         ///< ComfyUI's own, where it is not the publisher's
  hugging_face,  ///< of text encoders
  open_clip,
  transformers,  ///< as a class of transformers 5 saves its tensors, where that is not what single files have
};
const char* name(Naming naming);

/// Which part of a pipeline a component is.
enum class ComponentRole : uint8_t { transformer, unet, vae, text_encoder, audio_vae, controlnet };

struct ModelFamily {
  const char* name;  ///< "flux", "autoencoder-kl": as `inspect` says it
  ComponentRole role;
  Naming left, right;
  /// Whole names, `#` standing for any number, all of which are there in a file of that naming: of `a|b` one is enough,
  /// and `!a` is not there. The first family in the table that they fit is the one. None: such files cannot be told.
  std::vector<std::string_view> left_signs, right_signs;
  /// For the file that is to be renamed, in whose names numbers of blocks can be looked up; `from_left`: it has the
  /// names of the left. Of a family with one naming: that all names stay.
  LayoutRules (*rules)(const ComponentNames& names, bool from_left) = nullptr;
  /// Why the way from left to right, or back, cannot be gone; null: it can.
  const char* no_way_right = nullptr;
  const char* no_way_left = nullptr;
  const char* prefix_alone = "";  ///< of its names in a file that holds nothing else, in another naming than diffusers'
};

/// In the order in which they are looked for.
std::span<const ModelFamily> model_families();

}  // namespace ckmerge
