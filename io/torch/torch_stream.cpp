// SPDX-License-Identifier: Apache-2.0
// The form of torch before 1.6, and of torch.save(..., _use_new_zipfile_serialization=False): five pickles, one behind
// the other (magic number, protocol, what machine, the object, the storages' keys), then each storage in the order of
// its key: a count of elements in eight bytes and the elements.
#include <algorithm>
#include <unordered_map>

#include "io/pickle/pickle_kinds.h"
#include "io/pickle/torch_limits.h"
#include "io/text/error.h"
#include "io/text/sentence.h"
#include "io/torch/judged_names.h"
#include "io/torch/torch_file.h"
#include "io/torch/torch_table.h"

namespace ckmerge {
namespace {

using namespace std::string_view_literals;

// Up to here pickles are read; storages follow, and nothing says where.
constexpr uint64_t kFirstRead = 1 << 20, kGrowth = 16;

// LONG1, ten bytes, STOP; before it PROTO and, from protocol 4 on, a FRAME.
constexpr std::string_view kMagic = "\x8a\nl\xfc\x9c\x46\xf9 j\xa8P\x19."sv;
constexpr size_t kProtoSize = 2, kFrameSize = 9;

constexpr int64_t kProtocol = 1001;

[[noreturn]] void fail(const std::string& what) { throw Error(ErrorCode::malformed, "", what); }

std::string_view text_of(std::span<const std::byte> bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

// Of protocols 0 and 1: the same number in digits.
constexpr std::string_view kMagicInDigits = "L119547037146038801333356L\n."sv;

// Protocols 2 to 5, then an opcode, of which zero is none: 640 is a safetensors header's length too.
bool begins_with_protocol(std::string_view bytes) {
  return bytes.size() > 2 && bytes[0] == '\x80' && bytes[1] >= 2 && bytes[1] <= 5 && bytes[2] != 0;
}

// Of protocols 0 and 1 only what names a function at once, as attacks do: "cos\nsystem\n".
bool begins_with_global(std::string_view bytes) {
  const size_t begin = bytes.starts_with('(') ? 1 : 0;
  if (bytes.size() <= begin || bytes[begin] != 'c') return false;
  const std::string_view line = bytes.substr(begin + 1, bytes.find('\n') - begin - 1);
  return bytes.find('\n') != bytes.npos && !line.empty() && std::ranges::all_of(line, [](unsigned char c) {
           return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '.';
         });
}

// Or a dict or list, and its number in the memo.
bool begins_with_container(std::string_view bytes) {
  constexpr std::string_view kBeginnings[] = {"(dp0\n"sv, "(dp1\n"sv, "(lp0\n"sv, "(lp1\n"sv, "}q\0"sv, "]q\0"sv};
  return std::ranges::any_of(kBeginnings, [&](std::string_view beginning) { return bytes.starts_with(beginning); });
}

// Bytes of the pickle of torch's magic number; 0 where the file begins with something else.
size_t magic_size(std::span<const std::byte> bytes) {
  const std::string_view text = text_of(bytes);
  if (text.starts_with(kMagicInDigits)) return kMagicInDigits.size();
  if (!text.starts_with('\x80')) return 0;
  for (const size_t before : {kProtoSize, kProtoSize + kFrameSize})
    if (text.size() > before && text.substr(before).starts_with(kMagic)) return before + kMagic.size();
  return 0;
}

struct Place {
  std::string_view key;
  uint64_t size = 0, item = 1;  // bytes of a storage, and of its elements
  uint64_t offset = 0;          // of its first byte, once it is placed
  bool placed = false;
};

// Storages by key. Whoever looks them up does so mostly in the order in which they came, so that the place behind the
// last is looked at first: at 10^6 storages a table's misses in the caches are half of the time.
class Places {
 public:
  void reserve(size_t count) {
    places_.reserve(count);
    by_key_.reserve(count);
  }
  Place& add(const TorchStorage& storage) {
    const auto [known, is_new] = by_key_.emplace(storage.key, static_cast<uint32_t>(places_.size()));
    if (is_new) places_.push_back({storage.key, storage.size, storage.type ? storage.type->size : 1});
    return places_[known->second];
  }
  Place* find(std::string_view key) {
    if (next_ < places_.size() && places_[next_].key == key) return &places_[next_++];
    const auto found = by_key_.find(key);
    if (found == by_key_.end()) return nullptr;
    next_ = found->second + 1;
    return &places_[found->second];
  }
  std::span<const Place> all() const { return places_; }

 private:
  std::vector<Place> places_;
  std::unordered_map<std::string_view, uint32_t> by_key_;
  size_t next_ = 0;
};

class StreamReader {
 public:
  StreamReader(std::span<const std::byte> bytes, const OpenOptions& options, Checkpoint& checkpoint)
      : rest_(bytes),
        may_go_on_(bytes.size() < checkpoint.shards[0].size()),
        options_(options),
        checkpoint_(checkpoint) {}

  void read() {
    rest_ = rest_.subspan(magic_size(rest_));
    check_protocol();
    check_machine();
    PickleMachine object(rest_);
    const PickleRef top = next(object);
    note_storages(object);
    PickleMachine keys(rest_);
    const PickleRef list = next(keys);
    place_storages(keys.values(), list);
    const auto locate = [this](const TorchStorage& storage) { return places_.find(storage.key)->offset; };
    fill_from_pickle(object.values(), top, locate, options_, checkpoint_);
  }

 private:
  PickleRef next(PickleMachine& machine) {
    const PickleRef value = run_judged(machine, options_, checkpoint_, may_go_on_);
    rest_ = rest_.subspan(machine.size());
    return value;
  }

  void check_protocol() {
    PickleMachine machine(rest_);
    const PickleRef protocol = next(machine);
    if (machine.values().kind(protocol) != PickleKind::integer || machine.values().integer(protocol) != kProtocol)
      fail("a PyTorch stream of a protocol that is not known");
  }

  void check_machine() {
    PickleMachine machine(rest_);
    const PickleRef info = next(machine);
    const PickleValues& values = machine.values();
    if (values.kind(info) != PickleKind::dict) fail("a PyTorch stream that does not say which machine wrote it");
    const PickleRef little = values.member(info, "little_endian");
    if (little == PickleValues::kNone || values.kind(little) != PickleKind::boolean)
      fail("a PyTorch stream that does not say which machine wrote it");
    if (!values.boolean(little))
      fail(
          "a big-endian PyTorch file; if you trust its author, load it in torch and save it on a little-endian "
          "machine");
  }

  // The pickle says how large each is; what it never mentions has no size, and hides all that follows it.
  void note_storages(const PickleMachine& object) {
    places_.reserve(object.persistent().size());
    for (const PickleRef mention : object.persistent()) {
      const TorchStorage storage = read_storage(object.values(), mention);
      const Place& known = places_.add(storage);
      if (known.size != storage.size) fail("a storage has two sizes in its pickle");
      if (known.item != (storage.type ? storage.type->size : 1)) fail("a storage has two element types in its pickle");
    }
  }

  void place_storages(const PickleValues& values, PickleRef list) {
    if (values.kind(list) != PickleKind::list) fail("a PyTorch stream without a list of storages");
    const InputFile& file = checkpoint_.shards[0];
    checkpoint_.header_size = used();
    uint64_t at = used();
    values.for_each_item(list, [&](PickleRef key) {
      Place* const place = values.kind(key) == PickleKind::text ? places_.find(values.text(key)) : nullptr;
      if (!place) fail("a PyTorch stream with a storage that its pickle does not mention");
      if (place->placed) fail("a PyTorch stream with one storage twice");
      if (file.size() - at < 8) fail("download incomplete: storages are missing at the end of the file");
      uint64_t count = 0;
      file.read_at(at, std::as_writable_bytes(std::span(&count, 1)));
      if (count != place->size / place->item) fail("a storage has two sizes, in its pickle and before its elements");
      at += 8;
      if (place->size > file.size() - at) fail("download incomplete: a storage reaches beyond the end of the file");
      place->offset = at;
      place->placed = true;
      at += place->size;
    });
    if (at != file.size()) fail("bytes behind the last storage of a PyTorch stream");
    if (!std::ranges::all_of(places_.all(), &Place::placed))
      fail("a PyTorch stream without a storage that its pickle mentions");
  }

  uint64_t used() const { return whole_ - rest_.size(); }

  std::span<const std::byte> rest_;
  const uint64_t whole_ = rest_.size();
  const bool may_go_on_;
  const OpenOptions& options_;
  Checkpoint& checkpoint_;
  Places places_;
};

// Reads ever more of the file until the pickles are whole; `read` throws PickleEndsEarly until then.
template <typename Read>
void with_enough_bytes(const InputFile& file, Checkpoint& checkpoint, const Read& read) {
  std::vector<std::byte> bytes;
  for (uint64_t size = std::min(kFirstRead, file.size());;
       size = std::min({size * kGrowth, kLargestPickle, file.size()})) {
    const uint64_t old = bytes.size();
    bytes.resize(size);
    file.read_at(old, std::span(bytes).subspan(old));
    checkpoint.globals.clear();
    try {
      return read(bytes);
    } catch (const PickleEndsEarly& error) {
      if (size == file.size()) throw Error(ErrorCode::malformed, "", sentence("download incomplete: ", error.what()));
      if (size == kLargestPickle) fail(sentence("its pickles are larger than ", kLargestPickle, " bytes"));
    }
  }
}

}  // namespace

bool begins_torch_stream(std::span<const std::byte> first_bytes) { return magic_size(first_bytes) > 0; }

bool begins_pickle(std::span<const std::byte> first_bytes) {
  const std::string_view text = text_of(first_bytes);
  return begins_with_protocol(text) || begins_with_global(text) || begins_with_container(text);
}

void read_torch_stream(Checkpoint& checkpoint, const OpenOptions& options) {
  with_enough_bytes(checkpoint.shards[0], checkpoint,
                    [&](std::span<const std::byte> bytes) { StreamReader(bytes, options, checkpoint).read(); });
}

void read_plain_pickle(Checkpoint& checkpoint, const OpenOptions& options) {
  const InputFile& file = checkpoint.shards[0];
  with_enough_bytes(file, checkpoint, [&](std::span<const std::byte> bytes) {
    PickleMachine machine(bytes);
    OpenOptions whole = options;
    whole.as_stored = true;  // whose it is may say more than what is unsafe in it
    run_judged(machine, whole, checkpoint, bytes.size() < file.size());
    checkpoint.header_size = machine.size();
  });
  const std::string_view kind = other_pickle_kind(checkpoint.globals);
  std::string said = "a Python pickle, but no PyTorch checkpoint; save tensors with torch.save";
  if (!kind.empty()) said = sentence("not a PyTorch checkpoint but ", kind);
  if (options.as_stored) return static_cast<void>(checkpoint.notes.push_back(safe_advice(said, checkpoint.globals)));
  if (kind.empty()) refuse_unsafe(checkpoint.globals);
  const std::string safe = safe_advice(said, checkpoint.globals);
  fail(safe == said ? said + unsafe_clause(checkpoint.globals) : safe);
}

}  // namespace ckmerge
