// SPDX-License-Identifier: Apache-2.0
// mergekit's methods: what each wants of its models, its parameters, and what it is as a formula here. Facts of
// mergekit 0.1.5.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/mergekit/mergekit_setting.h"

namespace ckmerge {

struct MergekitParameter {
  enum class Scope : uint8_t {
    shared,     ///< one for all models; at a model mergekit does not look for it
    input,      ///< one per model
    non_base,   ///< one per model but the base, where that is what others are compared with
    no_effect,  ///< known to mergekit, and without effect in this method
  };
  std::string_view name;
  Scope scope = Scope::shared;
  MergekitKind kind = MergekitKind::number;
  bool is_required = false;
  double default_value = 0;
  bool is_share_of_draws = false;  ///< held against random numbers as it is, in the dtype in which mergekit works

  bool is_per_model() const { return scope == Scope::input || scope == Scope::non_base; }
};

/// What of a run of mergekit's own is asked for that ckmerge does in another way.
struct MergekitLikeness {
  bool masks = false;  ///< those that mergekit-yaml draws
  bool order = false;  ///< its order of equal magnitudes and variances
};

/// What a call of a method is made of, as texts of a formula.
struct MergekitCall {
  std::vector<std::string> operands = {};                 ///< the base first, where the method has one
  bool has_base = false;                                  ///< the first of them is
  std::vector<std::vector<std::string>> parameters = {};  ///< by row of the method's; of one per model in their order
  uint64_t seed = 0;                                      ///< of random numbers
  MergekitLikeness likeness = {};
};

struct MergekitMethod {
  std::string_view name;
  /// What a base is to it: one more model, what it cannot do without, or what it works from where there is one.
  enum class Base : uint8_t { counts, needed, optional };
  Base base = Base::counts;
  size_t least = 1, most = SIZE_MAX;  ///< models, the base among them where it is needed or counts
  std::string_view from_zero = {};    ///< the parameter of which there is as 0 what lies below it, if any
  bool draws = false;                 ///< masks, from random numbers
  bool ranks = false;                 ///< magnitudes or variances, of which equal ones have an order of mergekit's
  std::span<const MergekitParameter> parameters = {};
  /// The formula. Of parameters without effect, and of those whose default is
  /// none and that were not given, the texts are empty.
  std::string (*formula)(const MergekitCall&) = nullptr;
};

/// The row of `name`. Throws Error(usage) of `place` in `where`: an unknown method, with a near one, or one that
/// ckmerge has not.
const MergekitMethod& mergekit_method(std::string_view name, const YamlValue& place, const std::string& where);

/// All rows, for tests and documents.
std::span<const MergekitMethod> mergekit_methods();

}  // namespace ckmerge
