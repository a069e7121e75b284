# SPDX-License-Identifier: Apache-2.0
"""Files include what they use of the standard library, of the system and of other libraries, themselves or by a header of ours. Builds
of many sources in one do not see where one is missing; a compiler does only where no other header happens to bring it."""
import functools
import re

import tree

# Of each name the header that has it.
HEADERS = {
    "algorithm": "min max clamp sort stable_sort partial_sort nth_element equal any_of all_of none_of copy copy_n fill fill_n mismatch find "
                 "find_if count count_if lower_bound upper_bound unique is_sorted transform stable_partition shuffle rotate replace "
                 "max_element merge next_permutation swap_ranges",
    "array": "array to_array",
    "atomic": "atomic memory_order_relaxed",
    "bit": "bit_cast bit_ceil bit_floor bit_width has_single_bit countr_zero countl_zero popcount",
    "bitset": "bitset",
    "charconv": "from_chars to_chars chars_format from_chars_result",
    "cmath": "sqrt fabs isnan isinf isfinite ldexp frexp scalbn ilogb signbit copysign exp log pow floor ceil round llround nearbyint sin cos "
             "tanh acos asin atan2 nextafter nan nanf fmin fmax",
    "concepts": "integral floating_point same_as",
    "condition_variable": "condition_variable",
    "cstdio": "printf fprintf snprintf sscanf puts fputs fflush",
    "cstdlib": "abort exit getenv malloc free aligned_alloc strtol strtoul strtoull atoi",
    "cstring": "memcpy memset memcmp strlen strcmp strncmp strcpy strerror",
    "deque": "deque",
    "exception": "exception_ptr current_exception rethrow_exception",
    "fstream": "ifstream ofstream fstream",
    "functional": "function multiplies",
    "iterator": "back_inserter istreambuf_iterator make_move_iterator move_iterator",
    "latch": "latch",
    "limits": "numeric_limits",
    "list": "list",
    "map": "map multimap",
    "memory": "unique_ptr shared_ptr weak_ptr make_unique make_shared make_unique_for_overwrite",
    "mutex": "mutex lock_guard unique_lock once_flag call_once defer_lock",
    "new": "bad_alloc align_val_t",
    "numeric": "accumulate iota gcd exclusive_scan",
    "optional": "optional nullopt in_place",
    "random": "mt19937 mt19937_64 minstd_rand normal_distribution",
    "regex": "regex smatch regex_search regex_match",
    "set": "set multiset",
    "span": "span as_bytes as_writable_bytes",
    "sstream": "istringstream ostringstream",
    "stdexcept": "runtime_error logic_error length_error",
    "string": "string to_string stoi stoul stoull getline",
    "system_error": "errc error_code system_error make_error_code",
    "thread": "thread jthread",
    "tuple": "tuple tie",
    "type_traits": "is_same_v is_enum_v conditional_t remove_cvref_t",
    "unordered_map": "unordered_map unordered_multimap",
    "unordered_set": "unordered_set",
    "vector": "vector",
}
PREFIXES = {"chrono::": "chrono", "ranges::": "algorithm", "this_thread::": "thread", "filesystem": "filesystem"}
# Names that several headers have.
SHARED = {
    "pair make_pair move forward exchange swap": "utility algorithm array functional map memory optional set span string string_view tuple "
                                                 "unordered_map unordered_set vector deque",
    "initializer_list": "initializer_list algorithm map set string unordered_map unordered_set utility vector",
    "string_view": "string_view string",
    "byte ptrdiff_t": "cstddef span",
    "system_error errc error_code make_error_code": "system_error filesystem charconv",
    "exception": "exception stdexcept new memory",
    "to_integer": "cstddef",
}
# What is not in namespace std.
WORDS = {
    "cstdint stdint.h": r"(?:std::)?(?:u?int(?:8|16|32|64)_t|u?intptr_t|U?INT(?:8|16|32|64)_(?:MAX|MIN))\b",
    "assert.h cassert": r"assert\(",
    "errno.h cerrno": r"errno\b",
    "fcntl.h": r"(?:openat|fcntl|posix_fadvise|fallocate|posix_fallocate|sync_file_range)\(|O_[A-Z]+\b|AT_[A-Z]{3,}\b",
    "unistd.h": r"(?:pread|pwrite|fsync|fdatasync|ftruncate|unlink|unlinkat|rmdir|getpid|sysconf|isatty|copy_file_range|linkat)\(",
    "sys/stat.h": r"(?:fstat|lstat|fstatat|mkdirat|fchmod)\(|S_IS[A-Z]+\(",
    "sys/mman.h": r"(?:mmap|munmap|madvise|mincore)\(|MADV_|PROT_READ",
    "sys/file.h": r"flock\(|LOCK_EX\b",
    "sys/resource.h": r"(?:getrlimit|setrlimit|getrusage)\(",
    "sys/ioctl.h": r"ioctl\(",
    "dirent.h": r"(?:opendir|fdopendir|readdir)\(",
    "signal.h csignal": r"(?:sigaction|pthread_sigmask|sigtimedwait|sigemptyset)\(|SIG[A-Z]{3,4}\b",
    "malloc.h": r"(?:mallopt|malloc_trim)\(",
    "openssl/evp.h": r"EVP_\w+\(",
    "sqlite3.h": r"sqlite3_\w+\(",
    "zlib.h": r"(?:inflate|inflateInit2|crc32_z)\(",
    "re2/re2.h": r"RE2(?:::|\()",
    "re2/set.h": r"RE2::Set\b",
    "simdjson.h": r"simdjson::",
    "yaml-cpp/yaml.h yaml-cpp/eventhandler.h": r"YAML::",
    "CLI/CLI.hpp CLI/Version.hpp": r"CLI(?:::|11_VERSION)",
}
ELSEWHERE = {"ranges::data", "ranges::size", "ranges::begin", "ranges::end"}  # every container has these

