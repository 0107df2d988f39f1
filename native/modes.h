#pragma once
// Grad and inference mode for the length of one native call. libtorch keeps them per thread, JavaScript keeps them per
// asynchronous flow: setting them around each call, from the arena's header, is what lets both be right.

#include <c10/core/GradMode.h>
#include <c10/core/InferenceMode.h>

#include <optional>

#include "wire.h"

namespace xpmir {

class ModeGuard {
 public:
  explicit ModeGuard(double header) {
    if (header == kInference)
      inference_.emplace(true);
    else if (header == kNoGrad)
      grad_.emplace(false);
    else if (header == kWithGrad)
      grad_.emplace(true);
  }

 private:
  std::optional<c10::AutoGradMode> grad_;
  std::optional<c10::InferenceMode> inference_;
};

}  // namespace xpmir
