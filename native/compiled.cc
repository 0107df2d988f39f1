// Tapes as numbers, and the steps that are made of them: forward, backward and update as one job of the step thread.

#include <ATen/Functions.h>
#include <ATen/Parallel.h>
#include <torch/csrc/autograd/autograd.h>

#include <cmath>
#include <cstring>

#include "entries.h"
#include "modes.h"
#include "step_thread.h"
#include "tape.h"

namespace xpmir {

// What a run trains, and its gradients between the parts of a step.
struct Plan {
  std::vector<at::Tensor> parameters;
  std::vector<at::Tensor> gradients;  // undefined for a parameter that the loss does not reach
  std::vector<double> reached;        // 1 for a parameter that the updates were recorded with a gradient of
  bool failed = false;                // a job failed, and those behind it must not go on: on the step thread only
};

struct CompiledTable {
  std::unordered_map<double, std::shared_ptr<const Tape>> tapes;
  std::unordered_map<double, std::shared_ptr<Plan>> plans;
  double next = 1;
};

namespace {

CompiledTable& table(State& state) {
  if (!state.compiled) state.compiled = std::make_shared<CompiledTable>();
  return *state.compiled;
}

StepThread& step_thread(State& state) {
  if (!state.steps) state.steps = std::make_shared<StepThread>(state.env);
  return *state.steps;
}

std::shared_ptr<const Tape> tape_at(State& state, double id) {
  const auto& tapes = table(state).tapes;
  const auto found = tapes.find(id);
  if (found == tapes.end())
    throw ArgumentError("ERR_ARGUMENT", "Expected a live tape but received a number that is none");
  return found->second;
}

std::shared_ptr<Plan> plan_argument(State& state, const Napi::CallbackInfo& info) {
  const auto& plans = table(state).plans;
  const auto found = plans.find(number_argument(info, 0, "plan"));
  if (found == plans.end())
    throw ArgumentError("ERR_ARGUMENT", "Expected a live plan but received a number that is none");
  return found->second;
}

WireReader arena_reader(State& state) {
  return WireReader(state.arena.data() + kFirst, state.arena.data() + state.arena.size());
}

std::vector<at::Tensor> read_tensors(State& state, WireReader& reader) {
  const WireValue value = reader.value();
  std::vector<at::Tensor> result;
  if ((value.tag == Tag::Ints || value.tag == Tag::Floats) && value.count() == 0) return result;
  if (value.tag != Tag::List) throw ArgumentError("ERR_ARGUMENT", "Expected an array of Tensors");
  for (size_t i = 0; i < value.count(); i++) {
    if (value.payload[1 + 2 * i] != static_cast<double>(Tag::Tensor))
      throw ArgumentError("ERR_ARGUMENT", "Expected an array of Tensors");
    result.push_back(state.tensors.get(value.payload[2 + 2 * i]));
  }
  return result;
}

std::vector<double> read_numbers(WireReader& reader) {
  const WireValue value = reader.value();
  if (value.tag != Tag::Ints && value.tag != Tag::Floats)
    throw ArgumentError("ERR_ARGUMENT", "Expected an array of numbers");
  return std::vector<double>(value.payload + 1, value.payload + 1 + value.count());
}

// tapeBegin(update): from here on every operator call is written down; the inputs stand in the buffer.
Napi::Value tape_begin(State& state, const Napi::CallbackInfo& info) {
  if (state.recorder) throw ArgumentError("ERR_ARGUMENT", "Expected one recording at a time");
  WireReader reader = arena_reader(state);
  const bool update = boolean_argument(info, 0, "update");
  state.recorder = std::make_unique<Recorder>(read_tensors(state, reader), update);
  return state.env.Undefined();
}

// tapeEnd(): the number of the tape, or why there is none; the outputs stand in the buffer.
Napi::Value tape_end(State& state, const Napi::CallbackInfo&) {
  if (!state.recorder) throw ArgumentError("ERR_ARGUMENT", "Expected a recording that has begun");
  const std::unique_ptr<Recorder> recorder = std::move(state.recorder);
  WireReader reader = arena_reader(state);
  std::string problem;
  std::shared_ptr<Tape> tape = recorder->finish(read_tensors(state, reader), problem);
  if (!tape) return Napi::String::New(state.env, problem);
  CompiledTable& all = table(state);
  all.tapes.emplace(all.next, std::move(tape));
  return Napi::Number::New(state.env, all.next++);
}

// tapeCancel(): ends a recording that came to nothing.
Napi::Value tape_cancel(State& state, const Napi::CallbackInfo&) {
  state.recorder.reset();
  return state.env.Undefined();
}

Napi::Value tape_release(State& state, const Napi::CallbackInfo& info) {
  table(state).tapes.erase(number_argument(info, 0, "tape"));
  return state.env.Undefined();
}

// tapeDifference(a, b): what differs between two recordings, in words; empty when nothing does.
Napi::Value tape_difference(State& state, const Napi::CallbackInfo& info) {
  const auto a = tape_at(state, number_argument(info, 0, "a"));
  const auto b = tape_at(state, number_argument(info, 1, "b"));
  return Napi::String::New(state.env, a->difference(*b));
}

Napi::Value handles_of(State& state, const std::vector<at::Tensor>& tensors) {
  Napi::Array handles = Napi::Array::New(state.env, tensors.size());
  for (size_t i = 0; i < tensors.size(); i++)
    handles[static_cast<uint32_t>(i)] =
        Napi::Number::New(state.env, tensors[i].defined() ? state.tensors.insert(tensors[i]) : 0);
  state.report_memory();
  return handles;
}

// tapeRates(tape): for each number of an update that changes, whether it counts steps, and what it was.
Napi::Value tape_rates(State& state, const Napi::CallbackInfo& info) {
  const auto tape = tape_at(state, number_argument(info, 0, "tape"));
  Napi::Array rates = Napi::Array::New(state.env, tape->rates().size());
  for (size_t i = 0; i < tape->rates().size(); i++) {
    Napi::Array rate = Napi::Array::New(state.env, 2);
    rate[0u] = Napi::Boolean::New(state.env, tape->rates()[i].is_count);
    rate[1u] = Napi::Number::New(state.env, tape->rates()[i].recorded);
    rates[static_cast<uint32_t>(i)] = rate;
  }
  return rates;
}

// tapeMutated(tape): handles of the tensors that it holds and changes.
Napi::Value tape_mutated(State& state, const Napi::CallbackInfo& info) {
  return handles_of(state, tape_at(state, number_argument(info, 0, "tape"))->mutated());
}

// sameBits(a, b): whether two tensors have the same dtype, shape and bits, NaN equal to itself.
Napi::Value same_bits(State& state, const Napi::CallbackInfo& info) {
  const at::Tensor& a = state.tensors.get(number_argument(info, 0, "a"));
  const at::Tensor& b = state.tensors.get(number_argument(info, 1, "b"));
  const bool comparable = a.layout() == c10::kStrided && b.layout() == c10::kStrided &&
                          a.scalar_type() == b.scalar_type() && a.sizes() == b.sizes() && a.device() == b.device();
  if (!comparable) return Napi::Boolean::New(state.env, false);
  const c10::AutoGradMode no_grad(false);
  const at::Tensor left = a.detach().resolve_conj().resolve_neg().cpu().contiguous();
  const at::Tensor right = b.detach().resolve_conj().resolve_neg().cpu().contiguous();
  const bool same =
      left.nbytes() == 0 || std::memcmp(left.const_data_ptr(), right.const_data_ptr(), left.nbytes()) == 0;
  return Napi::Boolean::New(state.env, same);
}

// A job with a promise.
class PromisedJob : public StepThread::Job {
 public:
  explicit PromisedJob(State& state)
      : state_(state), deferred_(Napi::Promise::Deferred::New(state.env)), threads_(at::get_num_threads()) {}
  Napi::Value promise() const { return deferred_.Promise(); }

