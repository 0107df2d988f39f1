#pragma once
// Parts of steps on the CPU, below autograd once they were written down.

#include <memory>
#include <vector>

#include "flat_tape.h"
#include "step_part.h"

namespace xpmir {

// What a part gives: the outputs of its tape, and gradients in the order of the parameters.
struct ComputedPart {
  std::vector<at::Tensor> outputs;
  std::vector<at::Tensor> gradients;
};

// The lists of a plan, one for a tape. On the step thread only.
class FlatParts {
 public:
  // The first run of a part that asks for a graph writes down its list, and those behind it run that.
  ComputedPart run(const Part& part, double divide, const std::vector<at::Tensor>& parameters);

  // How many tapes have one.
  size_t count() const;

 private:
  struct Flat {
    std::shared_ptr<const Tape> tape;
    std::shared_ptr<const FlatTape> list;  // null where there cannot be one
    double weight;
    double divide;
    bool is_scaled;
    std::vector<bool> trained;  // by parameter

    bool fits(const Part& part, double by, const std::vector<at::Tensor>& parameters) const;
  };
  const Flat* find(const Part& part);

  std::vector<Flat> flats_;
};

}  // namespace xpmir
