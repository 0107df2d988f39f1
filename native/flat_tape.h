#pragma once
// What a computation with its gradients comes to below autograd: the operators of its forward and of its backward as
// one list, run without graph, engine or saved tensors. libtorch tells of every operator through its RecordFunction;
// those that are made of others are told apart by the dispatcher's own tables. Whoever keeps one compares its results.

#include <ATen/core/Tensor.h>
#include <ATen/core/dispatch/Dispatcher.h>
#include <ATen/record_function.h>

#include <memory>
#include <optional>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "tape_item.h"

namespace xpmir {

class FlatTape {
 public:
  // Outputs in the order in which they were given to the recorder.
  std::vector<at::Tensor> run(const std::vector<at::Tensor>& inputs) const;

 private:
  friend class FlatRecorder;

  using Item = TapeItem;
  struct Argument {
    enum class Kind : uint8_t { Constant, Value, LastUse, List, OptionalList } kind = Kind::Constant;
    int value = -1;
    c10::IValue constant;
    std::vector<Item> items;  // of a list
  };
  struct Call {
    c10::OperatorHandle op;
    std::vector<Argument> arguments;
    std::vector<int> results;
    std::vector<int> last;  // values that are used by no call behind
  };

  void push(torch::jit::Stack& stack, std::vector<at::Tensor>& values, const Argument& argument) const;

  size_t inputs_ = 0;
  size_t values_ = 0;
  std::vector<Call> calls_;
  std::vector<Item> outputs_;
};

// Records what this thread computes while it lives.
class FlatRecorder {
 public:
  using Known = std::unordered_set<const c10::TensorImpl*>;
  // `known` are the tensors that may be held: parameters, buffers and the like.
  FlatRecorder(const std::vector<at::Tensor>& inputs, Known known);
  ~FlatRecorder();
  FlatRecorder(const FlatRecorder&) = delete;
  FlatRecorder& operator=(const FlatRecorder&) = delete;

  // Null when something was computed that is not in the list.
  std::shared_ptr<const FlatTape> finish(const std::vector<at::Tensor>& outputs);

 private:
  using Item = FlatTape::Item;
  // What is in a tensor, whatever object stands for it: autograd makes new ones for what it saves.
  struct Seen {
    c10::weak_intrusive_ptr<c10::TensorImpl> impl;  // keeps the address, not the memory
    c10::weak_intrusive_ptr<c10::StorageImpl> storage;
    std::vector<int64_t> sizes;
    std::vector<int64_t> strides;
    int64_t offset;
    c10::ScalarType dtype;
    int value;
  };

  static std::unique_ptr<at::ObserverContext> start(const at::RecordFunction& function);
  static void end(const at::RecordFunction& function, at::ObserverContext* context);
  void before(const at::RecordFunction& function);
  void after(const at::RecordFunction& function);
  std::optional<Item> item(const at::Tensor& tensor);
  std::optional<FlatTape::Argument> argument(const c10::IValue& given);
  int note(const at::Tensor& tensor);
  void note_last_uses();

  std::shared_ptr<FlatTape> tape_ = std::make_shared<FlatTape>();
  Known known_;
  std::vector<Seen> seen_;
  std::unordered_map<const c10::TensorImpl*, size_t> by_impl_;
  std::unordered_multimap<const c10::StorageImpl*, size_t> by_storage_;
  size_t depth_ = 0;  // of calls inside a call of the list
  bool failed_ = false;
  at::CallbackHandle handle_;
};

}  // namespace xpmir