  void run() final {
    // OpenMP keeps the number of threads for each thread.
    if (at::get_num_threads() != threads_) at::set_num_threads(threads_);
    compute();
  }

  void finish(Napi::Env env) final {
    try {
      deferred_.Resolve(guarded(env, "step", [&]() -> Napi::Value {
        if (error) std::rethrow_exception(error);
        return result();
      }));
    } catch (const Napi::Error& failure) {
      deferred_.Reject(failure.Value());
    }
  }

 protected:
  virtual void compute() = 0;
  virtual Napi::Value result() = 0;
  State& state_;

 private:
  Napi::Promise::Deferred deferred_;
  int threads_;
};

class CallJob : public PromisedJob {
 public:
  CallJob(State& state, std::shared_ptr<const Tape> tape, std::vector<at::Tensor> inputs)
      : PromisedJob(state), tape_(std::move(tape)), inputs_(std::move(inputs)) {}

 protected:
  void compute() override { outputs_ = tape_->run(std::move(inputs_)); }
  Napi::Value result() override { return handles_of(state_, outputs_); }

 private:
  std::shared_ptr<const Tape> tape_;
  std::vector<at::Tensor> inputs_;
  std::vector<at::Tensor> outputs_;
};

Napi::Value post(State& state, std::unique_ptr<PromisedJob> job) {
  const Napi::Value promise = job->promise();
  step_thread(state).post(std::move(job));
  return promise;
}

// tapeCall(tape): a promise of the handles of its outputs; the inputs stand in the buffer.
Napi::Value tape_call(State& state, const Napi::CallbackInfo& info) {
  auto tape = tape_at(state, number_argument(info, 0, "tape"));
  WireReader reader = arena_reader(state);
  std::vector<at::Tensor> inputs = read_tensors(state, reader);
  if (inputs.size() != tape->inputs() || !tape->rates().empty())
    throw ArgumentError("ERR_ARGUMENT", "Expected " + std::to_string(tape->inputs()) + " inputs but received " +
                                            std::to_string(inputs.size()));
  return post(state, std::make_unique<CallJob>(state, std::move(tape), std::move(inputs)));
}

// A part of a step: a tape whose last output is the loss and whose first ones are numbers to be told.
struct Part {
  std::shared_ptr<const Tape> tape;
  double weight;     // of the loss among the parts of its batch
  size_t finite;     // how many outputs must be finite, from the first on
  at::Tensor scale;  // of a scaler; undefined without one
  std::vector<at::Tensor> inputs;
};

struct Update {
  std::shared_ptr<const Tape> tape;
  std::vector<double> rates;
};

// What a step came to.
// `Elsewhere`: other parameters than those of the updates have gradients; nothing was updated.
enum class Outcome { Done = 0, NotFinite = 1, Cancelled = 2, Elsewhere = 3 };

class StepJob : public PromisedJob {
 public:
  StepJob(State& state, std::shared_ptr<Plan> plan) : PromisedJob(state), plan_(std::move(plan)) {}

