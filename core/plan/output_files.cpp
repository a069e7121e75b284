// SPDX-License-Identifier: Apache-2.0
#include "core/plan/output_files.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include "core/plan/tied_steps.h"
#include "io/text/error.h"
#include "io/text/sentence.h"

namespace ckmerge {
namespace {

// Of a name the first `front` bytes are left out.
OutputTensor output_tensor(const Step& step, std::span<const Checkpoint> checkpoints, uint32_t same_as, size_t front) {
  const Tensor tensor = checkpoints[step.named.checkpoint].tensors[step.named.tensor];
  return {tensor.name.substr(front), step.dtype, tensor.shape, step.size, same_as};
}

std::vector<OutputTensor> output_tensors(std::span<const Step> planned, std::span<const uint32_t> indices,
                                         std::span<const Checkpoint> checkpoints, std::span<const uint32_t> tied,
                                         size_t front) {
  std::vector<OutputTensor> tensors;
  tensors.reserve(indices.size());
  for (size_t k = 0; k < indices.size(); ++k)
    tensors.push_back(
        output_tensor(planned[indices[k]], checkpoints, tied.empty() ? OutputTensor::kOwn : tied[k], front));
  return tensors;
}

OutputLayout lay_out(const Recipe& recipe, std::span<const OutputTensor> tensors, const Metadata& metadata,
                     size_t least_header_size = 0) {
  const bool told = !metadata.empty() && (recipe.form->says_format || recipe.metadata != MetadataPolicy::none);
  return recipe.form->lay_out(
      tensors, {.metadata = told ? &metadata : nullptr, .least_header_size = least_header_size, .wrap = recipe.wrap});
}

// What a shard says of itself whose first one says the rest.
Metadata format_alone(const Metadata& metadata) {
  Metadata format;
  std::ranges::copy_if(metadata, std::back_inserter(format), [](const auto& field) { return field.first == "format"; });
  return format;
}

uint64_t round_up(uint64_t offset) {
  if (offset > UINT64_MAX - kFileAlignment)
    throw Error(ErrorCode::resources, "", "the output's files together have more bytes than 64 bits can count");
  return (offset + kFileAlignment - 1) / kFileAlignment * kFileAlignment;
}

// Puts a file behind those that are there, and its steps, of which `indices` tells, behind theirs.
void add_file(Plan& plan, std::span<const Step> planned, std::span<const uint32_t> indices, OutputLayout layout) {
  const uint64_t begin = plan.files.empty() ? 0 : round_up(plan.end());
  if (layout.file_size > UINT64_MAX - kFileAlignment - begin)
    throw Error(ErrorCode::resources, "", "the output's files together have more bytes than 64 bits can count");
  PlannedFile file{.place = {begin, begin + layout.file_size},
                   .header = std::move(layout.header),
                   .frame = std::move(layout.frame),
                   .first_step = plan.steps.size(),
                   .end_step = plan.steps.size() + indices.size()};
  for (const uint32_t index : layout.order) {
    plan.steps.push_back(planned[indices[index]]);
    plan.steps.back().offset = begin + layout.offsets[index];
  }
  plan.files.push_back(std::move(file));
}

uint64_t bytes_read_by(const Plan& plan, const Step& step, std::span<const Checkpoint> checkpoints) {
  uint64_t bytes = 0;
  for (size_t s = 0; s < step.source_count; ++s) {
    const Source source = plan.source(step, s);
    bytes += checkpoints[source.checkpoint].tensors[source.tensor].size;
  }
  return bytes;
}

// Takes the bytes from the steps of the last file that are `tied`, by their place in the list that it was laid out of.
void tie_steps(Plan& plan, std::span<const Checkpoint> checkpoints, std::span<const uint32_t> order,
               std::span<const uint32_t> tied) {
  if (tied.empty()) return;
  const size_t first = plan.files.back().first_step;
  std::vector<uint32_t> step_of(order.size());
  for (size_t k = 0; k < order.size(); ++k) step_of[order[k]] = static_cast<uint32_t>(first + k);
  for (const uint32_t i : order) {
    if (tied[i] == OutputTensor::kOwn) continue;
    Step& step = plan.steps[step_of[i]];
    plan.bytes_to_read -= bytes_read_by(plan, step, checkpoints);
    step.size = 0;
    plan.ties.push_back({.step = step_of[i], .owner = step_of[tied[i]]});
  }
}

std::string header_with_hashes(const Plan& plan, const PlannedFile& file, std::span<const Checkpoint> checkpoints,
                               Metadata metadata) {
  std::vector<OutputTensor> tensors;
  for (size_t i = file.first_step; i < file.end_step; ++i) {
    const size_t owner = plan.owner(i);
    const uint32_t same_as = owner == i ? OutputTensor::kOwn : static_cast<uint32_t>(owner - file.first_step);
    tensors.push_back(output_tensor(plan.steps[i], checkpoints, same_as, file.prefix.size()));
  }
  const auto laid_out = [&] { return lay_out(plan.recipe, tensors, metadata, file.header.size()).header; };
  std::string header = laid_out();
  if (header.size() < file.header.size()) {  // of a form whose header cannot be padded
    pad_metadata(metadata, file.header.size() - header.size());
    header = laid_out();
  }
  if (header.size() != file.header.size())
    throw Error(ErrorCode::malformed, "",
                sentence("the header with the inputs' hashes takes ", header.size(), " bytes, longer than planned (",
                         file.header.size(), "); merge without --hash, and report this as a fault of ckmerge"));
  return header;
}

// What lies in memory has no sum.
std::vector<InputHash> stand_ins_of(std::span<const Checkpoint> checkpoints) {
  std::vector<InputHash> hashes = stand_in_hashes(checkpoints.size());
  for (size_t k = 0; k < hashes.size(); ++k)
    if (checkpoints[k].lies_in_memory()) hashes[k] = {};
  return hashes;
}

}  // namespace

void lay_out_files(Plan& plan, std::span<const Checkpoint> checkpoints, std::span<const FileContents> files) {
  const std::span<const Checkpoint> given = given_checkpoints(checkpoints);
  const std::vector<InputHash> hashes = plan.recipe.hash ? stand_ins_of(given) : std::vector<InputHash>();
  const Metadata metadata = output_metadata(plan.recipe, given, plan.kind, hashes);
  const Metadata format = format_alone(metadata);
  const std::vector<Step> planned = std::exchange(plan.steps, {});
  plan.steps.reserve(planned.size());
  plan.files.clear();
  plan.ties.clear();
  for (const FileContents& file : files) {
    const std::vector<uint32_t>& indices = file.steps;
    // The tensors' list is gone before the steps are put in order: at 10^6 tensors it takes 56 MB.
    const std::vector<uint32_t> tied =
        plan.recipe.form->shares_bytes ? tied_steps(plan, checkpoints, planned, indices) : std::vector<uint32_t>();
    OutputLayout layout = lay_out(plan.recipe, output_tensors(planned, indices, checkpoints, tied, file.prefix.size()),
                                  file.is_further_shard ? format : metadata);
    const std::vector<uint32_t> order = layout.order;
    add_file(plan, planned, indices, std::move(layout));
    plan.files.back().prefix = file.prefix;
    plan.files.back().is_further_shard = file.is_further_shard;
    tie_steps(plan, checkpoints, order, tied);
  }
}

size_t file_at(const Plan& plan, uint64_t offset) {
  const auto begins_behind = [](uint64_t at, const PlannedFile& file) { return at < file.place.begin; };
  const auto behind = std::upper_bound(plan.files.begin(), plan.files.end(), offset, begins_behind);
  return static_cast<size_t>(behind - plan.files.begin()) - 1;
}

uint64_t next_offset(const Plan& plan, uint64_t offset) {
  const size_t file = file_at(plan, offset);
  return offset < plan.files[file].place.end || file + 1 == plan.files.size() ? offset
                                                                              : plan.files[file + 1].place.begin;
}

ByteRange tile_at(const Plan& plan, uint64_t offset, uint64_t tile_size) {
  return {offset, std::min(offset + tile_size, plan.files[file_at(plan, offset)].place.end)};
}

std::vector<std::string> headers_with_hashes(const Plan& plan, std::span<const Checkpoint> checkpoints,
                                             std::span<const InputHash> hashes) {
  const Metadata metadata = output_metadata(plan.recipe, given_checkpoints(checkpoints), plan.kind, hashes);
  std::vector<std::string> headers;
  for (const PlannedFile& file : plan.files)
    headers.push_back(file.is_further_shard ? file.header : header_with_hashes(plan, file, checkpoints, metadata));
  return headers;
}

}  // namespace ckmerge
