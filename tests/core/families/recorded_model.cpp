// SPDX-License-Identifier: Apache-2.0
#include "tests/core/families/recorded_model.h"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <functional>
#include <numeric>
#include <set>
#include <sstream>

namespace ckmerge::test {
namespace {

using Numbers = std::vector<uint64_t>;

Numbers read_shape(const std::string& text) {
  Numbers shape;
  if (text == "-") return shape;
  std::istringstream stream(text);
  for (std::string number; std::getline(stream, number, ',');) shape.push_back(std::stoull(number));
  return shape;
}

uint64_t count_of(const Numbers& shape) {
  return std::accumulate(shape.begin(), shape.end(), uint64_t{1}, std::multiplies<>());
}

Numbers from(uint64_t first, uint64_t count) {
  Numbers numbers(count);
  std::iota(numbers.begin(), numbers.end(), first);
  return numbers;
}

// Which of the left's elements are those of the right: all in order, runs of them, or those of the transposed matrix.
Numbers read_elements(const std::vector<std::string>& words, const TracedTensor& left) {
  if (words.empty()) return left.elements;
  Numbers elements;
  if (words[0] == "t") {
    for (uint64_t column = 0; column < left.shape[1]; ++column)
      for (uint64_t row = 0; row < left.shape[0]; ++row)
        elements.push_back(left.elements[row * left.shape[1] + column]);
    return elements;
  }
  for (const std::string& word : words) {
    const uint64_t first = std::stoull(word), count = std::stoull(word.substr(word.find('+') + 1));
    for (const uint64_t index : from(first, count)) elements.push_back(left.elements[index]);
  }
  return elements;
}

void read_line(const std::string& line, RecordedModel& model, std::set<std::string>& used) {
  std::istringstream stream(line);
  std::string left_name, left_shape, arrow, right_name, right_shape;
  stream >> left_name >> left_shape;
  const auto [place, is_new] = model.left.try_emplace(left_name);
  TracedTensor& left = place->second;
  if (is_new) {
    constexpr uint64_t kApart = 1 << 20;  // as no tensor has so many elements
    left.shape = read_shape(left_shape);
    left.elements = from(model.left.size() * kApart, count_of(left.shape));
  }
  const bool is_kept = !(stream >> arrow);
  if (!is_kept && !(stream >> right_name)) return;
  if (is_kept) right_name = left_name;
  used.insert(left_name);
  TracedTensor right{.shape = left.shape, .elements = left.elements};
  if (stream >> right_shape) {
    std::vector<std::string> words;
    for (std::string word; stream >> word;) words.push_back(word);
    right = {.shape = read_shape(right_shape), .elements = read_elements(words, left)};
  }
  model.right[right_name] = std::move(right);
}

}  // namespace

RecordedModel read_recorded(const std::string& path) {
  RecordedModel model;
  model.name = std::filesystem::path(path).stem().string();
  std::ifstream file(path);
  std::string line, hash;
  std::getline(file, line);
  std::istringstream(line.substr(0, line.find(':'))) >> hash >> model.family >> model.left_naming >> model.right_naming;
  std::set<std::string> used;
  while (std::getline(file, line)) read_line(line, model, used);
  for (const auto& [name, tensor] : model.left)
    if (!used.contains(name)) model.left_out.push_back(name);
  return model;
}

std::vector<std::string> recorded_paths() {
  std::vector<std::string> paths;
  for (const auto& entry : std::filesystem::directory_iterator(CKMERGE_RECORDED_LAYOUTS))
    paths.push_back(entry.path().string());
  std::ranges::sort(paths);
  return paths;
}

std::vector<FileTensor> as_file(const TracedTensors& tensors, const std::string& prefix) {
  std::vector<FileTensor> file;
  for (const auto& [name, tensor] : tensors)
    file.push_back(bits(prefix + name, Dtype::F64, tensor.shape, tensor.elements));
  return file;
}

}  // namespace ckmerge::test
