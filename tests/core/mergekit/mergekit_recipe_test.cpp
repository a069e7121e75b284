// SPDX-License-Identifier: Apache-2.0
// From configurations of mergekit to recipes: formulas, numbers by name, operands.
#include "core/mergekit/mergekit_recipe.h"

#include <doctest/doctest.h>

#include "core/formula/recipe_graph.h"
#include "core/orders/made_orders.h"
#include "core/plan/plan.h"
#include "core/slices/sliced_inputs.h"
#include "tests/core/plan/planned.h"

using namespace ckmerge;
using namespace ckmerge::test;

namespace {

std::vector<FileTensor> model(uint64_t seed, int layers) {
  std::vector<FileTensor> tensors = {random("model.embed_tokens.weight", Dtype::F32, {6, 4}, seed),
                                     random("model.norm.weight", Dtype::F32, {4}, seed + 1),
                                     random("lm_head.weight", Dtype::F32, {6, 4}, seed + 2)};
  for (int layer = 0; layer < layers; ++layer)
    for (const char* const part : {"self_attn.w", "mlp.w", "input_layernorm.w"})
      tensors.push_back(random("model.layers." + std::to_string(layer) + "." + part, Dtype::F32, {4},
                               seed + 10 * static_cast<uint64_t>(layer) + 3));
  return tensors;
}

// Models A, B, C of so many layers, by their letters as paths.
struct Models {
  Opened files;

  explicit Models(std::vector<int> layers) {
    for (size_t k = 0; k < layers.size(); ++k) files.add(model(100 * k + 1, layers[k]));
  }

  MergekitMerge merge(const std::string& yaml, bool is_flat = false, const MergekitLikeness& likeness = {}) {
    const MergekitFile file = parse_mergekit(yaml, "f.yml");
    std::vector<MergekitModel> models = mergekit_models(file);
    std::vector<Checkpoint> opened;
    for (const MergekitModel& one : models)
      opened.push_back(files.checkpoints.at(static_cast<size_t>(one.text[0] - 'A')));
    MergekitMerge made = mergekit_recipe({.file = file,
                                          .models = models,
                                          .checkpoints = opened,
                                          .is_flat = is_flat,
                                          .seed = likeness.masks ? 7u : 0u,
                                          .likeness = likeness});
    // What is made can be planned.
    checkpoints.clear();
    for (const uint32_t input : made.inputs) checkpoints.push_back(opened[input]);
    check_recipe(made.recipe, checkpoints.size());
    runs = slice_inputs(made.recipe, checkpoints);
    add_orders(made.recipe, checkpoints);
    plan = make_plan(canonical_recipe(made.recipe, given_checkpoints(checkpoints).size()), checkpoints);
    return made;
  }
  std::string refusal(const std::string& yaml) {
    return failure([&] { merge(yaml); }).text;
  }

  std::vector<Checkpoint> checkpoints = {};
  std::vector<SlicedRun> runs = {};
  Plan plan = {};
};

std::string weights_of(const Recipe& recipe) {
  std::string out;
  for (const WeightRule& rule : recipe.weights) out += text_of(rule) + "\n";
  return out;
}

}  // namespace

TEST_CASE("models with scalars are one call of a method") {
  Models models({2, 2, 2});
  MergekitMerge made = models.merge(
      "merge_method: linear\nmodels: [{model: A, parameters: {weight: 0.5}}, {model: B, parameters: {weight: 0.3}}]\n"
      "parameters: {normalize: false}\ndtype: bfloat16\n");
  CHECK(made.recipe.formula->text == "linear(A, B, weights=[0.5, 0.3], normalize=false)");
  CHECK(made.recipe.weights.empty());
  CHECK(made.recipe.operands.empty());
  CHECK(made.recipe.dtype == Dtype::BF16);
  CHECK(made.warnings.empty());

  made = models.merge(
      "merge_method: task_arithmetic\nbase_model: C\nmodels: [{model: A, parameters: {weight: 0.5}}, {model: B, "
      "parameters: {weight: 0.3}}]\nparameters: {lambda: 0.9, int8_mask: true}\n");
  CHECK(made.recipe.formula->text == "task_arithmetic(A, B, C, alpha=0.9, weights=[1, 0.5, 0.3], normalize=false)");
  CHECK(made.warnings.empty());
  made = models.merge(
      "merge_method: ties\nbase_model: C\nmodels: [{model: A, parameters: {weight: 0.5, density: 0.2}}, {model: B}]\n"
      "parameters: {weight: 0.3, lambda: 0.9, density: 0.7, int8_mask: true, rescale: true}\n");
  CHECK(made.recipe.formula->text ==
        "ties(A, B, C, alpha=0.9, weights=[1, 0.5, 0.3], densities=[1, 0.2, 0.7], normalize=true, rescale=true)");
  CHECK(made.warnings.empty());
  made = models.merge(
      "merge_method: breadcrumbs_ties\nbase_model: C\nmodels: [{model: A, parameters: {gamma: 0.1}}, {model: B}]\n"
      "parameters: {weight: 1}\n");
  CHECK(made.recipe.formula->text ==
        "breadcrumbs_ties(A, B, C, alpha=1, weights=[1, 1, 1], densities=[1, 1, 1], normalize=false, rescale=false, "
        "gammas=[0, 0.1, 0.01])");
  CHECK(models.merge("merge_method: passthrough\nmodels: [{model: B}]\n").recipe.formula->text == "scale(A, alpha=1)");
}

