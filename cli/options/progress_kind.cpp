// SPDX-License-Identifier: Apache-2.0
#include "cli/options/progress_kind.h"

namespace ckmerge::cli {

ProgressKind progress_kind(ProgressChoice choice, const Environment& environment) {
  switch (choice) {
    case ProgressChoice::automatic:
      return environment.stderr_tty && !environment.dumb ? ProgressKind::bar : ProgressKind::plain;
    case ProgressChoice::bar: return environment.dumb ? ProgressKind::plain : ProgressKind::bar;
    case ProgressChoice::plain: return ProgressKind::plain;
    case ProgressChoice::json: return ProgressKind::json;
    case ProgressChoice::none: break;
  }
  return ProgressKind::none;
}

}  // namespace ckmerge::cli
