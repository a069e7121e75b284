// SPDX-License-Identifier: Apache-2.0
// How near the results of methods are to those of the programs that they come from, as docs/methods.md says it.
// tests/peers holds every row to what the program itself gave.
#pragma once

#include <span>

namespace ckmerge {

struct PeerResult {
  const char* method;
  const char* peer;
  const char* called;  ///< there
  /// How far apart results may lie, in units of 2^-24 of the element's largest magnitude in the inputs, or of the
  /// tensor's with `of_tensor`. 0: not at all. kDifferent: another definition.
  double units;
  bool of_tensor;
  const char* why;

  static constexpr double kDifferent = -1;
};

/// By method and peer.
std::span<const PeerResult> peer_results();

}  // namespace ckmerge