TEST_CASE("slerp goes from the base, wherever that stands, and linear counts a base as one more model") {
  Models models({2, 2, 2});
  const MergekitFile file = parse_mergekit(
      "merge_method: slerp\nbase_model: B\nmodels: [{model: A}, {model: B}]\nparameters: {t: 0.3}\n", "f.yml");
  CHECK(mergekit_models(file).at(0).text == "B");
  CHECK(models.merge(file.text).recipe.formula->text == "slerp(A, B, t=0.3)");
  CHECK(models
            .merge("merge_method: linear\nbase_model: C\nmodels: [{model: A, parameters: {weight: 2}}, {model: B}]\n"
                   "parameters: {weight: 1}\n")
            .recipe.formula->text == "linear(B, C, A, weights=[2, 1, 1], normalize=true)");
}

namespace {

// The formula of a method over A and B, with a weight each, and what else the YAML says.
std::string formula(Models& models, const std::string& method, const std::string& more,
                    const MergekitLikeness& likeness = {}) {
  return models
      .merge("merge_method: " + method +
                 "\nmodels: [{model: A, parameters: {weight: 0.7, density: 0.5}}, {model: B, parameters: {weight: "
                 "0.3}}]\n" +
                 more,
             false, likeness)
      .recipe.formula->text;
}

}  // namespace

TEST_CASE("methods that work from a base where there is one have it first, with a weight that changes nothing") {
  Models models({2, 2, 2});
  const std::string base = "base_model: C\n";
  CHECK(formula(models, "nuslerp", "") == "nuslerp(A, B, weights=[0.7, 0.3])");
  CHECK(formula(models, "nuslerp", base) == "nuslerp(A, B, C, weights=[1, 0.7, 0.3])");
  CHECK(formula(models, "multislerp", "") ==
        "multislerp(A, B, weights=[0.7, 0.3], normalize=true, base=false, eps=1e-08)");
  CHECK(formula(models, "multislerp", base + "parameters: {normalize_weights: false, eps: 0.1}\n") ==
        "multislerp(A, B, C, weights=[1, 0.7, 0.3], normalize=false, base=true, eps=0.1)");
  CHECK(formula(models, "model_stock", base) == "model_stock(A, B, C)");
  CHECK(formula(models, "nuslerp", "parameters: {nuslerp_flatten: false, nuslerp_row_wise: true}\n") ==
        "nuslerp(A, B, weights=[0.7, 0.3], flatten=false, row_wise=true)");
  const MergekitMerge flat = models.merge(
      "merge_method: nuslerp\nmodels: [{model: A}, {model: B}]\nparameters: {weight: 1, nuslerp_row_wise: true}\n");
  CHECK(flat.recipe.formula->text == "nuslerp(A, B, weights=[1, 1])");
  CHECK(flat.warnings == std::vector<std::string>{"f.yml:3: 'nuslerp_row_wise' changes nothing without "
                                                  "'nuslerp_flatten: false', in mergekit as here"});
  CHECK(formula(models, "model_stock", base + "parameters: {filter_wise: true}\n") ==
        "model_stock(A, B, C, filter_wise=true)");
  CHECK(models.merge("merge_method: arcee_fusion\nbase_model: B\nmodels: [{model: A}]\n").recipe.formula->text ==
        "arcee_fusion(A, B)");
  CHECK(formula(models, "ram", base) == "ram(A, B, C, epsilon=1e-05)");
  CHECK(formula(models, "ramplus_tl", base) == "ramplus_tl(A, B, C, r=0.1, alpha=0.2, epsilon=1e-05)");
  CHECK(formula(models, "sce", base) == "sce(A, B, C, select_topk=1)");
  CHECK(formula(models, "sce", base + "parameters: {select_topk: 0.3, int8_mask: true}\n") ==
        "sce(A, B, C, select_topk=0.3)");
  CHECK(formula(models, "dare_linear", base) ==
        "dare_linear(A, B, C, alpha=1, weights=[1, 0.7, 0.3], densities=[1, 0.5, 1], normalize=false, rescale=true, "
        "seed=0)");
  CHECK(formula(models, "dare_ties", base + "parameters: {lambda: 0.9, normalize: true, rescale: false}\n") ==
        "dare_ties(A, B, C, alpha=0.9, weights=[1, 0.7, 0.3], densities=[1, 0.5, 1], normalize=true, rescale=false, "
        "seed=0)");
}

