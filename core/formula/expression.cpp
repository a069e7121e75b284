// SPDX-License-Identifier: Apache-2.0
#include "core/formula/expression.h"

#include <algorithm>
#include <utility>

#include "core/formula/formula_fault.h"
#include "core/formula/number_arithmetic.h"
#include "core/formula/tokens.h"
#include "io/text/error.h"
#include "io/text/sentence.h"
#include "io/text/utf8.h"

namespace ckmerge {
namespace {

using Kind = Expression::Kind;

constexpr const char* kOperand = "a checkpoint, a number, a method or (";

class Parser {
 public:
  Parser(const FormulaText& text, std::span<DefinedName> defined) : text_(text), tokens_(text), defined_(defined) {}

  DefinedName run() {
    Expression all = sum();
    const Token& rest = tokens_.next();
    if (rest.kind == Token::Kind::end) return {{}, std::move(all), operands_, deepest_, values_};
    if (rest.is(')') || rest.is(']')) fail(rest, "'", rest.text, "' closes nothing");
    if (rest.is('=')) fail(rest, "'=' belongs into a method's parentheses, as in slerp(A, B, t=0.3)");
    expect_no_decimal_comma(rest);
    if (rest.is(',')) fail(rest, "',' belongs into a method's parentheses, as in slerp(A, B, t=0.3)");
    fail(rest, "a sign (+ - * /) is missing before '", rest.text, "'");
  }

 private:
  // One level of what lies in each other, as long as it is parsed.
  class Level {
   public:
    Level(Parser& parser, const Token& open) : depth_(parser.depth_) {
      ++depth_;
      parser.reach(open, depth_);
    }
    ~Level() { --depth_; }
    Level(const Level&) = delete;
    Level& operator=(const Level&) = delete;

   private:
    size_t& depth_;
  };

  template <typename... Parts>
  [[noreturn]] void fail(const Token& token, const Parts&... parts) const {
    refuse_at(place(token), sentence(parts...));
  }

  // 0,3 for 0.3.
  void expect_no_decimal_comma(const Token& comma) const {
    const auto is_digit = [&](size_t at) {
      return at < text_.text.size() && text_.text[at] >= '0' && text_.text[at] <= '9';
    };
    if (comma.is(',') && comma.at > 0 && is_digit(comma.at - 1) && is_digit(comma.at + 1))
      fail(comma, "decimals are written with a point, as in 0.3");
  }

  FormulaPlace place(const Token& token) const { return {&text_, token.at}; }

  void reach(const Token& token, size_t depth) {
    if (depth > kDeepestFormula) fail(token, "more than ", kDeepestFormula, " parentheses lie in each other here");
    deepest_ = std::max(deepest_, depth);
  }

  // A name stands for its expression in parentheses.
  void reach_in(const Token& name, size_t depth) {
    if (depth > kDeepestFormula)
      fail(name, "with what '", name.text, "' stands for, more than ", kDeepestFormula,
           " expressions lie in each other here: names count as if they were written out in parentheses");
    deepest_ = std::max(deepest_, depth);
  }

  void count(const Token& token, size_t operands) {
    operands_ += operands;
    values_ += operands;
    if (operands_ > kMostOperands)
      fail(token, "the formula has more than ", kMostOperands, " names and numbers; merge it in two steps");
    if (values_ > kMostValues)
      fail(token, "the formula and its parameters have more than ", kMostValues, " names and numbers");
  }

  // An operand, or several with signs of one rank between them.
  Expression chain(Kind kind, std::string_view signs, Expression (Parser::*operand)()) {
    Expression first = (this->*operand)();
    const auto is_sign = [&] {
      return tokens_.next().kind == Token::Kind::sign && signs.find(tokens_.next().text) != signs.npos;
    };
    if (!is_sign()) return first;
    Expression all{.kind = kind, .at = place(tokens_.next())};
    all.operands.push_back(std::move(first));
    while (is_sign()) {
      const Token sign = tokens_.take();
      all.signs.push_back(sign.text[0]);
      all.signs_at.push_back(place(sign));
      all.operands.push_back((this->*operand)());
    }
    return folded(std::move(all));
  }

  Expression sum() { return chain(Kind::sum, "+-", &Parser::product); }
  Expression product() { return chain(Kind::product, "*/", &Parser::signed_operand); }

  // Two signs are none.
  Expression signed_operand() {
    const FormulaPlace at = place(tokens_.next());
    bool is_negative = false;
    for (; tokens_.next().is('-'); tokens_.take()) is_negative = !is_negative;
    if (!is_negative) return operand();
    Expression negation{.kind = Kind::negation, .at = at};
    negation.operands.push_back(operand());
    // Of what is negated in parentheses nothing is left either, so that the text that is recorded reads back as it is.
    if (negation.operands[0].kind == Kind::negation) return Expression(std::move(negation.operands[0].operands[0]));
    return folded(std::move(negation));
  }

  Expression operand() {
    const Token token = tokens_.next();
    if (token.is('(')) return parentheses();
    if (token.is('[')) fail(token, "a list belongs to a parameter, as in linear(A, B, weights=[0.3, 0.7])");
    if (token.kind == Token::Kind::end) fail(token, "the formula ends where ", kOperand, " is expected");
    if (token.kind == Token::Kind::sign) fail(token, "'", token.text, "' stands where ", kOperand, " is expected");
    tokens_.take();
    if (DefinedName* known = defined_name(token)) return written_out(token, *known);
    count(token, 1);
    if (token.kind == Token::Kind::number) return {.kind = Kind::number, .at = place(token), .number = token.number};
    if (tokens_.next().is('(')) return call(token);
    return {.kind = Kind::checkpoint, .at = place(token), .name = std::string(token.text)};
  }

