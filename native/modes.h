#pragma once
// Grad mode, inference mode and autocast for the length of one native call. libtorch keeps them per thread, JavaScript
// keeps them per asynchronous flow: setting them around each call, from the arena's header, is what lets both be right.

#include <ATen/autocast_mode.h>
#include <c10/core/GradMode.h>
#include <c10/core/InferenceMode.h>

#include <array>
#include <optional>

#include "wire.h"

namespace xpmir {

// Autocast of the CPU and of CUDA: a dtype for each, or none.
class AutocastGuard {
 public:
  explicit AutocastGuard(int modes) {
    // Casts of weights are kept until the scope ends. One made under other modes has another dtype, or no graph.
    static thread_local int last = 0;
    if (last != modes) at::autocast::clear_cache();
    last = modes;
    const int dtypes = modes / kGradModes;
    enter(0, c10::kCPU, dtypes % kAutocastDtypes);
    enter(1, c10::kCUDA, dtypes / kAutocastDtypes);
  }
  ~AutocastGuard() {
    leave(0, c10::kCPU);
    leave(1, c10::kCUDA);
  }
  AutocastGuard(const AutocastGuard&) = delete;
  AutocastGuard& operator=(const AutocastGuard&) = delete;

 private:
  void enter(size_t i, c10::DeviceType device, int dtype) {
    if (dtype == 0) return;
    before_[i] = {at::autocast::is_autocast_enabled(device), at::autocast::get_autocast_dtype(device)};
    at::autocast::set_autocast_enabled(device, true);
    at::autocast::set_autocast_dtype(device, dtype == 1 ? at::kBFloat16 : at::kHalf);
  }
  void leave(size_t i, c10::DeviceType device) {
    if (!before_[i]) return;
    at::autocast::set_autocast_enabled(device, before_[i]->first);
    at::autocast::set_autocast_dtype(device, before_[i]->second);
  }
  std::array<std::optional<std::pair<bool, at::ScalarType>>, 2> before_;
};

class ModeGuard {
 public:
  explicit ModeGuard(double header) {
    if (header == 0 || !(header > 0 && header < kModeCodes)) return;  // whatever stands there
    const int modes = static_cast<int>(header);
    switch (modes % kGradModes) {
      case kInference:
        inference_.emplace(true);
        break;
      case kNoGrad:
        grad_.emplace(false);
        break;
      case kWithGrad:
        grad_.emplace(true);
        break;
      default:
        break;
    }
    if (modes >= kGradModes) autocast_.emplace(modes);
  }

 private:
  std::optional<c10::AutoGradMode> grad_;
  std::optional<c10::InferenceMode> inference_;
  std::optional<AutocastGuard> autocast_;
};

}  // namespace xpmir