TEST_CASE("della has its epsilon, and mergekit's own masks and order are asked for") {
  Models models({2, 2, 2});
  const std::string base = "base_model: C\n";
  CHECK(formula(models, "della", base) ==
        "della(A, B, C, alpha=1, weights=[1, 0.7, 0.3], densities=[1, 0.5, 1], normalize=true, rescale=true, "
        "epsilons=[0, 0.15, 0.15], seed=0)");
  CHECK(formula(models, "della_linear", base + "parameters: {epsilon: 0.2, rescale: false}\n", {.masks = true}) ==
        "della_linear(A, B, C, alpha=1, weights=[1, 0.7, 0.3], densities=[1, 0.5, 1], normalize=false, rescale=false, "
        "epsilons=[0, 0.2, 0.2], seed=7, mergekit_masks=true)");
  CHECK(formula(models, "ties", base, {.order = true}).ends_with("rescale=false, mergekit_order=true)"));
  CHECK(formula(models, "sce", base, {.order = true}) == "sce(A, B, C, select_topk=1, mergekit_order=true)");
  CHECK(formula(models, "dare_ties", base, {.order = true}).find("mergekit") == std::string::npos);
  CHECK(
      models
          .refusal("merge_method: della\nbase_model: A\nmodels: [{model: B, parameters: {weight: 1, density: 0.9}}]\n")
          .find("density + epsilon below 1") != std::string::npos);
}

TEST_CASE("densities that are held against draws in bfloat16 are rounded to it") {
  Models models({2, 2, 2});
  const std::string base = "base_model: C\ndtype: bfloat16\n",
                    begin = "dare_linear(A, B, C, alpha=1, weights=[1, 0.7, 0.3], ";
  const auto of_density = [&](const std::string& density) {
    return models
        .merge("merge_method: dare_linear\nmodels: [{model: A, parameters: {weight: 0.7, density: " + density +
                   "}}, {model: B, parameters: {weight: 0.3}}]\n" + base,
               false, {.masks = true})
        .recipe.formula->text;
  };
  CHECK(of_density("0.3").starts_with(begin + "densities=[1, 0.30078125, 1]"));
  CHECK(
      of_density("0.999").starts_with(begin + "densities=[1, 0.9999999999999999, 1]"));  // all are kept, and drawn for
  CHECK(of_density("1").starts_with(begin + "densities=[1, 1, 1]"));
  CHECK(formula(models, "dare_linear", base).starts_with(begin + "densities=[1, 0.5, 1]"));
}

TEST_CASE("karcher counts a base as one more model, and says so where it is none of the models") {
  Models models({2, 2, 2});
  const std::string both = "merge_method: karcher\nmodels: [{model: A}, {model: B}]\n";
  CHECK(models.merge(both).recipe.formula->text == "karcher(A, B, max_iter=10, tol=1e-05)");
  CHECK(models.merge(both + "base_model: B\n").warnings.empty());
  const MergekitMerge made = models.merge(both + "base_model: C\nparameters: {max_iter: 3}\n");
  CHECK(made.recipe.formula->text == "karcher(B, C, A, max_iter=3, tol=1e-05)");
  CHECK(made.warnings ==
        std::vector<std::string>{"f.yml:3: the base 'C' is none of the models, and karcher merges it as one more, as "
                                 "mergekit does"});
}

TEST_CASE("methods have as many models as they take, and flags that ckmerge has") {
  Models models({2, 2, 2});
  CHECK(models.refusal("merge_method: nuslerp\nmodels: [{model: A, parameters: {weight: 1}}]\n")
            .find("nuslerp takes 2 models, but there are 1") != std::string::npos);
  CHECK(
      models
          .refusal("merge_method: nuslerp\nbase_model: A\nmodels: [{model: A}, {model: B}]\nparameters: {weight: 1}\n")
          .find("nuslerp takes 2 models beside the base, but there are 1") != std::string::npos);
  CHECK(models.refusal("merge_method: model_stock\nbase_model: A\nmodels: [{model: B}]\n")
            .find("model_stock takes at least 3 models with the base, but there are 2") != std::string::npos);
  CHECK(
      models.refusal("merge_method: model_stock\nmodels: [{model: A}, {model: B}]\n").find("'base_model' is missing") !=
      std::string::npos);
}

