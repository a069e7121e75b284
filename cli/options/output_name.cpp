// SPDX-License-Identifier: Apache-2.0
// A1111: modules/extras.py, ui_checkpoint_merger. ComfyUI: folder_paths.py, get_save_image_path. Where ours differ from
// them a comment says so.
#include "cli/options/output_name.h"

#include <algorithm>
#include <charconv>
#include <ctime>
#include <filesystem>

#include "cli/system/text.h"
#include "core/recipe/python_text.h"
#include "io/memory/memory_tensors.h"
#include "io/text/error.h"
#include "io/text/sentence.h"

namespace ckmerge::cli {
namespace {

namespace fs = std::filesystem;

// Of a name in bytes, on every filesystem in use.
constexpr size_t kMaxNameSize = 255;

constexpr const char* kAdvice = "name the file with -o FILE";

// What a partial file of a merge ends with (io/file/output_file): the name it will become is not taken yet.
constexpr std::string_view kPartial = ".ckmerge-partial";

// ---- A1111

// os.path.splitext of the base name: dots at the beginning start no extension. A1111 has no backslash in a name.
std::string model_name(const std::string& path) {
  std::string name = path.substr(path.rfind('/') + 1);
  if (names_memory(name)) name.erase(0, kMemoryPrefix.size());  // Windows has no colon in a name
  const size_t dot = name.rfind('.');
  if (dot != std::string::npos && name.find_first_not_of('.') < dot) name.erase(dot);
  std::ranges::replace(name, '\\', '_');
  return name;
}

std::string rounded(double number) { return python_float(python_round2(number)); }

double number_of(const Recipe& recipe, const ParameterSpec& parameter) {
  const auto given = recipe.parameters.find(parameter.name);
  return given == recipe.parameters.end() ? parameter.default_value : given->second.at(0);
}

// A parameter as it stands in a name; empty: it says nothing there.
std::string parameter_name(const Recipe& recipe, const ParameterSpec& parameter) {
  const auto given = recipe.parameters.find(parameter.name);
  switch (parameter.kind) {
    case ParameterKind::number: return rounded(number_of(recipe, parameter));
    case ParameterKind::flag: {
      const bool is_on = number_of(recipe, parameter) != 0, is_default = is_on == (parameter.default_value != 0);
      return is_default ? "" : (is_on ? "" : "no ") + std::string(parameter.name);
    }
    default: break;
  }
  std::vector<std::string> numbers;
  if (given != recipe.parameters.end())
    for (const double number : given->second) numbers.push_back(rounded(number));
  return joined(numbers, ", ");
}

std::string call_name(const Recipe& recipe, const std::vector<std::string>& models) {
  std::vector<std::string> parts = models;
  if (const Method* method = find_method(recipe.method))  // a formula is none
    for (const ParameterSpec& parameter : method->spec->parameter_list())
      if (std::string part = parameter_name(recipe, parameter); !part.empty()) parts.push_back(std::move(part));
  return recipe.method + "(" + joined(parts, ", ") + ")";
}

std::string sum_name(std::span<const double> weights, const std::vector<std::string>& models) {
  std::vector<std::string> terms;
  for (size_t k = 0; k < models.size(); ++k) terms.push_back(rounded(weights[k]) + "(" + models[k] + ")");
  return joined(terms, " + ");
}

std::string name_without_suffix(const Recipe& recipe, const std::vector<std::string>& models) {
  // Of weighted_sum and linear: the weights, in the order of the checkpoints. Of add_difference: alpha comes second.
  if (recipe.formula) return call_name(recipe, models);
  const std::vector<double> coefficients =
      resolve_coefficients(recipe, models.size() + recipe.bake_vae + recipe.adapters.size());
  if (recipe.method == "weighted_sum" || recipe.method == "linear") return sum_name(coefficients, models);
  if (recipe.method == "copy") return models[0];
  if (recipe.method != "add_difference") return call_name(recipe, models);
  const double alpha = number_of(recipe, find_method(recipe.method)->spec->parameters[0]);
  return models[0] + " + " + rounded(alpha) + "(" + models[1] + " - " + models[2] + ")";
}

// ---- ComfyUI

std::string digits(int number, size_t width) {
  const std::string text = std::to_string(number);
  return std::string(width - std::min(width, text.size()), '0') + text;
}

// int(text), save that a negative number and one of more than 18 digits count as 0, as what is no number does.
uint64_t counter_in(std::string_view text) {
  constexpr const char* kBlanks = " \t\n\r\f\v";
  text.remove_prefix(std::min(text.find_first_not_of(kBlanks), text.size()));
  text = text.substr(0, text.find_last_not_of(kBlanks) + 1);
  if (text.starts_with('+')) text.remove_prefix(1);
  text.remove_prefix(std::min(text.find_first_not_of('0'), text.size()));
  uint64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  return error == std::errc() && end == text.data() + text.size() && text.size() <= 18 ? number : 0;
}

std::vector<std::string> names_in(const std::string& folder) {
  std::vector<std::string> names;
  std::error_code error;  // a folder that is not there yet, or may not be read, has no names to keep clear of
  for (fs::directory_iterator entry(folder, error), end; !error && entry != end; entry.increment(error))
    if (std::string name = entry->path().filename().string(); !name.ends_with(kPartial))
      names.push_back(std::move(name));
  return names;
}

[[noreturn]] void fail_folder(const std::string& folder, const std::string& what, const std::error_code& error) {
  throw Error(ErrorCode::io, folder, folder + ": " + what + ": " + error.message());
}

fs::path resolved(const std::string& folder, const fs::path& path) {
  std::error_code error;
  fs::path out = fs::weakly_canonical(path, error);
  if (error) fail_folder(folder, "cannot be looked into", error);
  return out;
}

}  // namespace

std::vector<std::string> form_names() {
  std::vector<std::string> names;
  for (const OutputForm& form : output_forms()) names.emplace_back(form.name);
  return names;
}

bool is_folder(const std::string& output) {
  std::error_code error;
  return output.ends_with('/') || fs::is_directory(output, error);
}

void expect_file_name(const std::string& option, const std::string& name, const std::string& advice) {
  const auto refuse = [&](const std::string& fault) {
    throw Error(ErrorCode::usage, option,
                option + ": the name '" + shortened(name, kNameWidth) + "' " + fault + "; " + advice);
  };
  if (name.size() > kMaxNameSize)
    refuse("has " + std::to_string(name.size()) + " bytes, more than " + std::to_string(kMaxNameSize));
  const auto is_control = [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; };
  if (std::ranges::any_of(name, is_control)) refuse("has control characters");
}

std::string a1111_name(const Recipe& recipe, std::span<const std::string> inputs, ResultKind kind) {
  std::vector<std::string> models;
  for (const std::string& path : inputs.first(merged_inputs(recipe, inputs.size()))) models.push_back(model_name(path));
  std::string name = name_without_suffix(recipe, models);
  for (size_t k = first_adapter(recipe, inputs.size()), i = 0; k < inputs.size(); ++k, ++i)
    if (!recipe.formula) name += " + " + rounded(recipe.adapters[i].strength) + "(" + model_name(inputs[k]) + ")";
  if (!recipe.weights.empty()) name += " by blocks";  // the numbers before it are those of all other tensors
  if (!recipe.rules.empty()) name += " by rules";
  if (kind.inpainting) name += ".inpainting";
  if (kind.instruct_pix2pix) name += ".instruct-pix2pix";
  name += recipe.form->extension();
  expect_file_name("--output", name, kAdvice);
  return name;
}

LocalTime local_time() {
  const std::time_t now = std::time(nullptr);
  const std::tm* const local = std::localtime(&now);
  if (!local) return {};
  return {local->tm_year + 1900, local->tm_mon + 1, local->tm_mday, local->tm_hour, local->tm_min, local->tm_sec};
}

std::string expand_fields(std::string prefix, const LocalTime& now) {
  const std::pair<std::string_view, std::string> fields[] = {
      {"%width%", "0"},
      {"%height%", "0"},
      {"%year%", digits(now.year, 1)},
      {"%month%", digits(now.month, 2)},
      {"%day%", digits(now.day, 2)},
      {"%hour%", digits(now.hour, 2)},
      {"%minute%", digits(now.minute, 2)},
      {"%second%", digits(now.second, 2)},
  };
  for (const auto& [field, text] : fields)
    for (size_t at = 0; (at = prefix.find(field, at)) != std::string::npos; at += text.size())
      prefix.replace(at, field.size(), text);
  return prefix;
}

uint64_t next_counter(std::span<const std::string> names, std::string_view base) {
  uint64_t largest = 0;
  for (const std::string_view name : names) {
    if (!name.starts_with(base) || !name.substr(base.size()).starts_with('_')) continue;
    const std::string_view rest = name.substr(base.size() + 1);
    largest = std::max(largest, counter_in(rest.substr(0, rest.find('_'))));
  }
  return largest + 1;
}

NumberedNames::NumberedNames(const std::string& folder, const std::string& prefix, const LocalTime& now,
                             const OutputForm& form)
    : root_(folder.empty() ? "." : folder), extension_(form.extension()) {
  fs::path path = fs::path(expand_fields(prefix, now)).lexically_normal();
  if (!path.has_filename()) path = path.parent_path();  // "merged/flux/" means "merged/flux"
  base_ = path.filename().string();
  if (base_.empty() || base_ == "." || base_ == "..")
    throw Error(ErrorCode::usage, "--filename-prefix", "--filename-prefix: '" + prefix + "' names no file");
  folder_ = (fs::path(root_) / path.parent_path()).string();
  std::error_code error;
  if (!fs::is_directory(root_, error)) {
    if (!error) error = std::make_error_code(std::errc::not_a_directory);
    fail_folder(root_, "the folder to write into must exist", error);
  }
  expect_inside();
}

// ComfyUI does not look where links lead.
void NumberedNames::expect_inside() const {
  const fs::path root = resolved(root_, root_), folder = resolved(folder_, folder_);
  if (std::mismatch(root.begin(), root.end(), folder.begin(), folder.end()).first == root.end()) return;
  throw Error(ErrorCode::usage, "--filename-prefix",
              "--filename-prefix: " + folder_ + " is not inside " + root_ + "; name another folder with -o DIR");
}

void NumberedNames::remove_made_folders() const noexcept {
  std::error_code not_empty;
  for (const std::string& folder : made_) fs::remove(folder, not_empty);
}

void NumberedNames::make_folders() {
  std::error_code error;
  for (fs::path path = folder_; !path.empty() && !fs::exists(path, error); path = path.parent_path())
    made_.push_back(path.string());
  fs::create_directories(folder_, error);
  if (error) fail_folder(folder_, "cannot be made", error);
  expect_inside();  // what was missing when the prefix was checked may be a link now
}

std::string NumberedNames::next() {
  last_ = std::max(next_counter(names_in(folder_), base_), last_ + 1);
  const std::string number = std::to_string(last_);
  const std::string name =
      base_ + "_" + std::string(5 - std::min<size_t>(5, number.size()), '0') + number + "_" + extension_;
  expect_file_name("--filename-prefix", name, kAdvice);
  return (fs::path(folder_) / name).string();
}

void expect_checkpoint_name(const std::string& output) {
  if (output == "-")
    throw Error(
        ErrorCode::usage, "--output",
        "-o -: a checkpoint is written to a file, in any order of its bytes, not to standard output; name a file "
        "(./- for one that is called -) and send that on");
  if (const std::string_view kind = promised_elsewhere(output); !kind.empty())
    throw Error(
        ErrorCode::usage, output,
        sentence(output, " would be taken for ", kind, ", which is not written; name a .safetensors or a .ckpt"));
}

std::string extension_warning(const std::string& output, const OutputForm& form) {
  if (output.empty() || promised_form(output)) return "";
  const std::string extension = std::filesystem::path(output).extension();
  return sentence(output, extension.empty() ? " has no extension" : sentence(" ends in ", extension),
                  ", by which no program knows it as ", form.name, "; call it ", output, form.extension());
}

}  // namespace ckmerge::cli