  // In front of = it is a parameter's name.
  DefinedName* defined_name(const Token& token) const {
    if (token.kind != Token::Kind::name || tokens_.next().is('=') || tokens_.next().is('(')) return nullptr;
    const auto found = std::ranges::find(defined_, token.text, &DefinedName::name);
    return found == defined_.end() ? nullptr : &*found;
  }

  Expression written_out(const Token& token, DefinedName& known) {
    count(token, known.operands);
    values_ += known.values - known.operands;
    reach_in(token, depth_ + 1 + known.depth);
    known.is_used = true;
    return known.value;
  }

  Expression parentheses() {
    const Token open = tokens_.take();
    const Level level(*this, open);
    Expression inside = sum();
    close(open, ')');
    return inside;
  }

  void close(const Token& open, char sign) {
    const Token& next = tokens_.next();
    if (next.is(sign)) return static_cast<void>(tokens_.take());
    if (next.kind == Token::Kind::end) fail(open, "this ", open.text, " is never closed");
    if (next.is('=')) fail(next, "'=' follows the name of a parameter, as in slerp(A, B, t=0.3)");
    if (next.kind == Token::Kind::sign)
      fail(next, "'", next.text, "' stands where '", std::string(1, sign), "' is expected");
    fail(next, "a sign (+ - * /) is missing before '", next.text, "'");
  }

  Expression call(const Token& name) {
    Expression method{.kind = Kind::method, .at = place(name), .name = std::string(name.text)};
    const Token open = tokens_.take();
    const Level level(*this, open);
    while (!tokens_.next().is(')')) {
      argument(method);
      if (!tokens_.next().is(',')) break;
      if (!method.parameters.empty()) expect_no_decimal_comma(tokens_.next());
      tokens_.take();
    }
    close(open, ')');
    return method;
  }

  // A name and = is a parameter; what else begins with a name is an expression.
  void argument(Expression& method) {
    const Token first = tokens_.next();
    Expression value = sum();
    if (value.kind == Kind::checkpoint && value.at.in == &text_ && value.at.at == first.at && tokens_.next().is('=')) {
      const auto same = [&](const Expression& parameter) { return parameter.name == value.name; };
      if (std::ranges::any_of(method.parameters, same)) fail(first, "'", value.name, "' is given twice");
      if (method.parameters.size() == kMostOperands) fail(first, "no method has so many parameters");
      tokens_.take();
      Expression parameter{.kind = Kind::parameter, .at = place(first), .name = value.name};
      parameter.operands.push_back(parameter_value());
      method.parameters.push_back(std::move(parameter));
      return;
    }
    if (!method.parameters.empty()) fail(first, "checkpoints come before parameters");
    method.operands.push_back(std::move(value));
  }

  // Its numbers do not count: a canonical text may have more of them.
  Expression parameter_value() {
    const size_t before = operands_;
    Expression value = tokens_.next().is('[') ? list() : sum();
    operands_ = before;
    const bool is_flag = value.kind == Kind::checkpoint && (value.name == "true" || value.name == "false");
    if (is_flag) return {.kind = Kind::flag, .at = value.at, .flag = value.name == "true"};
    return value;
  }

  Expression list() {
    const Token open = tokens_.take();
    Expression all{.kind = Kind::list, .at = place(open)};
    while (!tokens_.next().is(']')) {
      if (all.operands.size() == kMostOperands) fail(open, "this list has more than ", kMostOperands, " numbers");
      all.operands.push_back(sum());
      if (!tokens_.next().is(',')) break;
      tokens_.take();
    }
    close(open, ']');
    return all;
  }

  // The number that an expression of numbers comes to; others stay as they are.
  Expression folded(Expression all) const {
    const auto is_number = [](const Expression& operand) { return operand.kind == Kind::number; };
    if (!std::ranges::all_of(all.operands, is_number)) return all;
    Expression number{.kind = Kind::number, .at = all.operands[0].at, .number = all.operands[0].number};
    if (all.kind == Kind::negation) number.number = -number.number;
    for (size_t i = 0; i < all.signs.size(); ++i)
      number.number = computed(all.signs_at[i], number.number, all.signs[i], all.operands[i + 1].number);
    return number;
  }

  const FormulaText& text_;
  Tokens tokens_;
  std::span<DefinedName> defined_;
  size_t depth_ = 0, deepest_ = 0, operands_ = 0, values_ = 0;
};

}  // namespace

DefinedName parse_formula(const FormulaText& text, std::span<DefinedName> defined) {
  const std::string label(text.label);
  if (text.text.size() > kLongestFormula)
    throw Error(ErrorCode::usage, label,
                sentence("the ", label, " has ", text.text.size(), " bytes, more than ", kLongestFormula));
  if (!is_utf8(text.text)) throw Error(ErrorCode::usage, label, sentence("the ", label, " is not UTF-8"));
  return Parser(text, defined).run();
}

}  // namespace ckmerge