TEST_CASE("a gradient goes over the layers; embeddings, the last norm and heads have its first number") {
  Models models({3, 3});
  const MergekitMerge made =
      models.merge("merge_method: slerp\nbase_model: A\nmodels: [{model: B}]\nparameters: {t: [0.2, 1]}\n");
  CHECK(made.recipe.formula->text == "slerp(A, B, t=t)");
  CHECK(made.recipe.parameters.at("t") == std::vector<double>{0.2});
  CHECK(weights_of(made.recipe) ==
        "t /^model\\.layers\\.1\\./=0.6\n"
        "t /^model\\.layers\\.2\\./=1\n");
}

TEST_CASE("filters become patterns, of which the first of a list holds") {
  Models models({2, 2});
  const MergekitMerge made = models.merge(
      "merge_method: slerp\nbase_model: A\nmodels: [{model: B}]\n"
      "parameters: {t: [{filter: self_attn, value: [0, 1]}, {filter: nothing_like_it, value: 7}, {filter: lm_head, "
      "value: 0.25}, {value: 0.5}]}\n");
  CHECK(made.recipe.parameters.at("t") == std::vector<double>{0.5});
  CHECK(weights_of(made.recipe) ==
        "t /^lm_head\\.weight$/=0.25\n"
        "t /^model\\.layers\\.0\\..*self_attn/=0\n"
        "t /^model\\.layers\\.1\\..*self_attn/=1\n");
}

TEST_CASE("filters are of the names that experts have in memory, as mergekit's are") {
  Models models({});
  for (const uint64_t seed : {1, 2}) {
    std::vector<FileTensor> tensors;
    for (const char* const name :
         {"model.embed_tokens.weight", "model.layers.0.self_attn.w", "model.layers.0.block_sparse_moe.gate.weight",
          "model.layers.0.block_sparse_moe.experts.0.w1.weight", "model.layers.0.block_sparse_moe.experts.1.w1.weight",
          "model.layers.0.block_sparse_moe.experts.1.w2.weight"})
      tensors.push_back(random(name, Dtype::F32, {4}, seed));
    models.files.add(tensors);
  }
  const MergekitMerge made = models.merge(
      "merge_method: linear\nmodels:\n- {model: A, parameters: {weight: 1}}\n"
      "- {model: B, parameters: {weight: [{filter: gate_up, value: 2}, {filter: mlp, value: 3}, {value: 1}]}}\n");
  CHECK(weights_of(made.recipe) ==
        "weight /^model\\.layers\\.0\\.(?:block_sparse_moe\\.experts\\.[0-9]+\\.w2\\.weight|block_sparse_moe\\.gate\\."
        "weight)$/=3\n"
        "weight /^model\\.layers\\.0\\.block_sparse_moe\\.experts\\.[0-9]+\\.w1\\.weight$/=2\n");
}

TEST_CASE("filters may be written as another model spells the names, and its names count") {
  Opened files;
  files.add({random("model.embed_tokens.weight", Dtype::F32, {4}, 1), random("model.norm.weight", Dtype::F32, {4}, 2),
             random("lm_head.weight", Dtype::F32, {4}, 3), random("model.layers.0.mlp.w", Dtype::F32, {4}, 4)});
  files.add({random("language_model.model.embed_tokens.weight", Dtype::F32, {4}, 1),
             random("language_model.model.norm.weight", Dtype::F32, {4}, 2),
             random("language_model.lm_head.weight", Dtype::F32, {4}, 3),
             random("language_model.model.layers.0.mlp.w", Dtype::F32, {4}, 4)});
  const auto weights = [&](const std::string& t) {
    const MergekitFile file = parse_mergekit(
        "merge_method: slerp\nbase_model: A\nmodels: [{model: B}]\nparameters: {t: [" + t + ", {value: 0.5}]}\n",
        "f.yml");
    const std::vector<MergekitModel> models = mergekit_models(file);
    const MergekitMerge made = mergekit_recipe({.file = file, .models = models, .checkpoints = files.checkpoints});
    CHECK(made.warnings.empty());
    return weights_of(made.recipe);
  };
  CHECK(weights("{filter: language_model.model.embed, value: 1}") == "t /^model\\.embed_tokens\\.weight$/=1\n");
  CHECK(weights("{filter: language_model.lm_head, value: 1}") == "t /^lm_head\\.weight$/=1\n");
  CHECK(weights("{filter: language_model.model.layers, value: 1}") == "t /^model\\.layers\\.0\\./=1\n");
  CHECK(weights("{filter: language_model.model.layers.0.ml, value: 1}") ==
        "t /^model\\.layers\\.0\\.(?:.*language_model\\.model\\.layers\\.0\\.ml|ml)/=1\n");
  CHECK(weights("{filter: language_model, value: 1}") ==
        "t /^model\\.embed_tokens\\.weight$/=1\nt /^(?:lm_head\\.weight|model\\.norm\\.weight)$/=1\n"
        "t /^model\\.layers\\.0\\./=1\n");
}

