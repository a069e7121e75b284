// SPDX-License-Identifier: Apache-2.0
// The program of the Python package: calls the one in the library, ../libckmerge.so from where this file is. It is
// looked for by its path and not linked, so that what repairs wheels leaves the two as they are.
#include <dlfcn.h>
#include <unistd.h>

#include <array>
#include <climits>
#include <cstdio>
#include <string>

int main(int argc, char** argv) {
  std::array<char, PATH_MAX> self{};
  const ssize_t length = readlink("/proc/self/exe", self.data(), self.size() - 1);
  std::string path(self.data(), length > 0 ? static_cast<size_t>(length) : 0);
  for (int level = 0; level < 2; ++level) path.resize(path.find_last_of('/') == path.npos ? 0 : path.find_last_of('/'));
  path += "/libckmerge.so";
  void* const library = dlopen(path.c_str(), RTLD_NOW);
  void* const program = library ? dlsym(library, "ckmerge_program") : nullptr;
  if (program) return reinterpret_cast<int (*)(int, char**)>(program)(argc, argv);
  std::fprintf(stderr, "error: %s cannot be loaded: %s; install the ckmerge wheel again\n", path.c_str(), dlerror());
  return 1;
}
