// SPDX-License-Identifier: Apache-2.0
// Whether a sanitizer slows this test down: where rounds only repeat what one of them shows, fewer do.
#pragma once

namespace ckmerge::test {

#if defined(__has_feature)  // clang's way to ask
#if __has_feature(address_sanitizer)
#define __SANITIZE_ADDRESS__ 1
#endif
#endif

#if defined(__SANITIZE_THREAD__)
inline constexpr bool kThreadSanitized = true;
#else
inline constexpr bool kThreadSanitized = false;
#endif

#if defined(__SANITIZE_ADDRESS__)
inline constexpr bool kSanitized = true;
#else
inline constexpr bool kSanitized = kThreadSanitized;
#endif

}  // namespace ckmerge::test