USED = re.compile(r"\bstd::((?:chrono::|ranges::|this_thread::)?\w+)")
WORDS = [(set(headers.split()), re.compile(r"(?<![\w.>:])(?:::)?(" + words + ")")) for headers, words in WORDS.items()]
NOT_CODE = re.compile(r'//[^\n]*|/\*.*?\*/|"(?:[^"\\\n]|\\.)*"', re.S)


def headers_of_names():
    found = {name: {header} for header, names in HEADERS.items() for name in names.split()}
    found.update((name, set(headers.split())) for names, headers in SHARED.items() for name in names.split())
    return found


@functools.lru_cache(maxsize=None)
def brought(path):
    """Headers of the standard library that a file includes, by those of ours that it includes too."""
    found = set()
    for _, bracket, name in tree.includes(path):
        if bracket == "<":
            found.add(name)
        elif (tree.ROOT / name).is_file():
            found |= brought(name)
    return found


def needed(text):
    """(what is used, the headers of which one has it)"""
    for name in sorted(set(USED.findall(text)) - ELSEWHERE):
        prefix = next((prefix for prefix in PREFIXES if name.startswith(prefix)), None)
        if prefix:
            yield name, {PREFIXES[prefix]}
        elif name in NAMES:
            yield name, NAMES[name]
    for headers, words in WORDS:
        found = words.search(text)
        if found:
            yield found[1], headers


NAMES = headers_of_names()
faults = []
checked = tree.sources("kernels", "io", "core", "cli", "bench", "tests")
for path in checked:
    if path.suffix == ".inl":
        continue
    text = NOT_CODE.sub("", tree.text(path))
    for name, headers in needed(text):
        if not headers & brought(str(path)):
            faults.append(f"{path}: {name} without <{'> or <'.join(sorted(headers))}>")
tree.finish(faults, len(checked))
