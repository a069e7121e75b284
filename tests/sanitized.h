// SPDX-License-Identifier: Apache-2.0
// Whether a sanitizer slows this test down: where rounds only repeat what one of them shows, fewer do.
#pragma once

namespace ckmerge::test {

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
inline constexpr bool kSanitized = true;
#else
inline constexpr bool kSanitized = false;
#endif

#if defined(__SANITIZE_THREAD__)
inline constexpr bool kThreadSanitized = true;
#else
inline constexpr bool kThreadSanitized = false;
#endif

}  // namespace ckmerge::test
