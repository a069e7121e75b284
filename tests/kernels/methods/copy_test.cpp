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
  CHECK(find_method("Linear") == nullptr);
}

}  // namespace ckmerge
