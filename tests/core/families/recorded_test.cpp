// SPDX-License-Identifier: Apache-2.0
// Families as converters of diffusers and ComfyUI convert them, element for element, both ways.
#include <doctest/doctest.h>

#include <algorithm>
#include <cstring>
#include <set>
#include <string>
#include <vector>

#include "core/families/told_component.h"
#include "core/layouts/rewriting.h"
#include "io/checkpoint.h"
#include "tests/core/families/recorded_model.h"

using namespace ckmerge;
using namespace ckmerge::test;

namespace {

// The elements of one tensor, wherever they lie in the file.
std::vector<uint64_t> elements_of(const TensorTable& tensors, size_t index, const std::string& file) {
  std::vector<uint64_t> elements;
  const auto read = [&](uint64_t offset) {
    uint64_t value = 0;
    std::memcpy(&value, file.data() + offset, sizeof value);
    elements.push_back(value);
  };
  for (const Piece& piece : tensors.pieces(index)) {
    for (uint64_t element = 0; element < piece.count; ++element) {
      uint64_t place = piece.strides.empty() ? element : 0;
      uint64_t rest = element;
      for (size_t d = piece.strides.size(); d-- > 0; rest /= piece.shape[d])
        place += rest % piece.shape[d] * piece.strides[d];
      read(piece.offset + place * sizeof(uint64_t));
    }
  }
  return elements;
}

// `without`: that they are told behind that prefix.
TracedTensors traced(const Checkpoint& checkpoint, const std::string& file, const std::string& without) {
  TracedTensors tensors;
  for (size_t i = 0; i < checkpoint.tensors.size(); ++i) {
    const Tensor tensor = checkpoint.tensors[i];
    REQUIRE(tensor.name.starts_with(without));
    tensors[std::string(tensor.name.substr(without.size()))] = {.shape = {tensor.shape.begin(), tensor.shape.end()},
                                                                .elements = elements_of(checkpoint.tensors, i, file)};
  }
  return tensors;
}

// Where the two differ, in words.
std::string difference(const TracedTensors& found, const TracedTensors& expected) {
  for (const auto& [name, tensor] : expected) {
    const auto place = found.find(name);
    if (place == found.end()) return "lacks " + name;
    if (place->second.shape != tensor.shape) return "another shape of " + name;
    if (place->second.elements != tensor.elements) return "other elements of " + name;
  }
  for (const auto& [name, tensor] : found)
    if (!expected.contains(name)) return "has " + name + " besides";
  return "";
}

// Null: the family of the file is not that of the model, or in another naming.
const ModelFamily* told_family(const Checkpoint& checkpoint, const RecordedModel& model, const std::string& prefix,
                               bool is_left) {
  const std::vector<ToldComponent> told = told_components(checkpoint.tensors);
  const std::string naming = is_left ? model.left_naming : model.right_naming;
  for (const ToldComponent& component : told)
    if (component.family->name == model.family && name(component.naming()) == naming && component.prefix == prefix)
      return component.family;
  return nullptr;
}

// That of the two namings of the model: a family of three has two rows.
const ModelFamily* row_of(const RecordedModel& model) {
  for (const ModelFamily& family : model_families())
    if (family.name == model.family && name(family.left) == model.left_naming &&
        name(family.right) == model.right_naming)
      return &family;
  return nullptr;
}

void check(const RecordedModel& model, bool from_left, const std::string& prefix, const std::string& to_prefix) {
  const TempFolder folder;
  const std::string path = write_file(folder / "a.safetensors", as_file(from_left ? model.left : model.right, prefix));
  Checkpoint checkpoint = open_checkpoint(path);
  CHECK(told_family(checkpoint, model, prefix, from_left) != nullptr);
  const ModelFamily* family = row_of(model);
  REQUIRE(family != nullptr);
  const LayoutRules rules = family->rules(ComponentNames(checkpoint.tensors, prefix), from_left);
  const Rewriting rewriting =
      rewrite(checkpoint, rules, from_left ? Direction::to_right : Direction::to_left, prefix, to_prefix);
  CHECK(rewriting.carried.empty());
  TracedTensors expected = from_left ? model.right : model.left;
  std::vector<std::string> left_out;
  for (const std::string& name : model.left_out) {
    if (from_left)
      left_out.push_back(prefix + name);
    else
      expected.erase(name);
  }
  CHECK(rewriting.left_out == left_out);
  CHECK(difference(traced(checkpoint, read_file(path), to_prefix), expected) == "");
}

}  // namespace

TEST_CASE("every recorded model becomes what its converter makes of it, and back") {
  for (const std::string& path : recorded_paths()) {
    const RecordedModel model = read_recorded(path);
    CAPTURE(model.name);
    check(model, true, "", "");
    check(model, false, "", "");
    check(model, true, "model.diffusion_model.", "transformer.");
    check(model, false, "transformer.", "model.diffusion_model.");
  }
}

TEST_CASE("every family of diffusers or ComfyUI was recorded") {
  std::set<const ModelFamily*> recorded;
  for (const std::string& path : recorded_paths()) recorded.insert(row_of(read_recorded(path)));
  for (const ModelFamily& family : model_families()) {
    const bool has_two = !family.left_signs.empty() && !family.right_signs.empty() && !family.no_way_right;
    if (!has_two || (family.right != Naming::diffusers && family.right != Naming::comfy)) continue;
    CAPTURE(family.name);
    CHECK(recorded.contains(&family));
  }
}