TEST_CASE("a filter that is in no name is warned of, once and by its line") {
  Models models({2, 2});
  const auto warnings = [&](const std::string& settings) {
    std::string out;
    for (const std::string& warning :
         models.merge("merge_method: linear\nmodels: [{model: A}, {model: B}]\nparameters:\n" + settings).warnings)
      out += warning + "\n";
    return out;
  };
  CHECK(warnings("  weight:\n  - {filter: self_atn, value: 2}\n  - {filter: layers.1.mlp, value: 2}\n  - value: 1\n") ==
        "f.yml:5: the filter 'self_atn' is in the name of no tensor of any model and changes nothing; did you mean "
        "'self_attn'?\n");
  CHECK(warnings("  weight: [{filter: layers.2., value: 2}, {filter: layers.2., value: 3}, {value: 1}]\n") ==
        "f.yml:4: the filter 'layers.2.' is in the name of no tensor of any model and changes nothing\n");
  // Layers that only the result has, and names in transformers' memory, are names.
  CHECK(models
            .merge("merge_method: passthrough\nslices:\n- sources: [{model: A, layer_range: [0, 2]}]\n- sources: "
                   "[{model: B, layer_range: [0, 2]}]\n"
                   "parameters: {scale: [{filter: layers.3.mlp, value: 2}, {value: 1}]}\n")
            .warnings.empty());
}

TEST_CASE("mergekit-pytorch knows no layers") {
  Models models({3, 3});
  const MergekitMerge made = models.merge(
      "merge_method: slerp\nbase_model: A\nmodels: [{model: A}, {model: B}]\nparameters: {t: [0.2, 1]}\n", true);
  CHECK(made.recipe.formula->text == "slerp(A, B, t=0.2)");
  CHECK(made.recipe.weights.empty());
}

TEST_CASE("the order of precedence: a model's, the slice's, the module's, that of all, the default") {
  Models models({2, 2});
  const auto weights = [&](const std::string& model, const std::string& slice, const std::string& all) {
    return models
        .merge("merge_method: linear\nslices:\n- sources: [{model: A, layer_range: [0, 2], parameters: " + model +
               "}, {model: B, layer_range: [0, 2]}]\n  parameters: " + slice + "\nparameters: " + all + "\n")
        .recipe.formula->text;
  };
  CHECK(weights("{weight: 0}", "{weight: 2}", "{weight: 3}") == "linear(A, B, weights=[0, 2], normalize=true)");
  CHECK(weights("{weight: []}", "{}", "{weight: 3, normalize: false}") ==
        "linear(A, B, weights=[3, 3], normalize=false)");
}

TEST_CASE("a frankenmerge puts layers together anew") {
  Models models({4, 3});
  const MergekitMerge made = models.merge(
      "merge_method: passthrough\nslices:\n- sources: [{model: A, layer_range: [0, 3]}]\n"
      "- sources: [{model: B, layer_range: [1, 3]}]\n- sources: [{model: A, layer_range: [2, 4]}]\n");
  CHECK(made.recipe.formula->text == "scale(A, alpha=1)");
  const Slices expected = {
      {.input = 0, .begin = 0, .end = 3}, {.input = 1, .begin = 1, .end = 3}, {.input = 0, .begin = 2, .end = 4}};
  CHECK(made.recipe.operands == std::vector<Slices>{expected});
  CHECK(made.inputs == std::vector<uint32_t>{0, 1});
  REQUIRE(models.runs.size() == 1);
  CHECK(models.runs[0].prefix == "model.layers");
  CHECK(models.runs[0].layers == std::vector<uint32_t>{0, 1, 2, 1, 2, 2, 3});
  CHECK(models.plan.steps.size() == 3 + 7 * 3);
}

TEST_CASE("a scale for one of the slices, by a filter, is a number by name") {
  Models models({3});
  const MergekitMerge made = models.merge(
      "merge_method: passthrough\nslices:\n- sources: [{model: A, layer_range: [0, 2]}]\n"
      "- sources: [{model: A, layer_range: [1, 3], parameters: {scale: [{filter: mlp, value: 0}, {value: 1}]}}]\n");
  CHECK(made.recipe.formula->text == "scale(A, alpha=scale)");
  CHECK(weights_of(made.recipe) == "scale /^model\\.layers\\.(?:2|3)\\..*mlp/=0\n");
}

