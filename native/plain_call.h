#pragma once
// Calls that autograd has nothing to do with: of tensors on the CPU that need no gradient. They skip its kernels, which
// would look at every argument once more only to find that out.

#include <ATen/core/Tensor.h>
#include <ATen/core/stack.h>

namespace xpmir {

// Dense, on the CPU, and nothing else that a kernel between the call and the CPU's would look at.
inline bool is_plain(const at::Tensor& tensor) {
  static const c10::DispatchKeySet plain = c10::DispatchKeySet(c10::DispatchKey::CPU) |
                                           c10::getAutogradRelatedKeySetFromBackend(c10::BackendComponent::CPUBit) |
                                           c10::DispatchKeySet(c10::DispatchKey::ADInplaceOrView);
  const c10::TensorImpl* impl = tensor.unsafeGetTensorImpl();
  // Autocast has a key in every tensor and works only where it is on, which a plain call is not.
  const c10::DispatchKeySet keys = impl->key_set() - c10::autocast_dispatch_keyset;
  return keys == plain && !impl->requires_grad();
}

inline bool needs_no_autograd(const torch::jit::Stack& stack) {
  bool has_tensor = false;
  for (const c10::IValue& value : stack) {
    if (value.isTensor()) {
      if (value.toTensor().defined() && !is_plain(value.toTensor())) return false;
      has_tensor = true;
    } else if (value.isList()) {
      // Elements of lists are rare, and not worth the look.
      if (value.isTensorList() || value.isOptionalTensorList()) return false;
    }
  }
  return has_tensor;
}

}  // namespace xpmir
