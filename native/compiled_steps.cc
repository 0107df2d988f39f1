// Steps made of tapes: forward, backward and update as one job of the step thread.

#include <torch/csrc/autograd/autograd.h>

#include <cmath>
#include <limits>

#include "compiled.h"

namespace xpmir {

namespace {

std::shared_ptr<Plan> plan_argument(State& state, const Napi::CallbackInfo& info) {
  const auto& plans = compiled_table(state).plans;
  const auto found = plans.find(number_argument(info, 0, "plan"));
  if (found == plans.end())
    throw ArgumentError("ERR_ARGUMENT", "Expected a live plan but received a number that is none");
  return found->second;
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
  CompiledTable& all = compiled_table(state);
  all.plans.emplace(all.next, std::move(plan));
  return Napi::Number::New(state.env, all.next++);
}

Napi::Value plan_release(State& state, const Napi::CallbackInfo& info) {
  compiled_table(state).plans.erase(number_argument(info, 0, "plan"));
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
  return post_job(state, std::move(job));
}

// stepIdle(): for how many milliseconds the thread of steps had nothing to do; infinity without a thread.
Napi::Value step_idle(State& state, const Napi::CallbackInfo&) {
  const double idle = state.steps ? state.steps->idle_for() : std::numeric_limits<double>::infinity();
  return Napi::Number::New(state.env, idle);
}

constexpr Entry kEntries[] = {
    {"planNew", plan_new}, {"planRelease", plan_release}, {"planReset", plan_reset}, {"planGradients", plan_gradients},
    {"stepRun", step_run}, {"stepIdle", step_idle},
};

}  // namespace

void export_steps(Napi::Env env, Napi::Object exports) { export_entries(env, exports, kEntries); }

}  // namespace xpmir
