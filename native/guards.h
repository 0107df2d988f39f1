#pragma once
// Preconditions that some operators of libtorch leave to their caller, who would otherwise meet the end of the process.
// test/robustness/children/operators.ts looks for more of them.

#include <ATen/core/stack.h>

namespace xpmir {

struct Overload;

// Throws ArgumentError when the arguments on the stack would not survive the call.
using Guard = void (*)(const Overload& overload, const torch::jit::Stack& arguments);

// The guard that an operator needs, or nullptr.
Guard guard_for(const Overload& overload);

}  // namespace xpmir
