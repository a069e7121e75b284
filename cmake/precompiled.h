// SPDX-License-Identifier: Apache-2.0
// What most files include, read once for a whole target (CKMERGE_PCH). A file includes what it needs all the same:
// builds without this header see to it.
#pragma once

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>
