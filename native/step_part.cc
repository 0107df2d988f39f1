#include "step_part.h"

#include <torch/csrc/autograd/autograd.h>
#include <torch/csrc/autograd/utils/grad_layout_contract.h>

#include <algorithm>

#include "cuda.h"
#include "told_numbers.h"

namespace xpmir {

namespace {
// A gradient as AccumulateGrad leaves it in `.grad`: of its own where two parameters were given the same, and laid out
// as the parameter, so that hooks and optimizers change and add up what they would without being compiled.
at::Tensor as_accumulated(at::Tensor gradient, const at::Tensor& parameter) {
  if (!gradient.defined() || gradient.layout() != c10::kStrided || parameter.layout() != c10::kStrided) return gradient;
  using torch::autograd::utils::clone_obey_contract;
  using torch::autograd::utils::obeys_layout_contract;
  const bool is_own = gradient.use_count() == 1 && obeys_layout_contract(gradient, parameter);
  return is_own ? gradient : clone_obey_contract(gradient, parameter);
}
}  // namespace

std::vector<at::Tensor> gradients_of(const Part& part, at::Tensor loss, double divide,
                                     const std::vector<at::Tensor>& parameters) {
  // In the order and with the operators of a step that is not compiled.
  if (part.weight != 1) loss = loss.mul(part.weight);
  if (divide != 1) loss = loss.div(divide);
  if (part.scale.defined()) loss = loss.mul(part.scale.to(loss.device()));
  std::vector<at::Tensor> wanted;
  std::vector<size_t> places;
  for (size_t i = 0; i < parameters.size(); i++) {
    if (!parameters[i].requires_grad()) continue;
    wanted.push_back(parameters[i]);
    places.push_back(i);
  }
  std::vector<at::Tensor> found = torch::autograd::grad({loss}, wanted, {}, std::nullopt, false, /*allow_unused=*/true);
  std::vector<at::Tensor> gradients(parameters.size());
  const c10::AutoGradMode no_grad(false);
  for (size_t i = 0; i < found.size(); i++) gradients[places[i]] = as_accumulated(std::move(found[i]), wanted[i]);
  return gradients;
}

#if XPMIR_GRAPHS

namespace {
constexpr size_t kMostGraphs = 8;
}

CapturedPart::CapturedPart(const Part& part, double divide, const std::vector<at::Tensor>& parameters,
                           const CapturedPart* other)
    : device_(*part.tape->device()), weight_(part.weight), divide_(divide), part_(part) {
  for (at::Tensor& input : part_.inputs) input = input.detach().clone();
  if (part_.scale.defined()) part_.scale = part_.scale.detach().to(device_).clone();
  // Nothing that was asked before may still be under way where memory of the graph lies.
  at::accelerator::synchronizeDevice(device_.index());
  // One memory for all graphs of a plan, as they never run at once. The engine's threads ask the device too, and
  // JavaScript's does meanwhile: only this thread is bound by what capturing forbids.
  using Pool = decltype(graph_.pool());
  graph_.capture_begin(other == nullptr ? Pool{0, 0} : other->graph_.pool(), at::GraphCaptureMode::ThreadLocal);
  try {
    const std::vector<at::Tensor> outputs = part_.tape->run(part_.inputs);
    numbers_ = ToldNumbers::pack(outputs);
    gradients_ = gradients_of(part_, outputs.back(), divide, parameters);
  } catch (...) {
    try {
      graph_.capture_end();
    } catch (...) {  // says again that capturing failed
    }
    throw;
  }
  graph_.capture_end();
}

CapturedPart::~CapturedPart() {
  try {
    at::accelerator::synchronizeDevice(device_.index());
  } catch (...) {  // a device that failed has nothing under way
  }
}

bool CapturedPart::fits(const Part& part, double divide) const {
  return part.weight == weight_ && divide == divide_ && part.scale.defined() == part_.scale.defined();
}

void CapturedPart::replay(const Part& part) {
  const c10::AutoGradMode no_grad(false);
  for (size_t i = 0; i < part.inputs.size(); i++) part_.inputs[i].copy_(part.inputs[i], /*non_blocking=*/true);
  if (part.scale.defined()) part_.scale.copy_(part.scale, /*non_blocking=*/true);
  graph_.replay();
}

CapturedPart* Graphs::find(const Part& part, double divide, const std::vector<at::Tensor>& parameters) {
  if (!part.graph || !problem_.empty() || !part.tape->device()) return nullptr;
  for (const auto& [tape, captured] : captured_)
    if (tape == part.tape) return captured->fits(part, divide) ? captured.get() : nullptr;
  if (!part.tape->is_whole()) {
    problem_ = "computes on the CPU too";
    return nullptr;
  }
  // Those of tapes that nobody else has any more make room.
  captured_.erase(
      std::remove_if(captured_.begin(), captured_.end(), [](const auto& each) { return each.first.use_count() == 1; }),
      captured_.end());
  if (captured_.size() >= kMostGraphs) return nullptr;
  try {
    const CapturedPart* other = captured_.empty() ? nullptr : captured_.front().second.get();
    captured_.emplace_back(part.tape, std::make_unique<CapturedPart>(part, divide, parameters, other));
    return captured_.back().second.get();
  } catch (const std::exception& error) {
    problem_ = error.what();
    problem_ = problem_.substr(0, problem_.find('\n'));
    return nullptr;
  }
}

#else

CapturedPart::~CapturedPart() = default;

bool CapturedPart::fits(const Part&, double) const { return false; }

void CapturedPart::replay(const Part&) {}

CapturedPart* Graphs::find(const Part& part, double, const std::vector<at::Tensor>&) {
  if (part.graph && part.tape->device()) problem_ = "needs libtorch 2.13 or later";
  return nullptr;
}

#endif

}  // namespace xpmir
