#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# yaml-cpp 0.7.0 (Debian 12, libyaml-cpp-dev 0.7.0+dfsg-8+b1): a quoted scalar that is never closed.
#
# Expected: an exception with the place of the quote, as PyYAML raises ("while scanning a quoted scalar ... found
# unexpected end of stream"), since YAML 1.2 (7.3) has no quoted scalar without its closing quote.
# Seen: inside of a map the text is taken. The value is everything to the end of the text, so that the keys below the
# quote are gone without a word: two keys of three are left out here. The newline at the text's end decides: without
# it, "illegal EOF in scalar" is thrown.
# Whoever reads configurations with yaml-cpp has to look for the closing quote by the mark of the node.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"

version=0.7.0+dfsg-8+b1
apt-get download -q=2 "libyaml-cpp0.7=$version" "libyaml-cpp-dev=$version"
for package in ./*.deb; do dpkg -x "$package" tree; done
libraries=$(dirname "$(find tree -name libyaml-cpp.so.0.7)")

cat > read.cpp <<'END'
#include <yaml-cpp/yaml.h>

#include <cstdio>
#include <string>

static void show(const std::string& text) {
  try {
    const YAML::Node node = YAML::Load(text);
    std::printf("%zu key:", node.size());
    for (const auto& entry : node) std::printf(" [%s]", entry.second.as<std::string>().c_str());
    std::printf("\n");
  } catch (const YAML::Exception& error) {
    std::printf("%s\n", error.msg.c_str());
  }
}

int main() {
  show("title: 'mine\ndtype: bf16\nnan: warn\n");
  show("title: 'mine\ndtype: bf16\nnan: warn");
}
END
g++ -std=c++17 -Itree/usr/include read.cpp -L"$libraries" -lyaml-cpp -o read
LD_LIBRARY_PATH="$libraries" ./read | tee seen

diff - seen <<'END'
1 key: [mine dtype: bf16 nan: warn ]
illegal EOF in scalar
END
echo "as described"
