// SPDX-License-Identifier: Apache-2.0
#include "io/registry/presence.h"

#include "io/file/folder_walk.h"

namespace ckmerge {

Presence presence_of(const RegisteredFile& file) {
  FileIdentity now;
  if (!look_up_file(file.path, now)) return is_gone(file.path) ? Presence::gone : Presence::there;
  return file.same_state(now) ? Presence::there : Presence::changed;
}

}  // namespace ckmerge
