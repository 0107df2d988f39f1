#include "told_numbers.h"

#include <ATen/Functions.h>

#include <cstring>

#include "cuda.h"

namespace xpmir {

void ToldNumbers::ask(const std::vector<at::Tensor>& tensors) {
  bool is_elsewhere = false;
  for (const at::Tensor& tensor : tensors) is_elsewhere = is_elsewhere || !tensor.is_cpu();
  if (is_elsewhere) return ask_packed(pack(tensors));
  for (const at::Tensor& tensor : tensors) {
    // What mostly comes, without a trip through the dispatcher.
    const bool is_plain = tensor.scalar_type() == at::kFloat && tensor.numel() == 1;
    values_.push_back(is_plain ? *tensor.const_data_ptr<float>() : tensor.item().toDouble());
  }
}

at::Tensor ToldNumbers::pack(const std::vector<at::Tensor>& tensors) {
  const c10::AutoGradMode no_grad(false);
  c10::Device device(c10::kCPU);
  for (const at::Tensor& tensor : tensors)
    if (!tensor.is_cpu()) device = tensor.device();
  std::vector<at::Tensor> elements;
  for (const at::Tensor& tensor : tensors) elements.push_back(tensor.reshape({1}).to(device, at::kDouble));
  return at::cat(elements);
}

void ToldNumbers::ask_packed(const at::Tensor& packed) {
  const size_t count = static_cast<size_t>(packed.numel());
  at::Tensor host = at::empty(packed.sizes(), at::TensorOptions().dtype(at::kDouble).pinned_memory(true));
  host.copy_(packed, /*non_blocking=*/true);
  c10::Event done(packed.device().type());
  done.record(current_stream(packed.device()));
  pending_.push_back({std::move(host), std::move(done), values_.size()});
  values_.resize(values_.size() + count);
}

void ToldNumbers::arrive() {
  for (const Transfer& transfer : pending_) {
    transfer.done.synchronize();
    std::memcpy(values_.data() + transfer.from, transfer.host.const_data_ptr(), transfer.host.nbytes());
  }
  pending_.clear();
}

}  // namespace xpmir