TEST_CASE("slices of several models are operands, of other numbers of models rules") {
  Models models({2, 2, 2});
  MergekitMerge made = models.merge(
      "merge_method: slerp\nbase_model: A\nparameters: {t: 0.5}\nslices:\n"
      "- sources: [{model: B, layer_range: [0, 1]}, {model: A, layer_range: [1, 2]}]\n"
      "- base_model: C\n  sources: [{model: C, layer_range: [1, 2]}, {model: B, layer_range: [0, 1]}]\n");
  CHECK(made.recipe.formula->text == "slerp(A, B, t=0.5)");
  CHECK(made.recipe.operands.size() == 2);
  made = models.merge(
      "merge_method: linear\nparameters: {weight: 1}\nslices:\n"
      "- sources: [{model: A, layer_range: [0, 1]}, {model: B, layer_range: [1, 2]}]\n"
      "- sources: [{model: C, layer_range: [1, 2]}]\n");
  CHECK(made.recipe.formula->text == "linear(A, B, weights=[1, 1], normalize=true)");
  REQUIRE(made.recipe.rules.size() == 1);
  CHECK(made.recipe.rules[0].formula == "linear(A, weights=[1], normalize=true)");
}

TEST_CASE("documents are computed in each other, layers of layers too") {
  Models models({3, 3, 3});
  MergekitMerge made = models.merge(
      "name: soup\nmerge_method: linear\nmodels: [{model: A}, {model: B}]\nparameters: {weight: [1, 3]}\n---\n"
      "merge_method: slerp\nbase_model: soup\nmodels: [{model: C}]\nparameters: {t: 0.25}\n");
  CHECK(made.recipe.formula->text == "slerp(linear(A, B, weights=[weight, weight2], normalize=true), C, t=0.25)");
  CHECK(made.recipe.operands.empty());
  made = models.merge(
      "name: soup\nmerge_method: linear\nmodels: [{model: A}, {model: B}]\nparameters: {weight: 1}\n---\n"
      "merge_method: passthrough\nslices:\n- sources: [{model: soup, layer_range: [0, 2]}]\n"
      "- sources: [{model: C, layer_range: [1, 3]}]\n- sources: [{model: soup, layer_range: [1, 3]}]\n");
  CHECK(made.recipe.formula->text == "scale(linear(A, B, weights=[1, 1], normalize=true), alpha=1)");
  CHECK(made.recipe.operands.size() == 2);
  CHECK(made.recipe.rules.size() == 1);
  CHECK(models.plan.steps.size() == 3 + 6 * 3);
}

TEST_CASE("a model that occurs twice in one call of documents is two inputs") {
  Models models({3});
  const MergekitMerge made = models.merge(
      "name: low\nmerge_method: passthrough\nslices: [{sources: [{model: A, layer_range: [0, 2]}]}]\n---\n"
      "name: high\nmerge_method: passthrough\nslices: [{sources: [{model: A, layer_range: [1, 3]}]}]\n---\n"
      "merge_method: linear\nmodels: [{model: low}, {model: high}]\nparameters: {weight: 0.5}\n");
  CHECK(made.inputs == std::vector<uint32_t>{0, 0});
  CHECK(made.recipe.operands.size() == 2);
  CHECK(models.plan.steps.size() == 3 + 2 * 3);
}

namespace {

// What is warned of in a method over B and C, of base A, that has these parameters: of B, of all.
std::string warnings_of(Models& models, const std::string& method, const std::string& of_b, const std::string& of_all,
                        const std::string& of_base = "") {
  const MergekitMerge made =
      models.merge("merge_method: " + method + "\nbase_model: A\nmodels:\n- {model: A, parameters: {" + of_base +
                   "}}\n- {model: B, parameters: {" + of_b + "}}\n- {model: C}\nparameters: {" + of_all + "}\n");
  std::string out;
  for (const std::string& warning : made.warnings) out += warning + "\n";
  return out;
}

}  // namespace

TEST_CASE("parameters that have no effect where they stand are told by name") {
  Models models({2, 2, 2});
  const auto one_for_all = [](const std::string& name) {
    return "f.yml:5: '" + name +
           "' is one for all models and changes nothing at one of them; mergekit does not look there, so give it under "
           "the 'parameters' of all\n";
  };
  for (const std::string name : {"normalize", "lambda", "rescale", "int8_mask"})
    for (const std::string method : {"ties", "breadcrumbs", "dare_ties"})
      CHECK(warnings_of(models, method, name + ": 1", "weight: 1, density: 0.5") == one_for_all(name));
  CHECK(warnings_of(models, "task_arithmetic", "lambda: 1", "weight: 1") == one_for_all("lambda"));
  CHECK(warnings_of(models, "sce", "select_topk: 0.5", "") == one_for_all("select_topk"));
  CHECK(warnings_of(models, "model_stock", "filter_wise: false", "") == one_for_all("filter_wise"));
  CHECK(warnings_of(models, "ram", "epsilon: 0.1", "") == one_for_all("epsilon"));
  CHECK(warnings_of(models, "task_arithmetic", "density: 0.5", "weight: 1, rescale: true") ==
        "f.yml:7: 'rescale' changes nothing in task_arithmetic, as in mergekit\n"
        "f.yml:5: 'density' changes nothing in task_arithmetic, as in mergekit\n");
  CHECK(warnings_of(models, "ties", "", "weight: 1, density: 0.5", "weight: 1") ==
        "f.yml:4: 'weight' is given for the base, from which the others are seen, and changes nothing\n");
  CHECK(warnings_of(models, "sce", "weight: 1", "") ==
        "f.yml:5: 'weight' is none of sce's parameters and changes nothing\n");
  CHECK(warnings_of(models, "ties", "", "weight: 1, densty: 0.5") ==
        "f.yml:7: 'densty' is none of ties's parameters and changes nothing; did you mean 'density'?\n");
}