  std::vector<Part> parts;
  double divide = 1;  // batches in the step
  bool keep = false;  // the gradients of before are added to
  std::vector<Update> updates;

 protected:
  void compute() override {
    if (plan_->failed) {
      outcome_ = Outcome::Cancelled;
      return;
    }
    plan_->failed = true;  // until all went well
    if (!keep) plan_->gradients.assign(plan_->parameters.size(), at::Tensor());
    for (size_t i = 0; i < parts.size(); i++) {
      if (learn(parts[i])) continue;
      outcome_ = Outcome::NotFinite;
      return;
    }
    if (!updates.empty() && !reached_as_recorded()) {
      outcome_ = Outcome::Elsewhere;
      return;
    }
    for (const Update& update : updates) {
      const c10::AutoGradMode no_grad(false);
      std::vector<at::Tensor> inputs;
      for (const at::Tensor& gradient : plan_->gradients)
        if (gradient.defined()) inputs.push_back(gradient);
      tell(update.tape->run(std::move(inputs), update.rates));
    }
    plan_->failed = false;
  }

  Napi::Value result() override {
    Napi::Array result = Napi::Array::New(state_.env, numbers_.size() + 1);
    result[0u] = Napi::Number::New(state_.env, static_cast<double>(outcome_));
    for (size_t i = 0; i < numbers_.size(); i++)
      result[static_cast<uint32_t>(i + 1)] = Napi::Number::New(state_.env, numbers_[i]);
    state_.report_memory();
    return result;
  }

 private:
  void tell(const std::vector<at::Tensor>& outputs) {
    for (const at::Tensor& output : outputs) {
      // What mostly comes, without a trip through the dispatcher.
      const bool is_plain = output.is_cpu() && output.scalar_type() == at::kFloat && output.numel() == 1;
      numbers_.push_back(is_plain ? *output.const_data_ptr<float>() : output.item().toDouble());
    }
  }

  bool reached_as_recorded() const {
    for (size_t i = 0; i < plan_->gradients.size(); i++)
      if (plan_->gradients[i].defined() != (plan_->reached[i] != 0)) return false;
    return true;
  }

  // Adds the gradients of a part; false when its loss is not finite.
  bool learn(Part& part) {
    const std::vector<at::Tensor> outputs = part.tape->run(std::move(part.inputs));
    const size_t from = numbers_.size();
    tell(outputs);
    for (size_t i = 0; i < part.finite; i++)
      if (!std::isfinite(numbers_[from + i])) return false;
    // In the order and with the operators of a step that is not compiled.
    at::Tensor loss = outputs.back();
    if (part.weight != 1) loss = loss.mul(part.weight);
    if (divide != 1) loss = loss.div(divide);
    if (part.scale.defined()) loss = loss.mul(part.scale);
    std::vector<at::Tensor> wanted;
    std::vector<size_t> places;
    for (size_t i = 0; i < plan_->parameters.size(); i++) {
      if (!plan_->parameters[i].requires_grad()) continue;
      wanted.push_back(plan_->parameters[i]);
      places.push_back(i);
    }
    const std::vector<at::Tensor> found =
        torch::autograd::grad({loss}, wanted, {}, std::nullopt, false, /*allow_unused=*/true);
    const c10::AutoGradMode no_grad(false);
    for (size_t i = 0; i < found.size(); i++) {
      if (!found[i].defined()) continue;
      at::Tensor& sum = plan_->gradients[places[i]];
      if (sum.defined())
        sum.add_(found[i]);
      else
        sum = found[i];
    }
    return true;
  }

