// SPDX-License-Identifier: Apache-2.0
#include "core/vocabulary/written_tokenizer.h"

#include <algorithm>
#include <charconv>
#include <unordered_set>
#include <vector>

#include "io/text/json_scanner.h"
#include "io/text/json_writer.h"
#include "io/text/sentence.h"

namespace ckmerge {
namespace {

using ScannedKind = JsonScanner::Kind;

// What tokenizers say of a text that was added without further words.
constexpr std::string_view kMadeSettings =
    R"("single_word": false, "lstrip": false, "rstrip": false, "normalized": true, "special": false)";

std::string added_text(const std::vector<AddedToken>& added) {
  std::string out = "[";
  for (const AddedToken& token : added) {
    out += out.size() == 1 ? "\n" : ",\n";
    out += sentence("    {\"id\": ", token.id, ", \"content\": ");
    append_json_string(out, token.content);
    append_settings(out, token);
    out += '}';
  }
  return out + (added.empty() ? "]" : "\n  ]");
}

uint64_t number_of(std::string_view digits) {
  uint64_t number = 0;
  std::from_chars(digits.data(), digits.data() + digits.size(), number);
  return number;
}

// Parts of a model that name tokens, without those that are not kept.
class KeptParts {
 public:
  explicit KeptParts(uint64_t rows) : rows_(rows) {}

  std::string vocab(std::string_view text) {
    JsonScanner json(text);
    const bool list = json.kind() == ScannedKind::array;
    std::string out(list ? "[" : "{");
    uint64_t id = 0;
    for (json.enter(list ? ScannedKind::array : ScannedKind::object); json.next(); ++id) {
      const size_t begin = json.place();
      std::string token = list ? first_of(json) : std::string(json.key());
      const uint64_t own = list ? id : number_of(json.number());
      if (own < rows_)
        append(out, json.since(begin));
      else
        unused_.insert(std::move(token));
    }
    return out + (list ? ']' : '}');
  }

  /// After vocab().
  std::string merges(std::string_view text) const {
    JsonScanner json(text);
    if (json.kind() != ScannedKind::array) return std::string(text);
    std::string out = "[";
    for (json.enter(ScannedKind::array); json.next();) {
      const size_t begin = json.place();
      const std::vector<std::string> parts = pair(json);
      const bool is_kept = parts.size() != 2 || !(unused_.contains(parts[0]) || unused_.contains(parts[1]) ||
                                                  unused_.contains(parts[0] + parts[1]));
      if (is_kept) append(out, json.since(begin));
    }
    return out + ']';
  }

 private:
  static void append(std::string& out, std::string_view item) {
    if (out.size() > 1) out += ',';
    out += item;
  }

  static std::string first_of(JsonScanner& json) {
    std::string token;
    json.enter(ScannedKind::array);
    for (bool first = true; json.next(); first = false) {
      if (first && json.kind() == ScannedKind::string)
        token = json.string();
      else
        json.skip();
    }
    return token;
  }

  // As files of either age write it: two strings, or one with a blank between.
  static std::vector<std::string> pair(JsonScanner& json) {
    std::vector<std::string> parts;
    if (json.kind() == ScannedKind::string) {
      const std::string_view both = json.string();
      const size_t blank = both.find(' ');
      if (blank != std::string_view::npos)
        parts = {std::string(both.substr(0, blank)), std::string(both.substr(blank + 1))};
    } else if (json.kind() == ScannedKind::array) {
      json.enter(ScannedKind::array);
      while (json.next()) {
        if (json.kind() == ScannedKind::string)
          parts.emplace_back(json.string());
        else
          json.skip();
      }
    } else {
      json.skip();
    }
    return parts;
  }

  uint64_t rows_;
  std::unordered_set<std::string> unused_;
};

struct Edit {
  std::string_view place;
  std::string text;
};

}  // namespace

void append_settings(std::string& out, const AddedToken& token) {
  const std::string_view settings = token.made ? kMadeSettings : std::string_view(token.settings);
  if (!settings.empty()) out.append(", ").append(settings);
}

std::string written_tokenizer(std::string_view text, const ModelTokens& tokens, uint64_t rows) {
  expect_same_ids(tokens);
  const TokenizerText read = read_tokenizer(text, [](std::string_view /*token*/, uint32_t /*id*/) {});
  std::vector<Edit> edits;
  const bool has_added = !read.places.added.empty();
  if (has_added) edits.push_back({read.places.added, added_text(tokens.added)});
  if (read.end > rows) {
    KeptParts parts(rows);
    edits.push_back({read.places.vocab, parts.vocab(read.places.vocab)});
    if (!read.places.merges.empty()) edits.push_back({read.places.merges, parts.merges(read.places.merges)});
  }
  std::ranges::sort(edits, {}, [](const Edit& edit) { return edit.place.data(); });
  std::string out;
  size_t size = text.size();
  for (const Edit& edit : edits) size += edit.text.size();
  out.reserve(size);
  size_t at = 0;
  if (!has_added) {
    at = text.find('{') + 1;
    out = sentence(text.substr(0, at), "\n  \"added_tokens\": ", added_text(tokens.added), ",");
  }
  for (const Edit& edit : edits) {
    const auto begin = static_cast<size_t>(edit.place.data() - text.data());
    out += text.substr(at, begin - at);
    out += edit.text;
    at = begin + edit.place.size();
  }
  return out += text.substr(at);
}

}  // namespace ckmerge