TEST_CASE("gamma is told to have no effect where all densities are 1") {
  Models models({2, 2, 2});
  const std::string told = "'gamma' changes nothing where density is 1, as it is here\n";
  CHECK(warnings_of(models, "breadcrumbs", "", "weight: 1, gamma: 0.1") == "f.yml:7: " + told);
  CHECK(warnings_of(models, "breadcrumbs", "gamma: 0.1", "weight: 1") == "f.yml:5: " + told);
  CHECK(warnings_of(models, "breadcrumbs", "density: 1, gamma: 0.1", "weight: 1, density: 0.5") == "f.yml:5: " + told);
  CHECK(warnings_of(models, "breadcrumbs", "density: 0.5", "weight: 1, gamma: 0.1").empty());
  CHECK(warnings_of(models, "breadcrumbs", "", "weight: 1, gamma: 0.1, density: [1, 0.5]").empty());
  CHECK(
      warnings_of(models, "breadcrumbs", "", "weight: 1, gamma: 0.1, density: [{filter: mlp, value: 0.5}, {value: 1}]")
          .empty());
  CHECK(warnings_of(models, "breadcrumbs", "", "weight: 1, gamma: 0.1, density: [{filter: mlp, value: 1}]") ==
        "f.yml:7: " + told);
}

TEST_CASE("what mergekit passes over is told, what it refuses is refused") {
  Models models({2, 2, 3});
  const MergekitMerge made = models.merge(
      "merge_method: slerp\nbase_model: A\nmodels:\n- {model: B, parameters: {t: 0.1}}\nparameters: {t: 0.5, wieght: "
      "1}\n");
  CHECK(made.warnings == std::vector<std::string>{
                             "f.yml:5: 'wieght' is none of slerp's parameters and changes nothing",
                             "f.yml:4: 't' is one for all models and changes nothing at one of them; mergekit does not "
                             "look there, so give it under the 'parameters' of all"});
  CHECK(models.refusal("merge_method: slurp\nmodels: [{model: B}]\n") ==
        "f.yml:1:15: mergekit has no method 'slurp'; did you mean 'slerp'?");
  CHECK(models.refusal("merge_method: slerp\nmodels: [{model: A}, {model: B}]\nparameters: {t: 0.5}\n") ==
        "f.yml:1:1: 'base_model' is missing, on which slerp builds");
  CHECK(models.refusal("merge_method: slerp\nbase_model: A\nmodels: [{model: A}, {model: B}]\n") ==
        "f.yml:1:1: the parameter 't' of slerp is missing");
  CHECK(models.refusal("merge_method: linear\nmodels: [{model: A, parameters: {weight: 1}}, {model: B}]\n") ==
        "f.yml:2:55: the parameter 'weight' of linear is missing here");
  CHECK(models.refusal("merge_method: passthrough\nmodels: [{model: A}, {model: B}]\n") ==
        "f.yml:2:9: passthrough takes 1 model, but there are 2");
  CHECK(models.refusal("merge_method: linear\nmodels: [{model: A}, {model: A}]\nparameters: {weight: 1}\n") ==
        "f.yml:2:30: 'A' is given twice, first in line 2; a model is merged once");
  CHECK(models.refusal("merge_method: linear\nmodels: [{model: A}, {model: C}]\nparameters: {weight: 1}\n") ==
        "f.yml:2:30: 'C' gives 3 layers of model.layers where 'A' gives 2; models are merged layer by layer, others by "
        "slices");
  CHECK(models.refusal("merge_method: passthrough\nslices: [{sources: [{model: A, layer_range: [1, 4]}]}]\n") ==
        "f.yml:2:29: the slice is of layers 1 to 3, but 'A' has 2 layers of model.layers");
  CHECK(models.refusal("merge_method: linear\nmodels: [{model: A+lora}]\nparameters: {weight: 1}\n")
            .starts_with("f.yml:2:18: 'A+lora': an adapter (behind the +) is not applied"));
}

