// SPDX-License-Identifier: Apache-2.0
#include "tests/kernels/methods/method_runs.h"

namespace ckmerge {

TEST_CASE("copy: computes nothing and has no coefficients") {
  CHECK(coefficients("copy", with_number(1, 0)).values.empty());
  CHECK(copied("copy", {}, 1) == 0);
  const auto a = weights(1);
  CHECK(merged("copy", {}, {a}) == a);
}

TEST_CASE("methods are listed by name, and each is found by its own") {
  std::string_view last;
  for (const Method& method : methods()) {
    CHECK(last < std::string_view(method.spec->name));
    last = method.spec->name;
    CHECK(find_method(method.spec->name) == &method);
  }
  CHECK(find_method("") == nullptr);
  CHECK(find_method("linea") == nullptr);
}

TEST_CASE("methods are found by what other programs call them, and no name is that of two") {
  const std::pair<const char*, const char*> names[] = {{"Weighted sum", "weighted_sum"},
                                                       {"lerp", "weighted_sum"},
                                                       {"Add difference", "add_difference"},
                                                       {"sum Twice", "sum_twice"},
                                                       {"Triple sum", "triple_sum"},
                                                       {"trainDifference", "train_difference"},
                                                       {"LINEAR", "linear"},
                                                       {"weighted-sum", "weighted_sum"}};
  for (const auto& [name, method] : names) {
    const Method* const found = find_method(name);
    REQUIRE(found);
    CHECK(std::string(found->spec->name) == method);
  }
  for (const Method& method : methods())
    for (const char* const alias : method.spec->aliases)
      if (alias) CHECK(find_method(alias) == &method);
}

}  // namespace ckmerge
