// SPDX-License-Identifier: Apache-2.0
// Who asked for a command: where its result goes and what is said besides, who watches the work and who may end it. The
// terminal is one caller (cli/report/terminal.h), a call of the C interface another (cli/capi/call.h). Commands know
// this interface alone, and all that they know of whoever asked is in it: calls at once in one process share nothing.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "cli/options/settings.h"
#include "cli/system/system.h"
#include "core/threads/progress.h"
#include "io/checkpoint.h"
#include "io/text/json_writer.h"

namespace ckmerge::cli {

/// What is shown of a piece of work while it is done. It goes away with this, however the work ended.
class ProgressView {
 public:
  ProgressView() = default;
  ProgressView(const ProgressView&) = delete;
  ProgressView& operator=(const ProgressView&) = delete;
  virtual ~ProgressView() = default;

  /// RunOptions::on_progress.
  virtual void update(const Progress& progress) = 0;
  /// RunOptions::on_commit: who wants to end the work from here on is told that it is too late.
  virtual void commit() {}
  /// The work is done: so many bytes in so many seconds.
  virtual void finish(uint64_t total, double seconds) = 0;
};

class Caller {
 public:
  explicit Caller(Environment surroundings) : environment(std::move(surroundings)) {}
  Caller(const Caller&) = delete;
  Caller& operator=(const Caller&) = delete;
  virtual ~Caller() = default;

  /// The result: for people, or (Settings::json) one document for programs. Throws Error(io) where it cannot be had.
  virtual void tell(std::string_view text) = 0;
  virtual void tell(const JsonWriter& document) = 0;

  /// A sentence that belongs to no result.
  virtual void warn(const std::string& sentence) noexcept = 0;

  /// Opens what the caller means by `path`: a file, or a checkpoint in memory that it hands over beside the request.
  /// Throws Error(usage) where it hands over none of this name, else as open_checkpoint() and open_tensors().
  virtual Checkpoint open(const std::string& path, const OpenOptions& how = {});

  /// Shows work of `total` bytes; 0 where that is not known yet.
  virtual std::unique_ptr<ProgressView> watch(const Settings& settings, uint64_t total) = 0;

  /// RunOptions::stop. From the first call on, whoever wants to end the command raises it.
  virtual StopFlag stop() = 0;

  const Environment environment;
};

}  // namespace ckmerge::cli
