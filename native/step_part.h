#pragma once
// A part of a step, forward and backward: as it comes, or captured as a graph of the device and replayed.

#include <ATen/DeviceAccelerator.h>
#include <ATen/core/Tensor.h>

#include <memory>
#include <string>
#include <vector>

#include "tape.h"

// Since libtorch 2.13.
#if __has_include(<ATen/accelerator/Graph.h>)
#define XPMIR_GRAPHS 1
#else
#define XPMIR_GRAPHS 0
#endif

namespace xpmir {

// A tape whose last output is the loss and whose first ones are numbers to be told.
struct Part {
  std::shared_ptr<const Tape> tape;
  double weight;     // of the loss among the parts of its batch
  size_t finite;     // how many outputs must be finite, from the first on
  bool graph;        // whether it is to be captured
  at::Tensor scale;  // of a scaler; undefined without one
  std::vector<at::Tensor> inputs;
};

// Gradients of a part's loss, in the order of the parameters; undefined for those that it does not reach.
std::vector<at::Tensor> gradients_of(const Part& part, at::Tensor loss, double divide,
                                     const std::vector<at::Tensor>& parameters);

// The same operators, asked of the device at once: it reads its inputs and writes its results where it did when it was
// captured, and draws the random numbers that come next.
class CapturedPart {
 public:
  // Throws where the device or the operators cannot be captured. The results are there after `replay` only.
  CapturedPart(const Part& part, double divide, const std::vector<at::Tensor>& parameters, const CapturedPart* other);
  ~CapturedPart();
  CapturedPart(const CapturedPart&) = delete;
  CapturedPart& operator=(const CapturedPart&) = delete;

  bool fits(const Part& part, double divide) const;
  void replay(const Part& part);
  // Packed, see told_numbers.h.
  const at::Tensor& numbers() const { return numbers_; }
  // Overwritten by the next replay.
  const std::vector<at::Tensor>& gradients() const { return gradients_; }

 private:
#if XPMIR_GRAPHS
  at::accelerator::Graph graph_;  // first, so that its memory outlives what lies in it
#endif
  c10::Device device_;
  double weight_;
  double divide_;
  Part part_;
  at::Tensor numbers_;
  std::vector<at::Tensor> gradients_;
};

// The graphs of a plan, no more than a few. On the step thread only.
class Graphs {
 public:
  // That of the part, captured where there is none yet; nullptr where there cannot be one.
  CapturedPart* find(const Part& part, double divide, const std::vector<at::Tensor>& parameters);
  // Why there cannot be one; empty as long as nothing was refused.
  const std::string& problem() const { return problem_; }
  size_t count() const { return captured_.size(); }

 private:
  std::vector<std::pair<std::shared_ptr<const Tape>, std::unique_ptr<CapturedPart>>> captured_;
  std::string problem_;
};

}  // namespace xpmir