TEST_CASE("a number that a method refuses is told where it is given") {
  Models models({3, 3, 3});
  const auto told = [&](const std::string& method, const std::string& at_c, const std::string& all) {
    return models.refusal("merge_method: " + method +
                          "\nbase_model: A\nmodels:\n- {model: B, parameters: {weight: 1}}\n" +
                          "- {model: C, parameters: {" + at_c + "}}\nparameters: {" + all + "}\n");
  };
  const std::string share = "density must lie between 0 and 1: it is a share of elements";
  CHECK(told("ties", "weight: 1, density: 1.5", "normalize: true") == "f.yml:5:38: " + share);
  CHECK(told("ties", "weight: 1", "density: -0.5") == "f.yml:6:14: " + share);
  CHECK(told("ties", "weight: 1, density: 1.25", "density: 1.5") == "f.yml:6:14: " + share);
  CHECK(told("breadcrumbs", "weight: 1", "density: 0.5, gamma: 2") ==
        "f.yml:6:28: gamma must lie between 0 and 1: it is a share of elements");
  CHECK(told("sce", "weight: 1", "select_topk: 1.5") ==
        "f.yml:6:14: select_topk must lie between 0 and 1: it is a share of elements");
  const std::string cancel =
      "the weights of all but the first checkpoint sum to 0 and cannot be normalized; leave --normalize out";
  CHECK(told("task_arithmetic", "weight: -1", "normalize: true") == "f.yml:5:27: " + cancel);
  CHECK(told("task_arithmetic", "weight: -1", "normalize: false").empty());
  CHECK(told("multislerp", "weight: -1", "eps: 1") ==
        "f.yml:5:27: the weights sum to 0 and cannot be normalized; give others, or --no-normalize");
  CHECK(told("multislerp", "weight: 1", "eps: -1") == "f.yml:6:14: eps must not be below 0");
  CHECK(told("karcher", "weight: 1", "tol: 1e-5, max_iter: 1.5") ==
        "f.yml:6:25: max_iter must be a whole number from 0 to 100000");
  CHECK(told("ramplus_tl", "weight: 1", "alpha: -1") ==
        "f.yml:6:14: alpha is the most that a ratio counts and must not be below 0");
  const std::string shares =
      "density - epsilon must be above 0 and density + epsilon below 1: they are shares of elements";
  // Beside a default it is what was given.
  CHECK(told("della", "weight: 1", "density: 0.9") == "f.yml:6:14: " + shares);
  CHECK(told("della", "weight: 1, epsilon: 0.5", "density: 0.6") == "f.yml:5:38: " + shares);
  CHECK(told("della", "weight: 1, density: 0.9, epsilon: 0.05", "density: 0.6").empty());
  CHECK(models.refusal("merge_method: slerp\nbase_model: A\nmodels: [{model: B}]\nparameters: {t: 1e7}\n") ==
        "f.yml:4:14: t is too far from 0; it must lie between -100000 and 100000");
  CHECK(models.refusal("merge_method: nuslerp\nmodels:\n- {model: B, parameters: {weight: 1e6}}\n"
                       "- {model: C, parameters: {weight: -999999}}\n") ==
        "f.yml:4:27: the weights nearly cancel: their sum must be a hundred thousandth of each at least");
}

TEST_CASE("of numbers that differ by layer and name that is refused which holds for a tensor") {
  Models models({3, 3, 3});
  const auto told = [&](const std::string& all, const std::string& at_c = "weight: 1") {
    return models.refusal("merge_method: ties\nbase_model: A\nmodels:\n- {model: B, parameters: {weight: 1}}\n" +
                          std::string("- {model: C, parameters: {") + at_c + "}}\nparameters:\n  " + all + "\n");
  };
  const std::string share = "density must lie between 0 and 1: it is a share of elements; 'density' is ";
  CHECK(told("density: [0.5, 1, 1.5]") == "f.yml:7:3: " + share + "1.5 for model.layers.2");
  CHECK(told("density: [1.5, 1]") == "f.yml:7:3: " + share + "1.5 for tensors outside of layers");
  CHECK(told("density: [{filter: mlp, value: [0.5, 1.25]}, {value: 1}]") ==
        "f.yml:7:3: " + share + "1.25 for model.layers.2.mlp.w");
  CHECK(told("density: [{filter: lm_head, value: 2}, {value: 1}]") == "f.yml:7:3: " + share + "2 for lm_head.weight");
  // A value that no tensor has counts for nothing.
  CHECK(told("density: [{filter: nowhere, value: 2}, {value: 1}]").empty());
  // The value behind a filter may be that of another level.
  CHECK(told("density: 2", "weight: 1, density: [{filter: mlp, value: 1}]") ==
        "f.yml:7:3: density must lie between 0 and 1: it is a share of elements");
  // Of a document in another.
  CHECK(models.refusal("name: inner\nmerge_method: ties\nbase_model: A\nmodels: [{model: B}]\nparameters: {weight: 1, "
                       "density: 3}\n---\nmerge_method: linear\nmodels: [{model: inner}, {model: C}]\n"
                       "parameters: {weight: 0.5}\n") ==
        "f.yml:5:25: density must lie between 0 and 1: it is a share of elements");
}
