// SPDX-License-Identifier: Apache-2.0
#include "core/vocabulary/token_rows.h"

#include <algorithm>
#include <unordered_map>

#include "io/text/error.h"
#include "io/text/sentence.h"
#include "io/text/utf8.h"

namespace ckmerge {
namespace {

using OriginKind = RowOrigin::Kind;

class Placing {
 public:
  Placing(const VocabularyRequest& request, const KnownTokens& known, std::span<const uint64_t> rows)
      : request_(request), known_(known), rows_(rows) {
    for (const auto& [token, source] : request.tokens)
      if (source.kind != TokenSource::Kind::usual) named_[known.texts.find(token)] = &source;
  }

  TokenRows place() {
    for (size_t k = 0; k < rows_.size(); ++k)
      out_.again.push_back(std::ranges::find(known_.paths.first(k), known_.paths[k]) !=
                           known_.paths.begin() + static_cast<ptrdiff_t>(k));
    out_.tokens = known_.result.end;
    const uint64_t all = padded(out_.tokens);
    out_.own.assign(known_.models.size(), std::vector<uint32_t>(all, kNoRow));
    out_.others.resize(all);
    for (uint64_t row = out_.tokens; row < all; ++row) out_.others[row].kind = OriginKind::mean;
    std::vector<bool> is_used(out_.tokens);
    for (uint32_t number = 0; number < known_.texts.size(); ++number) {
      const uint32_t row = known_.result.id_of(number);
      if (row == ModelTokens::kNoId) continue;
      is_used[row] = true;
      place_token(number);
    }
    out_.unused = static_cast<size_t>(std::ranges::count(is_used, false));
    return std::move(out_);
  }

 private:
  uint64_t padded(uint64_t tokens) const {
    constexpr uint64_t kMost = uint64_t{1} << 26;
    const uint64_t step = std::max<uint64_t>(request_.pad_to_multiple_of, 1);
    if (step > kMost)
      throw Error(
          ErrorCode::usage, "pad_to_multiple_of",
          sentence("pad_to_multiple_of ", step, " is more than a vocabulary has; multiples of 64 or so are meant"));
    return (tokens + step - 1) / step * step;
  }

  uint32_t own_row(size_t model, uint32_t number) const {
    const uint32_t id = known_.models[model].id_of(number);
    return id != ModelTokens::kNoId && id < rows_[model] ? id : kNoRow;
  }

  void place_token(uint32_t number) {
    const uint32_t row = known_.result.id_of(number);
    const auto named = named_.find(number);
    const TokenSource* const source = named == named_.end() ? nullptr : named->second;
    const bool force = source && source->force;
    bool everywhere = !force;
    for (size_t k = 0; k < rows_.size(); ++k) {
      const uint32_t own = force ? kNoRow : own_row(k, number);
      out_.own[k][row] = own;
      everywhere &= own != kNoRow || rows_[k] == 0;
    }
    if (!everywhere) out_.others[row] = source ? asked(*source, number) : usual(number);
  }

  RowOrigin usual(uint32_t number) {
    size_t owners = 0, owner = 0;
    for (size_t k = rows_.size(); k-- > 0;)
      if (!out_.again[k] && own_row(k, number) != kNoRow) {
        ++owners;
        owner = k;  // the first of them, in the end
      }
    if (owners == 0) {
      ++out_.unknown;
      return {};
    }
    if (owners > 1 && !(request_.has_base && owner == 0)) return {.kind = OriginKind::average};
    return {.kind = OriginKind::input, .input = static_cast<uint32_t>(owner), .row = own_row(owner, number)};
  }

  RowOrigin asked(const TokenSource& source, uint32_t number) const {
    if (source.kind == TokenSource::Kind::zero) return {};
    if (source.input >= rows_.size()) refuse(number, sentence("there is no input ", source.input));
    const std::string& path = known_.paths[source.input];
    if (rows_[source.input] == 0) refuse(number, sentence(path, " has no such rows"));
    uint32_t row = kNoRow;
    switch (source.kind) {
      case TokenSource::Kind::input:
        row = own_row(source.input, number);
        if (row == kNoRow) refuse(number, sentence(path, " has no row of it"));
        break;
      case TokenSource::Kind::token: {
        const uint32_t meant = known_.texts.find(source.token);
        row = meant == TokenTexts::kNone ? kNoRow : own_row(source.input, meant);
        if (row == kNoRow) refuse(number, sentence(path, " has no row of '", valid_utf8(source.token), "'"));
        break;
      }
      default:
        if (source.id >= rows_[source.input])
          refuse(number, sentence(path, " has no row ", source.id, ", but ", rows_[source.input], " rows"));
        row = static_cast<uint32_t>(source.id);
    }
    return {.kind = OriginKind::input, .input = source.input, .row = row};
  }

  [[noreturn]] void refuse(uint32_t number, const std::string& why) const {
    const std::string token = valid_utf8(known_.texts[number]);
    throw Error(ErrorCode::usage, token,
                sentence("the row of token '", token, "' cannot be had: ", why, "; give it another source"));
  }

  const VocabularyRequest& request_;
  const KnownTokens& known_;
  std::span<const uint64_t> rows_;
  std::unordered_map<uint32_t, const TokenSource*> named_;
  TokenRows out_;
};

}  // namespace

TokenRows place_rows(const VocabularyRequest& request, const KnownTokens& known, std::span<const uint64_t> rows) {
  return Placing(request, known, rows).place();
}

}  // namespace ckmerge
