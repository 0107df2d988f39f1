#include "sizes.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <numeric>
#include <set>
#include <utility>

namespace xpmir {

namespace {

// More free sizes have too many products to tell them apart.
constexpr size_t kMostFree = 8;
// Beyond it doubles are no longer integers.
constexpr int64_t kMostExact = int64_t{1} << 53;

std::optional<int64_t> multiplied(int64_t a, int64_t b) {
  int64_t result;
  if (__builtin_mul_overflow(a, b, &result) || result > kMostExact || result < -kMostExact) return std::nullopt;
  return result;
}

bool same_bits(double a, double b) { return std::memcmp(&a, &b, sizeof a) == 0; }

size_t distinct(const Sizes& values) { return std::set<int64_t>(values.begin(), values.end()).size(); }

struct Line {
  int64_t slope;
  int64_t divisor;
  int64_t offset;
};

// divisor * y = slope * x + offset through all points.
std::optional<Line> line_through(const Sizes& x, const Sizes& y) {
  size_t other = 1;
  while (other < x.size() && x[other] == x[0]) other++;
  if (other == x.size()) return std::nullopt;
  int64_t slope = y[other] - y[0];
  int64_t divisor = x[other] - x[0];
  const int64_t common = std::gcd(slope, divisor) * (divisor < 0 ? -1 : 1);
  slope /= common;
  divisor /= common;
  const auto offset_at = [&](size_t i) -> std::optional<int64_t> {
    const auto left = multiplied(divisor, y[i]);
    const auto right = multiplied(slope, x[i]);
    return left && right ? std::optional<int64_t>(*left - *right) : std::nullopt;
  };
  const auto offset = offset_at(0);
  for (size_t i = 1; i < x.size(); i++)
    if (!offset || offset_at(i) != offset) return std::nullopt;
  return Line{slope, divisor, *offset};
}

// How far from simple a formula is: by the numbers that were fitted, and the rank of its product. The order is by how
// many others there are that could fit by chance.
int cost_of(size_t fitted, int rank) {
  static constexpr int costs[3][4] = {{0, 1, 3, 6}, {2, 4, 7, 9}, {5, 8, 10, 11}};
  return costs[fitted][rank];
}

// A number as somebody writes it.
double rounded(double value) {
  char text[32];
  std::snprintf(text, sizeof text, "%.12g", value);
  return std::strtod(text, nullptr);
}

double formed(SizeFormula::Form form, double product) {
  switch (form) {
    case SizeFormula::Form::Inverse:
      return 1 / product;
    case SizeFormula::Form::Root:
      return std::sqrt(product);
    case SizeFormula::Form::InverseRoot:
      return 1 / std::sqrt(product);
    default:
      return product;
  }
}

// Only operators whose results are exact to the last bit everywhere, so that they are JavaScript's.
double valued(const SizeFormula& formula, double product) {
  if (formula.form == SizeFormula::Form::Inverse) return formula.times / product;
  if (formula.form == SizeFormula::Form::InverseRoot && formula.times != 1) return formula.times / std::sqrt(product);
  return formula.times * formed(formula.form, product);
}

}  // namespace

std::optional<int64_t> SizeProduct::at(const Sizes& free) const {
  std::optional<int64_t> result = 1;
  size_t next = 0;
  if (with != 0) {
    const int64_t a = free[sizes[0]];
    const int64_t b = free[sizes[1]];
    if (a > kMostExact || b > kMostExact) return std::nullopt;
    result = a + with * b;
    next = 2;
  }
  for (; next < sizes.size() && result; next++) result = multiplied(*result, free[sizes[next]]);
  return result;
}

std::optional<double> SizeFormula::at(const Sizes& free) const {
  const auto value = product.at(free);
  if (!value) return std::nullopt;
  if (form != Form::Whole)
    return *value > 0 ? std::optional<double>(valued(*this, static_cast<double>(*value))) : std::nullopt;
  const auto scaled = multiplied(scale, *value);
  if (!scaled || (*scaled + offset) % divisor != 0) return std::nullopt;
  return static_cast<double>((*scaled + offset) / divisor);
}

SizeModel::SizeModel(std::vector<Sizes> samples) : samples_(std::move(samples)) {
  for (size_t size = 0; size < samples_[0].size(); size++) relate(size);
  for (const Sizes& sample : samples_) {
    Sizes free;
    for (const size_t size : free_) free.push_back(sample[size]);
    free_samples_.push_back(std::move(free));
  }
  if (free_.size() <= kMostFree) add_terms();
}

void SizeModel::relate(size_t size) {
  const auto values_of = [&](size_t each) {
    Sizes values;
    for (const Sizes& sample : samples_) values.push_back(sample[each]);
    return values;
  };
  const Sizes values = values_of(size);
  if (distinct(values) == 1) {
    rules_.push_back({size, -1, 0, 1, values[0]});
    return;
  }
  for (const size_t of : free_) {
    const Sizes x = values_of(of);
    const auto line = line_through(x, values);
    if (!line || line->slope == 0) continue;
    // Two points have a line always.
    const bool is_equal = line->slope == 1 && line->divisor == 1 && line->offset == 0;
    if (!is_equal && distinct(x) < 3) continue;
    rules_.push_back({size, static_cast<int>(of), line->slope, line->divisor, line->offset});
    return;
  }
  free_.push_back(size);
}

void SizeModel::add_term(SizeProduct product, int rank) {
  Sizes values;
  for (const Sizes& sample : free_samples_) {
    const auto value = product.at(sample);
    if (!value) return;
    values.push_back(*value);
  }
  terms_.push_back({std::move(product), std::move(values), rank});
}

void SizeModel::add_terms() {
  const size_t count = free_.size();
  for (size_t a = 0; a < count; a++) {
    add_term({{a}}, 0);
    for (size_t b = a; b < count; b++) {
      add_term({{a, b}}, 1);
      for (size_t c = b; c < count; c++) add_term({{a, b, c}}, 1);
    }
    for (size_t b = 0; b < count; b++) {
      for (const int with : {1, -1}) {
        if (with > 0 ? b <= a : b == a) continue;
        add_term({{a, b}, with}, 2);
        for (size_t c = 0; c < count; c++) {
          add_term({{a, b, c}, with}, 3);
          for (size_t d = c; d < count; d++) add_term({{a, b, c, d}, with}, 3);
        }
      }
    }
  }
}

int SizeModel::explain(const std::vector<double>& values) {
  for (size_t i = 0; i < explained_.size(); i++)
    if (explained_[i] == values) return static_cast<int>(i);
  auto formula = search(values);
  if (!formula) return -1;
  formulas_.push_back(std::move(*formula));
  explained_.push_back(values);
  return static_cast<int>(formulas_.size()) - 1;
}

std::optional<SizeFormula> SizeModel::search(const std::vector<double>& values) const {
  std::optional<SizeFormula> best;
  int lowest = 99;
  const auto offer = [&](const Term& term, size_t fitted, SizeFormula formula) {
    const int cost = cost_of(fitted, term.rank);
    if (cost > lowest || distinct(term.values) <= fitted) return;
    formula.product = term.product;
    best = cost < lowest ? std::optional<SizeFormula>(std::move(formula)) : std::nullopt;
    lowest = cost;
  };
  const bool are_whole = std::all_of(values.begin(), values.end(), [](double value) {
    return std::trunc(value) == value && std::fabs(value) <= static_cast<double>(kMostExact);
  });
  if (are_whole) {
    const Sizes whole(values.begin(), values.end());
    for (const Term& term : terms_) {
      const auto line = line_through(term.values, whole);
      if (!line || line->slope == 0) continue;
      SizeFormula formula;
      formula.scale = line->slope;
      formula.divisor = line->divisor;
      formula.offset = line->offset;
      const size_t is_scaled = line->slope != 1 || line->divisor != 1 ? 1 : 0;
      offer(term, is_scaled + (line->offset != 0 ? 1 : 0), std::move(formula));
    }
    return best;
  }
  using Form = SizeFormula::Form;
  for (const Term& term : terms_) {
    if (*std::min_element(term.values.begin(), term.values.end()) <= 0) continue;
    for (const Form form : {Form::Share, Form::Inverse, Form::Root, Form::InverseRoot}) {
      const double factor = values[0] / formed(form, static_cast<double>(term.values[0]));
      for (const double each : {1.0, rounded(factor), factor}) {
        SizeFormula formula;
        formula.form = form;
        formula.times = each;
        bool fits = true;
        for (size_t i = 0; i < values.size() && fits; i++)
          fits = same_bits(valued(formula, static_cast<double>(term.values[i])), values[i]);
        if (!fits) continue;
        offer(term, each == 1 ? 0 : 1, std::move(formula));
        break;
      }
    }
  }
  return best;
}

std::optional<Sizes> SizeModel::free(const Sizes& sizes) const {
  if (sizes.size() != samples_[0].size() || free_.size() > kMostFree) return std::nullopt;
  for (const Rule& rule : rules_) {
    if (rule.of < 0) {
      if (sizes[rule.size] != rule.offset) return std::nullopt;
      continue;
    }
    const auto left = multiplied(rule.divisor, sizes[rule.size]);
    const auto right = multiplied(rule.slope, sizes[static_cast<size_t>(rule.of)]);
    if (!left || !right || *left != *right + rule.offset) return std::nullopt;
  }
  Sizes free;
  for (const size_t size : free_) free.push_back(sizes[size]);
  return free;
}

std::optional<std::vector<double>> SizeModel::at(const Sizes& sizes) const {
  const auto given = free(sizes);
  if (!given) return std::nullopt;
  std::vector<double> numbers;
  for (const SizeFormula& formula : formulas_) {
    const auto number = formula.at(*given);
    if (!number) return std::nullopt;
    numbers.push_back(*number);
  }
  return numbers;
}

}  // namespace xpmir
