// SPDX-License-Identifier: Apache-2.0
#include "io/text/display_width.h"

#include <algorithm>
#include <array>

namespace ckmerge {
namespace {

struct Range {
  uint32_t first, last;  // code points
  size_t width;
};

// Unicode 15, neighbours of one script joined: code points between them that mean nothing do not matter.
constexpr auto kRanges = std::to_array<Range>({
    {0x300, 0x36f, 0},      // combining marks
    {0x483, 0x489, 0},      // of Cyrillic
    {0x591, 0x5bd, 0},      // of Hebrew
    {0x610, 0x61a, 0},      // of Arabic
    {0x64b, 0x65f, 0},      // of Arabic
    {0xe34, 0xe3a, 0},      // of Thai
    {0xe47, 0xe4e, 0},      // of Thai
    {0x1100, 0x115f, 2},    // Hangul, leading consonants
    {0x1160, 0x11ff, 0},    // Hangul, vowels and trailing consonants
    {0x1ab0, 0x1aff, 0},    // combining marks
    {0x1dc0, 0x1dff, 0},    // combining marks
    {0x200b, 0x200f, 0},    // joiners and marks of direction
    {0x20d0, 0x20ff, 0},    // combining marks for symbols
    {0x231a, 0x231b, 2},    // watches
    {0x23e9, 0x23ec, 2},    // arrows of players
    {0x25fd, 0x25fe, 2},    // squares
    {0x2614, 0x2615, 2},    // umbrella, hot drink
    {0x2648, 0x2653, 2},    // zodiac
    {0x26aa, 0x26ab, 2},    // circles
    {0x26bd, 0x26be, 2},    // balls
    {0x2705, 0x2705, 2},    // check mark
    {0x270a, 0x270b, 2},    // hands
    {0x2728, 0x2728, 2},    // sparkles
    {0x274c, 0x274c, 2},    // cross
    {0x2753, 0x2757, 2},    // question and exclamation marks
    {0x2795, 0x2797, 2},    // plus, minus, divide
    {0x2b1b, 0x2b1c, 2},    // squares
    {0x2b50, 0x2b55, 2},    // star, circle
    {0x2e80, 0x3029, 2},    // CJK radicals, punctuation
    {0x302a, 0x302d, 0},    // tone marks
    {0x302e, 0x303e, 2},    // CJK punctuation
    {0x3041, 0x3098, 2},    // Hiragana
    {0x3099, 0x309a, 0},    // voiced sound marks
    {0x309b, 0xa4cf, 2},    // Kana, Bopomofo, Hangul letters, ideographs, Yi
    {0xa960, 0xa97c, 2},    // Hangul
    {0xac00, 0xd7a3, 2},    // Hangul syllables
    {0xf900, 0xfaff, 2},    // ideographs
    {0xfe00, 0xfe0f, 0},    // variation selectors
    {0xfe10, 0xfe19, 2},    // vertical forms
    {0xfe20, 0xfe2f, 0},    // combining half marks
    {0xfe30, 0xfe6b, 2},    // CJK compatibility and small forms
    {0xff01, 0xff60, 2},    // full-width forms
    {0xffe0, 0xffe6, 2},    // full-width forms
    {0x16fe0, 0x18cff, 2},  // Tangut
    {0x1aff0, 0x1b2ff, 2},  // Kana, Nushu
    {0x1f18e, 0x1f19a, 2},  // enclosed letters
    {0x1f200, 0x1f64f, 2},  // enclosed ideographs, pictographs, faces
    {0x1f680, 0x1f6ff, 2},  // transport
    {0x1f7e0, 0x1f7f0, 2},  // coloured circles
    {0x1f90c, 0x1f9ff, 2},  // more pictographs
    {0x1fa70, 0x1faff, 2},  // more pictographs
    {0x20000, 0x3fffd, 2},  // ideographs
    {0xe0100, 0xe01ef, 0},  // variation selectors
});

}  // namespace

size_t display_width(uint32_t code_point) {
  const auto* const range = std::ranges::lower_bound(kRanges, code_point, {}, &Range::last);
  return range != kRanges.end() && range->first <= code_point ? range->width : 1;
}

}  // namespace ckmerge
