// SPDX-License-Identifier: Apache-2.0
// The options that set parameters of merge methods. There is one for every name that a method's spec gives to one of
// its parameters, and --param, which sets any of them.
#pragma once

#include <vector>

#include "cli/options/option.h"

namespace ckmerge::cli {

/// Methods that give a parameter the same name share its option.
std::vector<OptionSpec> method_options();

/// --method. Of an unknown one the parameters are not read: what they mean is not known.
Reader read_method();

/// --param NAME=VALUE.
Reader read_param();
/// --seed: of all that draws random numbers.
Reader read_seed();

/// The parameter of `spec` called `name`, or as its option is. Throws Error(usage) that lists them.
const ParameterSpec& parameter_called(const MethodSpec& spec, const Word& word, const std::string& name);

/// "true", "on", "yes" or "1", or their opposites.
double flag_value(const std::string& option, const std::string& text);

/// The parameter of the method called `method` that `--option` sets, or null.
const ParameterSpec* parameter_of_option(const std::string& method, const std::string& option);

}  // namespace ckmerge::cli
