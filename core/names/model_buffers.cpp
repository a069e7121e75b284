// SPDX-License-Identifier: Apache-2.0
// Sources of the rows: what ComfyUI writes and looks for (model_detection.py, supported_models.py, model_sampling.py),
// the buffers of ldm, sgm and guided-diffusion, those of transformers, timm and torch.
#include "core/names/model_buffers.h"

#include <algorithm>
#include <array>
#include <string>

namespace ckmerge {
namespace {

using enum NamePlace;

constexpr BufferRow kRows[] = {
    {"v_pred", whole, BufferKind::mark, BufferShape::any, "it predicts v, not noise"},
    {"ztsnr", whole, BufferKind::mark, BufferShape::any, "its noise ends at a signal-to-noise ratio of zero"},
    {"edm_vpred.", beginning, BufferKind::mark, BufferShape::list, "it is sampled by EDM's sigmas and predicts v"},
    {"edm_eps.", beginning, BufferKind::mark, BufferShape::list, "it is sampled by EDM's sigmas"},
    {"edm_", undotted, BufferKind::mark, BufferShape::list, "its latents are scaled as EDM's"},
    {"__index_timestep_zero__", last, BufferKind::mark, BufferShape::any, "its reference images are of timestep zero"},
    {"__x0__", last, BufferKind::mark, BufferShape::any, "it predicts the image, not noise"},
    {"__", dunder, BufferKind::mark, BufferShape::any, "it is read in a way of its own"},

    {"alphas_cumprod", contained, BufferKind::schedule},
    {"betas", whole, BufferKind::schedule, BufferShape::list},
    {"betas", scheduler, BufferKind::schedule, BufferShape::list},
    {"alphas", scheduler, BufferKind::schedule, BufferShape::list},
    {"sigmas", whole, BufferKind::schedule, BufferShape::list},
    {"sigmas", scheduler, BufferKind::schedule, BufferShape::list},
    {"log_sigmas", whole, BufferKind::schedule, BufferShape::list},
    {"log_sigmas", scheduler, BufferKind::schedule, BufferShape::list},
    {"timesteps", scheduler, BufferKind::schedule, BufferShape::list},
    {"posterior_variance", last, BufferKind::schedule, BufferShape::list},
    {"posterior_log_variance_clipped", last, BufferKind::schedule, BufferShape::list},
    {"posterior_mean_coef1", last, BufferKind::schedule, BufferShape::list},
    {"posterior_mean_coef2", last, BufferKind::schedule, BufferShape::list},
    {"sqrt_recip_alphas", last, BufferKind::schedule, BufferShape::list},
    {"lvlb_weights", last, BufferKind::schedule, BufferShape::list},
    {"ddim_sigmas", last, BufferKind::schedule, BufferShape::list},
    {"ddim_alphas", last, BufferKind::schedule, BufferShape::list},
    {"ddim_alphas_prev", last, BufferKind::schedule, BufferShape::list},
    {"ddim_sqrt_one_minus_alphas", last, BufferKind::schedule, BufferShape::list},
    {"p2_loss_weight", whole, BufferKind::schedule, BufferShape::list},
    // Below a loss a logvar is learned.
    {"logvar", whole, BufferKind::schedule, BufferShape::list},
    {"scale_factor", whole, BufferKind::schedule, BufferShape::list},

    {"attn_mask", last, BufferKind::mask},
    {"causal_mask", last, BufferKind::mask},
    {"masked_bias", last, BufferKind::mask, BufferShape::list},
    {"tril", last, BufferKind::mask, BufferShape::square},
    {"mask", last, BufferKind::mask, BufferShape::square},
    // GPT-2's and GPT-NeoX's masks are called as other models' biases.
    {"attn.bias", ending, BufferKind::mask, BufferShape::square},
    {"attention.bias", ending, BufferKind::mask, BufferShape::square},

    {"position_ids", last, BufferKind::table},
    {"token_type_ids", last, BufferKind::table},
    {"inv_freq", last, BufferKind::table},
    {"original_inv_freq", last, BufferKind::table},
    {"freqs_cis", last, BufferKind::table},
    {"freqs_cos", last, BufferKind::table},
    {"freqs_sin", last, BufferKind::table},
    {"cos_cached", last, BufferKind::table},
    {"sin_cached", last, BufferKind::table},
    {"rope.freqs", ending, BufferKind::table, BufferShape::list},
    {"rotary_emb.freqs", ending, BufferKind::table, BufferShape::list},
    {"rotary_embed.freqs", ending, BufferKind::table, BufferShape::list},
    {"rope.periods", ending, BufferKind::table, BufferShape::list},
    {"rope_embed.periods", ending, BufferKind::table, BufferShape::list},
    {"pos_embedder.seq", ending, BufferKind::table},
    {"pos_embedder.dim_spatial_range", ending, BufferKind::table},
    {"pos_embedder.dim_temporal_range", ending, BufferKind::table},
    {"relative_position_index", last, BufferKind::table},
    {"relative_coords_table", last, BufferKind::table},
    {"hann_window", last, BufferKind::table},
    {"stft.window", ending, BufferKind::table, BufferShape::list},
    {"spectrogram.window", ending, BufferKind::table, BufferShape::list},
    {"mel_basis", last, BufferKind::table},
    {"mel_scale.fb", ending, BufferKind::table},

    {"num_batches_tracked", last, BufferKind::counter},
    {"n_averaged", last, BufferKind::counter, BufferShape::list},
    {"num_updates", last, BufferKind::counter, BufferShape::list},
    {"model_ema.decay", whole, BufferKind::counter, BufferShape::list},
    {"epoch", whole, BufferKind::counter, BufferShape::list},
    {"global_step", whole, BufferKind::counter, BufferShape::list},
    {"iteration", whole, BufferKind::counter, BufferShape::list},

    {"tid2eid", last, BufferKind::routing},
};

constexpr std::string_view kSamplers[] = {"denoiser",        "model_sampling", "diffusion", "gaussian_diffusion",
                                          "noise_scheduler", "noise_schedule", "scheduler", "sampler"};

std::string_view last_component(std::string_view name) { return name.substr(name.rfind('.') + 1); }

bool is_below_sampler(std::string_view name, std::string_view last) {
  if (name.size() == last.size()) return false;
  name.remove_suffix(last.size() + 1);
  return std::ranges::find(kSamplers, last_component(name)) != std::end(kSamplers);
}

bool fits_name(const BufferRow& row, std::string_view name, std::string_view last) {
  switch (row.place) {
    case whole: return name == row.text;
    case beginning: return name.starts_with(row.text);
    case undotted: return name.size() == last.size() && name.starts_with(row.text);
    case NamePlace::last: return last == row.text;
    case contained: return last.find(row.text) != last.npos;
    case ending:
      return name.ends_with(row.text) &&
             (name.size() == row.text.size() || name[name.size() - row.text.size() - 1] == '.');
    case scheduler: return last == row.text && is_below_sampler(name, last);
    case dunder:
      return last.size() > 2 * row.text.size() && last.starts_with(row.text) && last.ends_with(row.text) &&
             last != "__metadata__";
  }
  return false;
}

bool fits_shape(BufferShape wanted, Shape shape) {
  if (wanted == BufferShape::list) return shape.size() <= 1;
  if (wanted == BufferShape::any) return true;
  if (shape.size() < 2 || shape.back() != shape[shape.size() - 2] || shape.back() == 1) return false;
  return std::ranges::all_of(shape.first(shape.size() - 2), [](uint64_t dimension) { return dimension == 1; });
}

// A million names are told from the rows by the first character and the length of their last component.
constexpr size_t kLongest = 64;
using Ends = std::array<uint64_t, 128>;

constexpr Ends ends_of_rows() {
  Ends ends{};
  for (const BufferRow& row : kRows) {
    const std::string_view last = row.text.substr(row.text.rfind('.') + 1);
    if (!last.empty()) ends[static_cast<unsigned char>(last[0])] |= uint64_t{1} << last.size();
  }
  return ends;
}
constexpr Ends kEnds = ends_of_rows();

// Of all names of a sorted table, up to a dot.
size_t common_prefix(const TensorTable& table) {
  const std::string_view first = table.name(0), last = table.name(table.size() - 1);
  const auto common = static_cast<size_t>(std::ranges::mismatch(first, last).in1 - first.begin());
  const size_t dot = first.substr(0, common).rfind('.');
  return dot == first.npos ? 0 : dot + 1;
}

const BufferRow* mark_below_prefix(const TensorTable& table, const Tensor& tensor) {
  const size_t prefix = common_prefix(table);
  if (prefix == 0) return nullptr;
  const BufferRow* const row = buffer_row(tensor.name.substr(prefix), tensor.shape);
  return row && row->kind == BufferKind::mark ? row : nullptr;
}

// ldm's and guided-diffusion's modules hold all of these, whatever the modules are called.
const BufferRow* schedule_beside_others(const TensorTable& table, const Tensor& tensor) {
  const std::string_view last = last_component(tensor.name);
  const BufferRow* const row = last.size() < tensor.name.size() ? buffer_row(last, tensor.shape) : nullptr;
  if (!row || row->kind != BufferKind::schedule) return nullptr;
  const std::string beside = std::string(tensor.name.substr(0, tensor.name.size() - last.size())) + "alphas_cumprod";
  return table.find(beside) == TensorTable::npos ? nullptr : row;
}

bool may_fit(std::string_view name, std::string_view last) {
  if (last.empty() || last == "weight") return false;  // begins and is as long as "window"
  const auto first = static_cast<unsigned char>(last[0]);
  if (first < kEnds.size() && last.size() < kLongest && (kEnds[first] >> last.size() & 1)) return true;
  return last.starts_with("__") || name.starts_with("edm_") || last.find("alphas_cumprod") != last.npos;
}

}  // namespace

const BufferRow* buffer_row(std::string_view name, Shape shape) {
  const std::string_view last = last_component(name);
  if (!may_fit(name, last)) return nullptr;
  for (const BufferRow& row : kRows)
    if (fits_name(row, name, last) && fits_shape(row.shape, shape)) return &row;
  return nullptr;
}

const BufferRow* buffer_row(const TensorTable& table, const Tensor& tensor) {
  if (const BufferRow* const row = buffer_row(tensor.name, tensor.shape)) return row;
  const bool may_be = may_fit(tensor.name, last_component(tensor.name)) || tensor.name.find("edm_") != tensor.name.npos;
  if (!may_be) return nullptr;
  if (const BufferRow* const row = mark_below_prefix(table, tensor)) return row;
  return schedule_beside_others(table, tensor);
}

bool is_position_ids(std::string_view name) { return last_component(name) == "position_ids"; }

}  // namespace ckmerge
