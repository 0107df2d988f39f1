#pragma once
// Numbers that a job tells JavaScript: what tensors of one element hold. Those of the CPU are read at once; those of a
// device come in one transfer for all that are asked together, and nobody waits for it before the numbers are needed.

#include <ATen/core/Tensor.h>
#include <c10/core/Event.h>

#include <vector>

namespace xpmir {

class ToldNumbers {
 public:
  void ask(const std::vector<at::Tensor>& tensors);
  // The same for tensors that were packed before.
  void ask_packed(const at::Tensor& packed);
  // One float64 tensor of what they hold, on their device.
  static at::Tensor pack(const std::vector<at::Tensor>& tensors);

  bool is_pending() const { return !pending_.empty(); }
  // Waits for the device.
  void arrive();
  // Those that arrived, and zeros in the places of others.
  const std::vector<double>& values() const { return values_; }

 private:
  struct Transfer {
    at::Tensor host;
    c10::Event done;
    size_t from;
  };
  std::vector<double> values_;
  std::vector<Transfer> pending_;
};

}  // namespace xpmir
