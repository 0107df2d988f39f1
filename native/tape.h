#pragma once
// A function of tensors as the operator calls that it made: written down at the one door that every call goes through,
// and run again without JavaScript. What runs is what ran: the same overloads in the same order under the same modes,
// drawing the same random numbers. Numbers and shapes that JavaScript computed are constants of a tape, which is why
// whoever keeps one compares it with a second recording, and its results with those of the function. Only the rates of
// an update, which JavaScript marks, are given anew to each run. A call of a TorchScript method is one call of a tape.
// A general tape has expressions of the sizes of its inputs in the places of numbers, found from several recordings.

#include <ATen/core/Tensor.h>
#include <ATen/core/ivalue.h>

#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "sizes.h"
#include "tape_item.h"

namespace xpmir {

struct Overload;
struct ScriptCall;

class Tape {
 public:
  using Item = TapeItem;
  struct Argument {
    enum class Kind : uint8_t { Constant, Tensor, List, OptionalList } kind = Kind::Constant;
    std::vector<int> rates;  // which of the numbers that are given anew for each run stand in its place
    std::vector<Item> items;
    c10::IValue constant;  // also a list whose items are all held
    // Of a general tape: for each number of the constant a place in the numbers of its sizes, or -1.
    std::vector<int> formulas;
  };
  struct Call {
    const Overload* overload = nullptr;
    std::shared_ptr<const ScriptCall> script;  // in place of an operator
    std::vector<Item> around;                  // what a script has beside its arguments: parameters and buffers
    double modes = 0;
    std::vector<Argument> arguments;
    std::vector<int> results;  // values, the elements of a list one after the other; -1 for what is no tensor
    std::vector<int> last;     // values that nothing after this call uses
  };

  // Runs it, with a number for each of its rates.
  std::vector<at::Tensor> run(std::vector<at::Tensor> inputs, const double* rates = nullptr) const;

  // What differs in another recording of the same function, in words; empty when nothing does. A general tape has the
  // numbers for the sizes of the other one. `but_for_numbers`: numbers and lists of as many may differ.
  std::string difference(const Tape& other, bool but_for_numbers = false) const;

  // A tape for other sizes too, from recordings that differ in numbers only, or why there is none.
  static std::shared_ptr<Tape> generalise(const std::vector<std::shared_ptr<const Tape>>& recordings,
                                          std::string& problem);

  // Whether it is for inputs of such sizes.
  bool serves(const Sizes& sizes) const { return model_ && model_->at(sizes); }
  const Sizes& sizes() const { return sizes_; }

  // The device other than the CPU that it computes on, where there is one; and whether all of its tensors are there.
  std::optional<c10::Device> device() const { return device_; }
  bool is_whole() const { return device_.has_value() && !leaves_device_; }

  size_t inputs() const { return inputs_; }
  size_t outputs() const { return outputs_.size(); }
  // How many numbers it has to be given.
  size_t rates() const { return rates_; }
  // Adds the tensors that it holds.
  void note_held(std::unordered_set<const c10::TensorImpl*>& held) const;
  // Tensors held by the tape that a run changes in place.
  const std::vector<at::Tensor>& mutated() const { return mutated_; }

 private:
  friend class Recorder;
  friend class ScriptOfTape;

  size_t inputs_ = 0;
  std::vector<int64_t> ranks_;              // of the inputs: how many sizes each has
  Sizes sizes_;                             // of the inputs that it was recorded with
  std::shared_ptr<const SizeModel> model_;  // of a general tape
  size_t values_ = 0;
  size_t rates_ = 0;
  bool autocasts_ = false;
  std::optional<c10::Device> device_;
  bool leaves_device_ = false;
  std::vector<Call> calls_;
  std::vector<Item> outputs_;
  std::vector<at::Tensor> mutated_;
};

// The sizes of all, one after the other.
Sizes sizes_of(const std::vector<at::Tensor>& tensors);

// The constant of an argument with the numbers for some sizes.
c10::IValue constant_for(const Tape::Argument& argument, const Overload& overload, size_t place,
                         const std::vector<double>& numbers);

// Whether two constants are the same to the bit; whether they are numbers, or lists of as many.
bool same_constant(const c10::IValue& a, const c10::IValue& b);
bool are_numbers(const c10::IValue& a, const c10::IValue& b);

class Recorder {
 public:
  // An update is a function of gradients, which it may change, and of rates. `stream` is that of the flow. `may_read`:
  // operators that tell values are left out, and noted, where the tape would be refused otherwise.
  Recorder(const std::vector<at::Tensor>& inputs, bool is_update, double stream, bool may_read = false);

  // Around each operator call. `before` sees the arguments and the header of the buffer, `after` the results.
  void before(const Overload& overload, double header, const torch::jit::Stack& arguments);
  void after(const torch::jit::Stack& results);
  // The same around a call of a method of a TorchScript module.
  void before(ScriptCall call, double header, const torch::jit::Stack& arguments);
  void after(const c10::IValue& result);

  // Of the next call, the number in this slot of the shared buffer is a rate.
  void note_rate(size_t slot, int rate) { noted_[slot] = rate; }
  bool has_rates() const { return !noted_.empty(); }
  // The numbers of an argument of the call stand in these slots.
  void rate(size_t argument, size_t slot, size_t count);
  void forget_rates() { noted_.clear(); }

  // Names of the operators that told values.
  const std::vector<std::string>& reads() const { return reads_; }

  // The tape, or why there is none.
  std::shared_ptr<Tape> finish(const std::vector<at::Tensor>& outputs, std::string& problem);

 private:
  Tape::Item item(const at::Tensor& tensor);
  Tape::Argument argument(const c10::IValue& given);
  void note_mutated(const std::vector<Tape::Item>& items);
  void begin(Tape::Call call, double header);
  void give(const at::Tensor& result) { tape_->calls_.back().results.push_back(value_of(result)); }
  void refuse(const std::string& problem) {
    if (problem_.empty()) problem_ = problem;
  }
  int value_of(const at::Tensor& tensor);
  void note_device(const at::Tensor& tensor);
  void note_changes();
  bool changed_inputs() const;

  std::shared_ptr<Tape> tape_ = std::make_shared<Tape>();
  std::unordered_map<const c10::TensorImpl*, int> values_;
  std::vector<int64_t> input_versions_;
  std::vector<at::Tensor> alive_;  // everything seen, so that no address stands for two
  struct Held {
    at::Tensor tensor;
    int64_t version;
    bool mutated = false;
  };
  std::unordered_map<const c10::TensorImpl*, size_t> held_index_;
  std::vector<Held> held_;
  std::unordered_map<size_t, int> noted_;
  std::vector<c10::IValue> attributes_;  // of a script, before it ran
  std::vector<std::string> reads_;
  bool is_update_;
  bool may_read_;
  double stream_;
  std::string problem_;
};

}  // namespace xpmir