  std::shared_ptr<Plan> plan_;
  std::vector<double> numbers_;
  Outcome outcome_ = Outcome::Done;
};

// planNew(): of the parameters in the buffer, and behind them 1 for each that updates have a gradient of, 0 for others.
Napi::Value plan_new(State& state, const Napi::CallbackInfo&) {
  WireReader reader = arena_reader(state);
  auto plan = std::make_shared<Plan>();
  plan->parameters = read_tensors(state, reader);
  plan->gradients.resize(plan->parameters.size());
  plan->reached = read_numbers(reader);
  if (plan->reached.size() != plan->parameters.size())
    throw ArgumentError("ERR_ARGUMENT", "Expected a number for each parameter");
  CompiledTable& all = table(state);
  all.plans.emplace(all.next, std::move(plan));
  return Napi::Number::New(state.env, all.next++);
}

Napi::Value plan_release(State& state, const Napi::CallbackInfo& info) {
  table(state).plans.erase(number_argument(info, 0, "plan"));
  return state.env.Undefined();
}

// planReset(plan): after a job that failed, once it was told of, jobs may go on.
Napi::Value plan_reset(State& state, const Napi::CallbackInfo& info) {
  const auto plan = plan_argument(state, info);
  if (state.steps) state.steps->wait_idle();
  plan->failed = false;
  plan->gradients.assign(plan->parameters.size(), at::Tensor());
  return state.env.Undefined();
}

// planGradients(plan): handles of what was computed last, 0 where there is none. Not while a job is under way.
Napi::Value plan_gradients(State& state, const Napi::CallbackInfo& info) {
  const auto plan = plan_argument(state, info);
  if (state.steps) state.steps->wait_idle();
  return handles_of(state, plan->gradients);
}

// stepRun(plan, keep, divide, parts, updates): a promise of [outcome, numbers...]. In the buffer, for each part: its
// tape, weight and count of finite outputs; its inputs; its scale, or no tensor. For each update: its tape; its rates.
Napi::Value step_run(State& state, const Napi::CallbackInfo& info) {
  auto job = std::make_unique<StepJob>(state, plan_argument(state, info));
  job->keep = boolean_argument(info, 1, "keep");
  job->divide = number_argument(info, 2, "divide");
  const int64_t parts = integer_argument(info, 3, "parts", 0, 1 << 20);
  const int64_t updates = integer_argument(info, 4, "updates", 0, 64);
  WireReader reader = arena_reader(state);
  for (int64_t i = 0; i < parts; i++) {
    const std::vector<double> numbers = read_numbers(reader);
    if (numbers.size() != 3) throw ArgumentError("ERR_ARGUMENT", "Expected three numbers for a part");
    Part part;
    part.tape = tape_at(state, numbers[0]);
    part.weight = numbers[1];
    part.inputs = read_tensors(state, reader);
    const std::vector<at::Tensor> scale = read_tensors(state, reader);
    if (!scale.empty()) part.scale = scale[0];
    if (part.inputs.size() != part.tape->inputs() || part.tape->outputs() == 0 || !part.tape->rates().empty() ||
        !(numbers[2] >= 0 && numbers[2] <= static_cast<double>(part.tape->outputs())))
      throw ArgumentError("ERR_ARGUMENT", "Expected the inputs of its tape for a part");
    part.finite = static_cast<size_t>(numbers[2]);
    job->parts.push_back(std::move(part));
  }
  for (int64_t i = 0; i < updates; i++) {
    const std::vector<double> numbers = read_numbers(reader);
    if (numbers.size() != 1) throw ArgumentError("ERR_ARGUMENT", "Expected a tape for an update");
    Update update{tape_at(state, numbers[0]), read_numbers(reader)};
    if (update.rates.size() != update.tape->rates().size())
      throw ArgumentError("ERR_ARGUMENT", "Expected " + std::to_string(update.tape->rates().size()) +
                                              " rates but received " + std::to_string(update.rates.size()));
    job->updates.push_back(std::move(update));
  }
  return post(state, std::move(job));
}

constexpr Entry kEntries[] = {
    {"tapeBegin", tape_begin},
    {"tapeEnd", tape_end},
    {"tapeCancel", tape_cancel},
    {"tapeRelease", tape_release},
    {"tapeDifference", tape_difference},
    {"tapeRates", tape_rates},
    {"tapeMutated", tape_mutated},
    {"tapeCall", tape_call},
    {"sameBits", same_bits},
    {"planNew", plan_new},
    {"planRelease", plan_release},
    {"planReset", plan_reset},
    {"planGradients", plan_gradients},
    {"stepRun", step_run},
};

}  // namespace

void export_compiled(Napi::Env env, Napi::Object exports) { export_entries(env, exports, kEntries); }

}  // namespace xpmir
