// SPDX-License-Identifier: Apache-2.0
// The pickle machine on any bytes, by itself and as data.pkl of an archive whose storages are there, so that what it
// says of tensors is looked at too.
#include "io/pickle/pickle_globals.h"
#include "io/pickle/pickle_machine.h"
#include "io/torch/average_dicts.h"
#include "io/torch/state_dict.h"
#include "io/torch/tensor_dicts.h"
#include "tests/fuzz/torch_bytes.h"

using namespace ckmerge;
using namespace ckmerge::fuzz;

namespace {

void append(std::string& out, uint64_t number, size_t bytes) {
  for (size_t i = 0; i < bytes; ++i) out += static_cast<char>(number >> 8 * i);
}

struct Entry {
  std::string name;
  std::string_view bytes;
};

// A local header and its record of the directory differ in what stands around the same thirteen fields.
std::string archive_of(const std::vector<Entry>& entries) {
  std::string out, directory;
  for (const Entry& entry : entries) {
    const size_t offset = out.size();
    std::string fields;
    fields += std::string(12, '\0');  // flags, method, time, date, sum
    append(fields, entry.bytes.size(), 4);
    append(fields, entry.bytes.size(), 4);
    append(fields, entry.name.size(), 2);
    append(fields, 0, 2);
    out += std::string("PK\3\4\0\0", 6) + fields + entry.name;
    out += entry.bytes;
    directory += std::string("PK\1\2\0\0\0\0", 8) + fields;
    directory += std::string(10, '\0');
    append(directory, offset, 4);
    directory += entry.name;
  }
  const size_t begin = out.size();
  out += directory + std::string("PK\5\6\0\0\0\0", 8);
  append(out, entries.size(), 2);
  append(out, entries.size(), 2);
  append(out, directory.size(), 4);
  append(out, begin, 4);
  return out + std::string(2, '\0');
}

void run_alone(std::string_view bytes) {
  PickleMachine machine(std::as_bytes(std::span(bytes)));
  try {
    const PickleRef top = machine.run();
    expect(machine.size() <= bytes.size());
    description(machine.values(), top);
    find_state_dict(machine.values(), top);
    tensor_dicts(machine.values(), top);
    find_average_pair(machine.values(), top);
  } catch (const Error&) {
  }
  for (const PickleMachine::Name& name : machine.names()) danger_of(name.module, name.name);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  run_alone(bytes);
  const std::string storage(64, 'x');
  open_both_ways(archive_of({{"a/data.pkl", bytes},
                             {"a/data/0", std::string_view(storage).substr(0, 16)},
                             {"a/data/1", storage},
                             {"a/data/2", ""},
                             {"a/version", "3\n"}}));
  return 0;
}
