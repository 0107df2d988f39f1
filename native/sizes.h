#pragma once
// Numbers that JavaScript computed from the shapes of a tape's inputs, as expressions of their sizes, found from what
// they were in several recordings. An expression that fits them all may still be wrong elsewhere, which is why whoever
// uses one compares it with recordings of other shapes, and keeps to the sizes that those had.

#include <cstdint>
#include <optional>
#include <vector>

namespace xpmir {

using Sizes = std::vector<int64_t>;  // of all inputs of a tape, one after the other

// A product of sizes, of which the first may be a sum or a difference of two.
struct SizeProduct {
  std::vector<size_t> sizes;
  int with = 0;  // 1: the first two are added, -1: subtracted, 0: multiplied as the others
  // Nothing where it is beyond all numbers.
  std::optional<int64_t> at(const Sizes& free) const;
};

struct SizeFormula {
  // Whole: (scale * product + offset) / divisor. The others multiply by `times`: the product, its inverse and so on.
  enum class Form : uint8_t { Whole, Share, Inverse, Root, InverseRoot } form = Form::Whole;
  SizeProduct product;
  int64_t scale = 1;
  int64_t divisor = 1;
  int64_t offset = 0;
  double times = 1;
  // Nothing where the division leaves a rest.
  std::optional<double> at(const Sizes& free) const;
};

class SizeModel {
 public:
  // What sizes have in common in all samples (one size follows from another, or is always the same) is taken for a
  // rule, and the others are free. Nothing where too many are.
  explicit SizeModel(std::vector<Sizes> samples);

  // A formula for what a number was in the samples: its place among the formulas, or -1 without one, or with several
  // that are as simple.
  int explain(const std::vector<double>& values);

  // The free sizes among these; nothing where they break a rule.
  std::optional<Sizes> free(const Sizes& sizes) const;

  // Which sizes the formulas are of, and the formulas.
  const std::vector<size_t>& free_sizes() const { return free_; }
  const std::vector<SizeFormula>& formulas() const { return formulas_; }

  // The numbers of all formulas; nothing where they have none.
  std::optional<std::vector<double>> at(const Sizes& sizes) const;

 private:
  // divisor * size = slope * sizes[of] + offset, or size = offset where of is -1.
  struct Rule {
    size_t size;
    int of;
    int64_t slope;
    int64_t divisor;
    int64_t offset;
  };
  // A product, what it was in the samples, and how simple it is.
  struct Term {
    SizeProduct product;
    Sizes values;
    int rank;
  };
  void relate(size_t size);
  void add_terms();
  void add_term(SizeProduct product, int rank);
  std::optional<SizeFormula> search(const std::vector<double>& values) const;

  std::vector<Sizes> samples_;
  std::vector<Sizes> free_samples_;
  std::vector<size_t> free_;
  std::vector<Rule> rules_;
  std::vector<Term> terms_;
  std::vector<SizeFormula> formulas_;
  std::vector<std::vector<double>> explained_;  // what each formula was found for
};

}  // namespace xpmir
