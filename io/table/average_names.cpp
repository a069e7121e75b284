// SPDX-License-Identifier: Apache-2.0
#include "io/table/average_names.h"

#include "io/text/error.h"
#include "io/text/sentence.h"

namespace ckmerge {
namespace {

struct Census {
  size_t wrapped = 0;  // AveragedModel's module.
  size_t average = 0;  // ema-pytorch's
  size_t weights = 0;  // beside it
  size_t counters = 0, others = 0;
  bool counts_averages = false;  // n_averaged is there
  bool initted = false;
};

Census census(const TensorTable& tensors) {
  Census all;
  for (size_t i = 0; i < tensors.size(); ++i) {
    const std::string_view name = tensors[i].name;
    if (name.starts_with(kAveragedModel.average))
      ++all.wrapped;
    else if (name.starts_with(kEmaPytorch.average))
      ++all.average;
    else if (name.starts_with(kEmaPytorch.weights))
      ++all.weights;
    else if (tensors[i].count == 1 && is_average_counter(name))
      ++all.counters;
    else
      ++all.others;
    all.counts_averages |= name == "n_averaged";
    all.initted |= name == "initted";
  }
  return all;
}

[[noreturn]] void refuse_drop(std::string_view trainer) {
  throw Error(ErrorCode::mismatch, "",
              sentence("all of it is an average of weights, ", trainer,
                       "'s, of which nothing would be left; leave out --ema drop"));
}

void rename(TensorTable& tensors, const std::function<std::string(std::string_view)>& new_name) {
  const std::vector<size_t> repeated = tensors.rename(new_name);
  if (repeated.empty()) return;
  const std::string name(tensors[repeated.front()].name);
  throw Error(ErrorCode::malformed, name,
              sentence("tensor '", name, "' would be there twice without the prefix of its average"));
}

// `module.` before every tensor but counters: AveragedModel's, or MMEngine's, whose `steps` counts as well.
void unwrap(Checkpoint& checkpoint, const Census& all) {
  rename(checkpoint.tensors, [](std::string_view name) {
    const std::string_view prefix = kAveragedModel.average;
    return std::string(name.starts_with(prefix) ? name.substr(prefix.size()) : "");
  });
  const std::string what =
      all.counts_averages ? sentence("it is the average that ", kAveragedModel.trainer, " keeps: ") : std::string();
  checkpoint.notes.push_back(sentence(what, kAveragedModel.average, " was taken off ", counted(all.wrapped, "name"),
                                      all.counters == 1 ? ", and its counter" : ", and its counters", " left out"));
}

// The one of two prefixes: the other's tensors are left out, save buffers, which are the trained model's.
void split(Checkpoint& checkpoint, bool average) {
  const TensorTable& tensors = checkpoint.tensors;
  const auto other_has = [&](std::string_view prefix, std::string_view name) {
    return tensors.find(std::string(prefix) + std::string(name)) != TensorTable::npos;
  };
  const auto is_trained_models = [&](std::string_view whole, std::string_view name) {
    return is_buffer(name, tensors[tensors.find(whole)].dtype);
  };
  // The table must not change while names are looked up in it.
  std::vector<std::string> names;
  names.reserve(tensors.size());
  for (size_t i = 0; i < tensors.size(); ++i) {
    const std::string_view whole = tensors[i].name;
    const bool of_average = whole.starts_with(kEmaPytorch.average);
    if (!of_average && !whole.starts_with(kEmaPytorch.weights)) {
      names.emplace_back(tensors[i].count == 1 && is_average_counter(whole) ? "" : whole);
      continue;
    }
    const std::string_view prefix = of_average ? kEmaPytorch.average : kEmaPytorch.weights,
                           other = of_average ? kEmaPytorch.weights : kEmaPytorch.average,
                           name = whole.substr(prefix.size());
    const bool wanted = average && !is_trained_models(whole, name);
    names.emplace_back(of_average == wanted || !other_has(other, name) ? name : "");
  }
  size_t next = 0;
  std::vector<std::string> in_order = std::move(names);
  rename(checkpoint.tensors, [&](std::string_view) { return in_order[next++]; });
}

void take_ema_pytorch(Checkpoint& checkpoint, const Census& all, EmaPolicy ema) {
  const std::string trainer(kEmaPytorch.trainer);
  if (ema == EmaPolicy::keep) {
    checkpoint.notes.push_back(sentence("its ", kEmaPytorch.average, "* are the average of ", kEmaPytorch.weights,
                                        "* (", trainer, "): convert --ema use takes them, --ema drop the others"));
    return;
  }
  if (ema == EmaPolicy::drop && all.weights == 0) refuse_drop(trainer);
  split(checkpoint, ema == EmaPolicy::use);
  checkpoint.average_taken = ema == EmaPolicy::use;
  checkpoint.notes.push_back(ema == EmaPolicy::use
                                 ? sentence(kEmaPytorch.average, "*, the average of the weights (", trainer,
                                            "), was taken, integers and running statistics from ", kEmaPytorch.weights,
                                            "*; prefixes and counters were left out")
                                 : sentence(kEmaPytorch.weights, "*, the trained weights (", trainer,
                                            "), were taken; their average, prefixes and counters were left out"));
}

// The averaging of espnet goes by the file's name: valid.acc.ave_10best.pth, valid.acc.ave.pth.
bool is_called_like_espnet(std::string_view path) {
  const std::string_view name = path.substr(path.rfind('/') + 1);
  return name.ends_with(".ave.pth") || (name.find(".ave_") != name.npos && name.ends_with("best.pth"));
}

void note_espnet(Checkpoint& checkpoint) {
  checkpoint.average_taken = true;
  size_t integers = 0;
  for (size_t i = 0; i < checkpoint.tensors.size(); ++i)
    integers += info(checkpoint.tensors[i].dtype).kind == DtypeKind::integer;
  checkpoint.notes.push_back(sentence(
      "its name is that of an average by espnet",
      integers == 0 ? std::string()
                    : sentence(", which adds up the integers of its snapshots: ", counted(integers, "tensor"),
                               integers == 1 ? " is such a sum" : " are such sums", ", take them from a snapshot")));
}

}  // namespace

void take_average_names(Checkpoint& checkpoint, EmaPolicy ema) {
  if (is_called_like_espnet(checkpoint.path)) note_espnet(checkpoint);
  const TensorTable& tensors = checkpoint.tensors;
  const Census all = census(tensors);
  if (all.average > 0 && all.initted) return take_ema_pytorch(checkpoint, all, ema);
  if (all.wrapped == 0 || all.counters == 0 || all.wrapped + all.counters != tensors.size()) return;
  if (all.counts_averages && ema == EmaPolicy::drop) refuse_drop(kAveragedModel.trainer);
  checkpoint.average_taken |= all.counts_averages;
  unwrap(checkpoint, all);
}

}  // namespace ckmerge
