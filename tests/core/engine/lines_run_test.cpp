// SPDX-License-Identifier: Apache-2.0
// Methods that need numbers of rows or columns, over tensors whose lines cross tiles and blocks: against loops in f64,
// and the same bytes however they are computed.
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "core/lines/line_memory.h"
#include "core/plan/passes.h"
#include "io/text/error.h"
#include "tests/core/merge_runs.h"
#include "tests/sanitized.h"

using namespace ckmerge;
using namespace ckmerge::test;

namespace {

using Line = std::vector<double>;
using Definition = std::function<Line(const std::vector<Line>&)>;  // of a line of each checkpoint

std::vector<float> values(const std::vector<uint64_t>& shape, uint64_t seed, float apart) {
  uint64_t count = 1;
  for (const uint64_t dimension : shape) count *= dimension;
  std::vector<float> all(count);
  const auto at = [](uint64_t state) {
    state = (state ^ state >> 30) * 0xbf58476d1ce4e5b9;
    state = (state ^ state >> 27) * 0x94d049bb133111eb;
    return static_cast<float>((state ^ state >> 31) >> 40) * 0x1p-24f - 0.5f;
  };
  for (uint64_t i = 0; i < count; ++i) all[i] = 0.1f * at(i + 1) + (seed == 0 ? 0 : apart * at(i * 7 + seed));
  return all;
}

struct Shaped {
  const char* name;
  std::vector<uint64_t> shape;
};
const std::vector<Shaped> kShapes = {{"a.rows", {3, 4096}},   {"b.threes", {7001, 3}}, {"c.long", {2, 200'000}},
                                     {"d.ones", {3000, 1}},   {"e.cube", {5, 600, 7}}, {"f.vector", {70'001}},
                                     {"g.scalar", {}},        {"h.wide", {3, 70'001}}, {"i.conv", {40, 7, 3, 3}},
                                     {"j.tall", {90'000, 5}}, {"k.row", {1, 5000}}};

// The second row of a.rows is equal everywhere, and so is the third column of j.tall.
std::vector<std::string> files(const TempFolder& folder, size_t count) {
  std::vector<std::string> paths;
  for (size_t k = 0; k < count; ++k) {
    std::vector<FileTensor> tensors;
    for (const auto& [name, shape] : kShapes) {
      std::vector<float> all = values(shape, k, 0.02f);
      const std::vector<float> first = values(shape, 0, 0);
      for (size_t i = 0; name == std::string("a.rows") && i < 4096; ++i) all[4096 + i] = first[4096 + i];
      for (size_t i = 2; name == std::string("j.tall") && i < all.size(); i += 5) all[i] = first[i];
      tensors.push_back(f32(name, shape, all));
    }
    paths.push_back(write_file(folder / std::to_string(k), tensors, k));
  }
  return paths;
}

// By how much the largest element of a tensor misses what `right` says of its lines, which lie along one axis.
double worst_of(const Shaped& tensor, bool columns, const std::vector<std::string>& paths, const std::string& target,
                const Definition& right) {
  std::vector<std::vector<float>> x;
  for (const std::string& path : paths) x.push_back(f32_values(path, tensor.name));
  const std::vector<float> got = f32_values(target, tensor.name);
  const uint64_t count = got.size();
  const uint64_t length = tensor.shape.empty() ? 1 : columns ? tensor.shape[0] : tensor.shape.back();
  double worst = 0, largest = 0;
  for (uint64_t line = 0; line < count / length; ++line) {
    const auto place = [&](uint64_t i) { return columns ? i * (count / length) + line : line * length + i; };
    std::vector<Line> of_line;
    for (const auto& input : x) {
      of_line.emplace_back();
      for (uint64_t i = 0; i < length; ++i) of_line.back().push_back(input[place(i)]);
    }
    const Line expected = right(of_line);
    for (uint64_t i = 0; i < length; ++i) {
      largest = std::max(largest, std::fabs(expected[i]));
      worst = std::max(worst, std::fabs(expected[i] - got[place(i)]));
    }
  }
  return worst / largest;
}

bool is_short(const Shaped& tensor, bool columns) {
  return !tensor.shape.empty() && (columns ? tensor.shape[0] : tensor.shape.back()) < 8;
}

// Of short lines some differ from the first checkpoint's in nearly opposite ways: roundings of differences to f32 are
// then as large as what a sine divides.
enum class Compared { all, no_short_lines };

void check(const Recipe& recipe, const std::vector<std::string>& paths, const std::string& target, bool columns,
           const Definition& right, Compared compared = Compared::all) {
  merge(recipe, paths, target, {.replace = true, .sync = false});
  for (const Shaped& tensor : kShapes)
    if (compared == Compared::all || !is_short(tensor, columns))
      CHECK_MESSAGE(worst_of(tensor, columns, paths, target, right) < (is_short(tensor, columns) ? 1e-5 : 5e-7),
                    recipe.method, " ", std::string(tensor.name));
}

double dot(const Line& x, const Line& y) {
  long double sum = 0;
  for (size_t i = 0; i < x.size(); ++i) sum += static_cast<long double>(x[i]) * y[i];
  return static_cast<double>(sum);
}
double norm(const Line& x) { return std::sqrt(dot(x, x)); }
Line mix(double a, const Line& x, double b, const Line& y) {
  Line out;
  for (size_t i = 0; i < x.size(); ++i) out.push_back(a * x[i] + b * y[i]);
  return out;
}

Line arc(double t, const Line& x, const Line& y) {
  double theta = std::acos(0.0);
  if (norm(x) > 0 && norm(y) > 0) {
    const Line u = mix(1 / norm(x), x, 0, x), v = mix(1 / norm(y), y, 0, y);
    theta = 2 * std::atan2(norm(mix(1, u, -1, v)), norm(mix(1, u, 1, v)));
  }
  const double sine = std::sin(theta);
  return sine < 1e-6 ? mix(1 - t, x, t, y) : mix(std::sin((1 - t) * theta) / sine, x, std::sin(t * theta) / sine, y);
}

Recipe of(const std::string& method, const std::map<std::string, std::vector<double>>& parameters) {
  return plain({.method = method, .parameters = parameters});
}

// Of rows and columns that cross blocks and tiles, but of few elements: there are many ways, and sanitizers are slow.
void merge_lines_every_way(Recipe recipe, const std::vector<std::string>& paths, const TempFolder& folder) {
  recipe.exclude = {test::kSanitized ? "^(c[.]long|h[.]wide|j[.]tall|b[.]threes)$" : "^(c[.]long|j[.]tall)$"};
  merge_every_way(recipe, paths, folder);
}

}  // namespace

TEST_CASE("nuslerp of rows and of columns, with and without a base") {
  TempFolder folder;
  const std::vector<std::string> three = files(folder, 3), two(three.begin(), three.begin() + 2);
  for (const bool columns : {false, true}) {
    const std::map<std::string, std::vector<double>> flags = {{"flatten", {0}}, {"row_wise", {columns ? 1.0 : 0.0}}};
    auto with = flags;
    with["weights"] = {0.7, 0.3};
    check(of("nuslerp", with), two, folder / "out", columns,
          [](const std::vector<Line>& x) { return arc(0.3, x[0], x[1]); });
    const auto equal = [&](const char* name, size_t i) {
      return f32_values(folder / "out", name)[i] == f32_values(two[0], name)[i];
    };
    CHECK((columns ? equal("j.tall", 5002) : equal("a.rows", 4100)));
    with["weights"] = {0, 0.7, 0.3};
    check(
        of("nuslerp", with), three, folder / "out", columns,
        [](const std::vector<Line>& x) {
          return mix(1, x[0], 1, arc(0.3, mix(1, x[1], -1, x[0]), mix(1, x[2], -1, x[0])));
        },
        Compared::no_short_lines);
  }
}

TEST_CASE("a vector is one row and one column: its bytes are those of the whole tensor") {
  TempFolder folder;
  const std::vector<std::string> paths = files(folder, 2);
  const auto merged = [&](double flatten, double row_wise, const char* name) {
    merge(of("nuslerp", {{"weights", {0.7, 0.3}}, {"flatten", {flatten}}, {"row_wise", {row_wise}}}), paths,
          folder / "out", {.replace = true, .sync = false});
    return tensor_bytes(folder / "out", name);
  };
  for (const char* name : {"f.vector", "g.scalar"}) {
    CHECK(merged(1, 0, name) == merged(0, 0, name));
    CHECK(merged(1, 0, name) == merged(0, 1, name));
  }
  CHECK(merged(1, 0, "k.row") == merged(0, 0, "k.row"));
}

TEST_CASE("numbers of rows and columns: the same bytes with any ISA, threads, tiles and budget") {
  TempFolder folder;
  const std::vector<std::string> paths = files(folder, 3), two(paths.begin(), paths.begin() + 2);
  merge_lines_every_way(of("nuslerp", {{"weights", {0.7, 0.3}}, {"flatten", {0}}}), two, folder);
  merge_lines_every_way(of("nuslerp", {{"flatten", {0}}, {"row_wise", {1}}}), paths, folder);
  merge_lines_every_way(of("add_cosine_b", {{"alpha", {0.4}}}), two, folder);
}

TEST_CASE("model_stock of rows") {
  TempFolder folder;
  const std::vector<std::string> paths = files(folder, 3);
  check(of("model_stock", {{"filter_wise", {1}}}), paths, folder / "out", false, [](const std::vector<Line>& x) {
    const Line d = mix(1, x[1], -1, x[0]), e = mix(1, x[2], -1, x[0]);
    const double cosine = std::clamp(dot(d, e) / std::max(norm(d) * norm(e), 1e-6), -1.0, 1.0);
    const double t = std::fabs(1 + cosine) < 1e-6 ? 0 : 2 * cosine / (1 + cosine);
    return mix(1, x[0], t / 2, mix(1, d, 1, e));
  });
}

TEST_CASE("extract by rows, add_cosine_a by columns") {
  TempFolder folder;
  const std::vector<std::string> three = files(folder, 3), two(three.begin(), three.begin() + 2);
  const auto cosine = [](const Line& x, const Line& y) {
    return dot(x, y) / std::max(norm(x), 1e-8) / std::max(norm(y), 1e-8);
  };
  check(of("extract", {{"alpha", {0.3}}, {"beta", {0.2}}, {"gamma", {0.7}}}), three, folder / "out", false,
        [&](const std::vector<Line>& x) {
          const Line b = mix(1, x[1], -1, x[0]), c = mix(1, x[2], -1, x[0]);
          const double d = std::pow((std::clamp(cosine(b, c), -1.0, 1.0) + 1) / 2, 0.7);
          return mix(1, x[0], 0.8 * d + 0.2 * (1 - d), mix(0.7, b, 0.3, c));
        });
  check(of("add_cosine_a", {{"alpha", {0.4}}}), two, folder / "out", true, [&](const std::vector<Line>& x) {
    const double k = std::clamp(cosine(x[0], x[1]) - 0.4, 0.0, 1.0);
    return mix(k, x[0], 1 - k, x[1]);
  });
}

TEST_CASE("cosine_a and cosine_b: columns among those of the whole model") {
  TempFolder folder;
  const std::vector<std::string> paths = files(folder, 2);
  std::vector<double> all;
  const auto cosine = [](const Line& x, const Line& y) {
    return norm(x) > 0 && norm(y) > 0 ? std::clamp(dot(x, y) / (norm(x) * norm(y)), -1.0, 1.0) : NAN;
  };
  for (const Shaped& tensor : kShapes) {
    const std::vector<float> x = f32_values(paths[0], tensor.name), y = f32_values(paths[1], tensor.name);
    const size_t columns = x.size() / (tensor.shape.empty() ? 1 : tensor.shape[0]);
    for (size_t c = 0; c < columns; ++c) {
      Line a, b;
      for (size_t i = c; i < x.size(); i += columns) {
        a.push_back(x[i]);
        b.push_back(y[i]);
      }
      all.push_back(cosine(a, b));
    }
  }
  std::ranges::sort(all);
  const auto at = [](const std::vector<double>& sorted, double share) {  // numpy's "midpoint"
    const double place = share * static_cast<double>(sorted.size() - 1);
    return (sorted[static_cast<size_t>(std::floor(place))] + sorted[static_cast<size_t>(std::ceil(place))]) / 2;
  };
  const double low = at(all, 0.01);
  std::erase_if(all, [&](double one) { return one < low; });
  const double high = at(all, 0.99);
  std::erase_if(all, [&](double one) { return one > high; });
  const auto k_of = [&](double of_column, double of_tensor) {
    return std::clamp(((of_column + of_tensor) / 2 - all.front()) / (all.back() - all.front()) - 0.3, 0.0, 1.0);
  };
  for (const bool by_columns : {true, false}) {
    const std::string method = by_columns ? "cosine_a" : "cosine_b";
    merge(of(method, {{"alpha", {0.3}}}), paths, folder / "out", {.replace = true, .sync = false});
    for (const Shaped& tensor : kShapes) {
      double sum = 0, columns = 0;
      Line x, y;
      const Definition gather = [&](const std::vector<Line>& line) {
        sum += cosine(line[0], line[1]);
        ++columns;
        x.insert(x.end(), line[0].begin(), line[0].end());
        y.insert(y.end(), line[1].begin(), line[1].end());
        return line[0];
      };
      worst_of(tensor, true, paths, folder / "out", gather);
      const double of_tensor = by_columns ? sum / columns : cosine(x, y);
      const Definition right = [&](const std::vector<Line>& line) {
        const double k = k_of(cosine(line[0], line[1]), of_tensor);
        return mix(k, line[0], 1 - k, line[1]);
      };
      CHECK_MESSAGE(worst_of(tensor, true, paths, folder / "out", right) < 5e-7, method, " ", std::string(tensor.name));
    }
    merge_lines_every_way(of(method, {{"alpha", {0.3}}}), paths, folder);
  }
}

TEST_CASE("cosine_a and cosine_b of one column: a cosine that is no larger than all others is their least") {
  TempFolder folder;
  for (const char* const method : {"cosine_a", "cosine_b"})
    for (const uint64_t count : {1ull, 3ull, 1000ull, 70'001ull})
      for (uint64_t seed = 0; seed < 3; ++seed) {
        std::vector<std::string> paths;
        for (const uint64_t k : {0, 1}) {
          const std::vector<uint64_t> shape = {count};
          paths.push_back(write_file(folder / std::to_string(k), {f32("w", shape, values(shape, 2 * seed + k, 0.3f))}));
        }
        merge(of(method, {{"alpha", {0}}}), paths, folder / "out", {.replace = true, .sync = false});
        CHECK_MESSAGE(f32_values(folder / "out", "w") == f32_values(paths[1], "w"), method, " ", count, " ", seed);
      }
}

TEST_CASE("each cosine_a of a formula has ends of its own, also where another compares nothing in some tensors") {
  TempFolder folder;
  const std::vector<std::string> paths = files(folder, 3);
  const auto values_of = [&](const std::string& text, const std::vector<size_t>& used) {
    Recipe recipe = of(kFormulaMethod, {});
    recipe.formula = Formula{.text = text};
    std::vector<std::string> inputs;
    for (const size_t k : used) {
      recipe.formula->names.emplace_back(1, static_cast<char>('A' + inputs.size()));
      inputs.push_back(paths[k]);
    }
    if (text.find("=s") != std::string::npos) {
      recipe.parameters = {{"s", {0.2}}};
      recipe.weights = {{.parameter = "s", .selector = "/^(b[.]threes|f[.]vector)$/", .values = {1}}};
    }
    merge(recipe, inputs, folder / "out", {.replace = true, .sync = false});
    std::vector<std::vector<float>> values;
    for (const Shaped& tensor : kShapes) values.push_back(f32_values(folder / "out", tensor.name));
    return values;
  };
  const auto one = values_of("cosine_a(A, B, alpha=s)", {0, 1}), other = values_of("cosine_a(A, B, alpha=0.1)", {0, 2});
  const auto both = values_of("0.5*cosine_a(A, B, alpha=s) + 0.5*cosine_a(A, C, alpha=0.1)", {0, 1, 2});
  for (size_t k = 0; k < kShapes.size(); ++k) {
    double worst = 0;
    for (size_t i = 0; i < both[k].size(); ++i)
      worst = std::max(worst, std::fabs(both[k][i] - 0.5 * one[k][i] - 0.5 * other[k][i]));
    CHECK_MESSAGE(worst < 1e-6, std::string(kShapes[k].name));
  }
}

TEST_CASE("arcee_fusion: elements beyond a threshold of quartiles are the second checkpoint's") {
  TempFolder folder;
  const std::vector<std::string> paths = files(folder, 2);
  merge(of("arcee_fusion", {}), paths, folder / "out", {.replace = true, .sync = false});
  for (const Shaped& tensor : kShapes) {
    const std::vector<float> b = f32_values(paths[0], tensor.name), x = f32_values(paths[1], tensor.name);
    const std::vector<float> got = f32_values(folder / "out", tensor.name);
    const size_t row = tensor.shape.empty() ? 1 : tensor.shape.back();
    std::vector<double> importance;
    for (size_t begin = 0; begin < b.size(); begin += row) {
      double of_x = 0, of_b = 0, divergence = 0;
      for (size_t i = begin; i < begin + row; ++i) {
        of_x += std::exp(double{x[i]});
        of_b += std::exp(double{b[i]});
      }
      for (size_t i = begin; i < begin + row; ++i) {
        const double p = std::exp(double{x[i]}) / of_x + 1e-8, q = std::exp(double{b[i]}) / of_b + 1e-8;
        divergence += p * std::log(p / q);
      }
      for (size_t i = begin; i < begin + row; ++i)
        importance.push_back(std::fabs(double{x[i]} - b[i]) * std::max(divergence, 0.0));
    }
    std::vector<double> sorted = importance;
    std::ranges::sort(sorted);
    const auto quartile = [&](double q) {
      return sorted[static_cast<size_t>(q * static_cast<double>(sorted.size() - 1))];
    };
    const double threshold = quartile(0.5) + 1.5 * (quartile(0.75) - quartile(0.25));
    size_t others = 0;
    for (size_t i = 0; i < got.size(); ++i)
      // What lies at the threshold is on either side of it by roundings.
      if (std::fabs(importance[i] - threshold) > 1e-3 * threshold)
        others += got[i] != (importance[i] >= threshold ? x[i] : b[i]);
    // In short rows divergences are as small as what roundings of logarithms to f32 leave of them.
    CHECK_MESSAGE(others <= (row < 8 ? got.size() / 1000 : 0), std::string(tensor.name));
  }
  merge_lines_every_way(of("arcee_fusion", {}), paths, folder);
}

TEST_CASE("arcee_fusion: quartiles are values, so no walk looks for places among equal ones") {
  TempFolder folder;
  std::vector<std::string> paths;
  // Importance is 0 in odd rows but for one column, one eighth of the divergence in even ones: quartiles of thousands.
  std::vector<float> a(40'000), b(40'000);
  for (size_t i = 0; i < a.size(); ++i) {
    a[i] = i % 2 == 0 ? 0.5f : 0.25f;
    b[i] = a[i] + (i / 200 % 2 == 0 ? 0.125f : 0) + (i % 200 == 7 ? 1.0f : 0);
  }
  paths.push_back(write_file(folder / "a", {f32("w", {200, 200}, a)}, 1));
  paths.push_back(write_file(folder / "b", {f32("w", {200, 200}, b)}, 2));
  const auto checkpoints = open_all(paths);
  const Plan plan = make_plan(of("arcee_fusion", {}), checkpoints);
  // Largest values, sums and divergences of rows, two digits of the quartiles, and the merge.
  CHECK(passes_of(plan, checkpoints).size() == 6);
  merge(of("arcee_fusion", {}), paths, folder / "out", {.replace = true, .sync = false});
  const std::vector<float> got = f32_values(folder / "out", "w");
  size_t wrong = 0;
  for (size_t i = 0; i < got.size(); ++i) wrong += got[i] != (i % 200 == 7 ? b[i] : a[i]);
  CHECK(wrong == 0);
}

namespace {

struct Call {
  Recipe recipe;
  size_t inputs;
};
std::vector<Call> calls() {
  return {{of("nuslerp", {{"weights", {0.7, 0.3}}, {"flatten", {0}}}), 2},
          {of("nuslerp", {{"weights", {0.7, 0.3}}, {"flatten", {0}}, {"row_wise", {1}}}), 2},
          {of("nuslerp", {{"flatten", {0}}}), 3},
          {of("model_stock", {{"filter_wise", {1}}}), 3},
          {of("extract", {}), 3},
          {of("add_cosine_a", {{"alpha", {0.4}}}), 2},
          {of("add_cosine_b", {{"alpha", {0.4}}}), 2},
          {of("cosine_a", {}), 2},
          {of("cosine_b", {}), 2},
          {of("arcee_fusion", {}), 2}};
}

}  // namespace

TEST_CASE("checkpoints that are equal give themselves, NaN stays in its element, and rows of zeros have a result") {
  TempFolder folder;
  const std::vector<uint64_t> shape = {60, 50};
  std::vector<std::vector<float>> all;
  for (uint64_t k = 0; k < 3; ++k) {
    all.push_back(values(shape, k, 0.02f));
    std::fill_n(all[k].begin() + 500, k == 1 ? 0 : 50, 0.0f);  // a row, of all but one
    for (size_t i = 7; i < all[k].size(); i += 50) all[k][i] = 0;
  }
  const std::vector<float> finite = all[1];
  all[1][1234] = NAN;
  std::vector<std::string> paths, same;
  for (uint64_t k = 0; k < 3; ++k) {
    paths.push_back(write_file(folder / std::to_string(k), {f32("w", shape, all[k])}));
    same.push_back(write_file(folder / ("same" + std::to_string(k)), {f32("w", shape, finite)}, k));
  }
  for (const Call& call : calls()) {
    const auto first = static_cast<ptrdiff_t>(call.inputs);
    CAPTURE(call.recipe.method);
    merge(call.recipe, {same.begin(), same.begin() + first}, folder / "out", {.replace = true, .sync = false});
    CHECK(f32_values(folder / "out", "w") == finite);
    merge(call.recipe, {paths.begin(), paths.begin() + first}, folder / "out", {.replace = true, .sync = false});
    const std::vector<float> got = f32_values(folder / "out", "w");
    CHECK(std::ranges::count_if(got, [](float value) { return std::isfinite(value); }) >= 2999);
  }
}

TEST_CASE("numbers that take more than their share of the budget lie in a scratch file, which is gone afterwards") {
  TempFolder folder;
  std::vector<std::string> paths;
  for (uint64_t k = 0; k < 2; ++k)
    paths.push_back(write_file(folder / std::to_string(k), {f32("a", {400'000, 3}, values({400'000, 3}, k, 0.02f)),
                                                            f32("b", {3, 70'001}, values({3, 70'001}, k, 0.02f)),
                                                            f32("c", {90'000, 2}, values({90'000, 2}, k, 0.02f))}));
  for (const double columns : {0.0, 1.0}) {
    const Recipe recipe = of("nuslerp", {{"flatten", {0}}, {"row_wise", {columns}}});
    std::vector<Checkpoint> checkpoints = open_all(paths);
    const Plan plan = make_plan(recipe, checkpoints);
    const uint64_t small = 4 << 20;
    const LineMemory lines = line_memory(plan, checkpoints);
    CHECK(lines.largest > small / 8);
    CHECK(lines.least_scratch(small) > 0);
    CHECK(lines.least_scratch(small) < lines.scratch(small));
    CHECK(lines.least_scratch(8 * lines.all) == 0);
    merge(recipe, paths, folder / "plenty", {.replace = true, .sync = false});
    merge(recipe, paths, folder / "little", {.replace = true, .sync = false, .memory_budget = small, .threads = 3});
    CHECK(read_file(folder / "little") == read_file(folder / "plenty"));
  }
  CHECK(folder.names() == std::vector<std::string>{"0", "1", "little", "plenty"});
}

TEST_CASE("rows of tensors with channels of their own are refused by name") {
  TempFolder folder;
  const std::vector<std::string> paths = {
      write_file(folder / "a",
                 {f32("model.diffusion_model.input_blocks.0.0.weight", {4, 9, 3, 3}, values({4, 9, 3, 3}, 0, 0))}),
      write_file(folder / "b",
                 {f32("model.diffusion_model.input_blocks.0.0.weight", {4, 4, 3, 3}, values({4, 4, 3, 3}, 0, 0))})};
  const std::vector<Checkpoint> checkpoints = open_all(paths);
  bool refused = false;
  try {
    make_plan(of("nuslerp", {{"flatten", {0}}}), checkpoints);
  } catch (const Error& error) {
    refused = error.code() == ErrorCode::mismatch;
  }
  CHECK(refused);
}
