// SPDX-License-Identifier: Apache-2.0
#include "cli/report/folder_report.h"

#include <algorithm>

#include "cli/options/sizes.h"
#include "io/hash/folder_sum.h"

namespace ckmerge::cli {
namespace {

std::string config_clause(const FolderFile& file) {
  if (!file.config_from.empty()) return ", its config from " + visible(file.config_from);
  return file.config ? ", its config made of names and shapes" : "";
}

// What is carried, in one line; what is not, with the reason.
std::string beside_lines(const MergeFacts& facts) {
  std::vector<std::string> carried, left;
  for (const BesideFile& file : facts.beside) {
    const std::string path = visible(file.path);
    file.left.empty() ? carried.push_back(path) : left.push_back(path + " (" + file.left + ")");
  }
  const auto line = [](const char* what, std::vector<std::string>& files) {
    if (files.empty()) return std::string();
    const size_t count = files.size();
    if (count > kListed) files.resize(kListed);
    return std::string("  ") + what + ": " + joined(files, ", ") +
           (count > kListed ? ", and " + grouped(count - kListed) + " more" : "") + "\n";
  };
  return line("carried from A", carried) + line("not carried", left);
}

}  // namespace

OutputSums sums_of_whole(const MergeFacts& facts, const RunReport& report) {
  if (report.sums.empty()) return {};
  if (facts.files.size() <= 1 || report.sums.size() != facts.files.size()) return report.sums.front();
  std::vector<NamedSum> sums;
  for (size_t k = 0; k < facts.files.size(); ++k)
    sums.push_back({.name = facts.files[k].weights, .sha256 = report.sums[k].sha256});
  return {.sha256 = folder_sum(sums), .tensor_sha256 = {}};
}

std::string folder_lines(const MergeFacts& facts) {
  std::string out;
  const size_t shown = facts.verbose ? facts.files.size() : std::min(facts.files.size(), kListed);
  for (size_t k = 0; k < shown; ++k) {
    const PlannedFile& planned = facts.plan.files[k];
    out += "  " + visible(facts.files[k].weights) + ": " + counted(planned.end_step - planned.first_step, "tensor") +
           ", " + size_text(planned.size()) + config_clause(facts.files[k]) + "\n";
  }
  if (shown < facts.files.size()) out += "  ... and " + grouped(facts.files.size() - shown) + " more files\n";
  return out + beside_lines(facts);
}

void write_folder(JsonWriter& json, const MergeFacts& facts) {
  if (facts.files.empty()) return;
  json.key("files").begin_array();
  for (size_t k = 0; k < facts.files.size(); ++k) {
    const PlannedFile& planned = facts.plan.files[k];
    json.begin_object();
    json.key("path").value(facts.files[k].weights);
    json.key("component").value(facts.files[k].component);
    json.key("size").value(planned.size());
    json.key("header_size").value(planned.header.size());
    json.key("tensors").value(planned.end_step - planned.first_step);
    json.end_object();
  }
  json.end_array();
  json.key("beside").begin_array();
  for (const BesideFile& file : facts.beside) {
    json.begin_object().key("path").value(file.path).key("left");
    file.left.empty() ? json.null() : json.value(file.left);
    json.end_object();
  }
  json.end_array();
}

void write_folder_sums(JsonWriter& json, const MergeFacts& facts, const RunReport& report) {
  if (facts.files.empty() || report.sums.size() != facts.files.size()) return;
  json.key("files").begin_array();
  for (size_t k = 0; k < facts.files.size(); ++k) {
    json.begin_object();
    json.key("path").value(facts.files[k].weights);
    json.key("sha256").value(report.sums[k].sha256);
    json.key("autov3").value(report.sums[k].tensor_sha256);
    json.end_object();
  }
  json.end_array();
}

}  // namespace ckmerge::cli
