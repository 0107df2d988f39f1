// Steps made of tapes: forward, backward and update as one job of the step thread.

#include <ATen/core/Tensor.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "compiled.h"
#include "told_numbers.h"

namespace xpmir {

namespace {

std::shared_ptr<Plan> plan_argument(State& state, const Napi::CallbackInfo& info) {
  const auto& plans = compiled_table(state).plans;
  const auto found = plans.find(number_argument(info, 0, "plan"));
  if (found == plans.end())
    throw ArgumentError("ERR_ARGUMENT", "Expected a live plan but received a number that is none");
  return found->second;
}

// What the tape of an update does, in the order in which a step has them. All but `Rescale` are functions of gradients.
enum class Role {
  Unscale = 0,  // divides the gradients of an optimizer by the scale; gives what it found that is not finite
  Look = 1,     // gradient hooks: its outputs are numbers to be told
  Step = 2,     // an optimizer, skipped where something was found
  Rescale = 3,  // adapts the scale to all that was found
};
constexpr size_t kMostOptimizers = 64;

struct Update {
  std::shared_ptr<const Tape> tape;
  Role role;
  size_t optimizer;
  // Rows of numbers: the first for an optimizer that made `first` steps in this plan, the next for one more, and so on.
  // JavaScript does not know which steps under way are skipped.
  double first;
  size_t width;
  std::vector<double> rates;
};

// What a step came to.
// `Elsewhere`: other parameters than those of the updates have gradients; nothing was updated.
enum class Outcome { Done = 0, NotFinite = 1, Cancelled = 2, Elsewhere = 3 };

class StepJob : public PromisedJob {
 public:
  StepJob(State& state, std::shared_ptr<Plan> plan) : PromisedJob(state), plan_(std::move(plan)) {}

  std::vector<Part> parts;
  double divide = 1;              // batches in the step
  std::vector<at::Tensor> given;  // gradients of what updates reach, in place of those of parts
  std::vector<Update> updates;

 protected:
  std::optional<c10::Device> device() const override {
    if (!parts.empty()) return parts[0].tape->device();
    return updates.empty() ? std::nullopt : updates[0].tape->device();
  }

  void compute() override {
    if (plan_->failed) {
      outcome_ = Outcome::Cancelled;
      return;
    }
    plan_->failed = true;  // until all went well
    plan_->gradients.assign(plan_->parameters.size(), at::Tensor());
    plan_->borrows = false;
    take_given();
    for (Part& part : parts) {
      if (learn(part)) continue;
      outcome_ = Outcome::NotFinite;
      return;
    }
    // The device computes the gradients meanwhile.
    numbers_.arrive();
    if (!are_finite()) {
      outcome_ = Outcome::NotFinite;
      return;
    }
    if (!updates.empty() && !reached_as_recorded()) {
      outcome_ = Outcome::Elsewhere;
      return;
    }
    for (const Update& update : updates) make(update);
    // Without numbers of updates nobody waits for them.
    numbers_.arrive();
    plan_->failed = false;
  }

  Napi::Value result() override {
    const size_t before = 1 + skipped_.size();
    const std::vector<double>& numbers = numbers_.values();
    Napi::Array result = Napi::Array::New(state_.env, before + numbers.size());
    result[0u] = Napi::Number::New(state_.env, static_cast<double>(outcome_));
    for (size_t i = 0; i < skipped_.size(); i++)
      result[static_cast<uint32_t>(i + 1)] = Napi::Number::New(state_.env, skipped_[i] ? 1 : 0);
    for (size_t i = 0; i < numbers.size(); i++)
      result[static_cast<uint32_t>(before + i)] = Napi::Number::New(state_.env, numbers[i]);
    state_.report_memory();
    return result;
  }

 private:
  void take_given() {
    if (stream)
      for (const at::Tensor& gradient : given) stream->take(gradient);
    size_t next = 0;
    for (size_t i = 0; next < given.size() && i < plan_->gradients.size(); i++)
      if (plan_->reached[i] != 0) plan_->gradients[i] = given[next++];
  }

  // With the operators, and in the order, of a step that is not compiled.
  void make(const Update& update) {
    const c10::AutoGradMode no_grad(false);
    std::vector<at::Tensor> inputs;
    if (update.role == Role::Rescale) {
      for (const std::vector<at::Tensor>& found : found_) inputs.insert(inputs.end(), found.begin(), found.end());
    } else {
      for (const at::Tensor& gradient : plan_->gradients)
        if (gradient.defined()) inputs.push_back(gradient);
    }
    if (update.role == Role::Unscale) {
      if (found_.size() <= update.optimizer) found_.resize(update.optimizer + 1);
      found_[update.optimizer] = update.tape->run(std::move(inputs));
    } else if (update.role == Role::Step) {
      skipped_.push_back(overflowed(update.optimizer));
      if (skipped_.back()) return;
      double& made = plan_->made[update.optimizer];
      update.tape->run(std::move(inputs), row(update, made));
      made++;
    } else {
      const std::vector<at::Tensor> told = update.tape->run(std::move(inputs));
      if (!told.empty()) numbers_.ask(told);
    }
  }

  bool overflowed(size_t optimizer) const {
    if (optimizer >= found_.size()) return false;
    const auto is_set = [](const at::Tensor& found) { return found.item().toDouble() != 0; };
    return std::any_of(found_[optimizer].begin(), found_[optimizer].end(), is_set);
  }

  static const double* row(const Update& update, double made) {
    const double at = made - update.first;
    TORCH_CHECK(update.width == 0 || (at >= 0 && (at + 1) * static_cast<double>(update.width) <=
                                                     static_cast<double>(update.rates.size())),
                "an optimizer made ", made, " steps, for which no rates were given");
    return update.width == 0 ? nullptr : update.rates.data() + static_cast<size_t>(at) * update.width;
  }

  bool reached_as_recorded() const {
    for (size_t i = 0; i < plan_->gradients.size(); i++)
      if (plan_->gradients[i].defined() != (plan_->reached[i] != 0)) return false;
    return true;
  }

  // Whether the losses are that have arrived.
  bool are_finite() const {
    return std::all_of(finite_.begin(), finite_.end(),
                       [this](size_t place) { return std::isfinite(numbers_.values()[place]); });
  }

  // Adds the gradients of a part; false when its loss is there already, and is not finite.
  bool learn(Part& part) {
    if (stream)
      for (const at::Tensor& input : part.inputs) stream->take(input);
    for (size_t i = 0; i < part.finite; i++) finite_.push_back(numbers_.values().size() + i);
    if (CapturedPart* captured = plan_->graphs.find(part, divide, plan_->parameters)) {
      captured->replay(part);
      numbers_.ask_packed(captured->numbers());
      add(captured->gradients(), /*borrowed=*/true);
      return true;
    }
    if (!part.tape->device()) {
      const ComputedPart computed = plan_->flats.run(part, divide, plan_->parameters);
      numbers_.ask(computed.outputs);
      if (!are_finite()) return false;
      add(computed.gradients, /*borrowed=*/false);
      return true;
    }
    const std::vector<at::Tensor> outputs = part.tape->run(std::move(part.inputs));
    numbers_.ask(outputs);
    if (!numbers_.is_pending() && !are_finite()) return false;
    add(gradients_of(part, outputs.back(), divide, plan_->parameters), /*borrowed=*/false);
    return true;
  }

  void add(const std::vector<at::Tensor>& found, bool borrowed) {
    const c10::AutoGradMode no_grad(false);
    // What a graph writes anew is no place for a sum.
    const bool copies = borrowed && parts.size() > 1;
    plan_->borrows = plan_->borrows || (borrowed && !copies);
    for (size_t i = 0; i < found.size(); i++) {
      if (!found[i].defined()) continue;
      at::Tensor& sum = plan_->gradients[i];
      if (sum.defined())
        sum.add_(found[i]);
      else
        sum = copies ? found[i].clone() : found[i];
    }
  }

  std::shared_ptr<Plan> plan_;
  ToldNumbers numbers_;
  std::vector<size_t> finite_;                  // places of numbers
  std::vector<std::vector<at::Tensor>> found_;  // by optimizer
  std::vector<bool> skipped_;                   // by optimizer, in the order of their steps
  Outcome outcome_ = Outcome::Done;
};

// planNew(): of the parameters in the buffer, and behind them 1 for each that updates have a gradient of, 0 for others.
Napi::Value plan_new(State& state, const Napi::CallbackInfo&) {
  WireReader reader = arena_reader(state);
  auto plan = std::make_shared<Plan>();
  plan->parameters = read_tensors(state, reader);
  plan->gradients.resize(plan->parameters.size());
  plan->reached = read_numbers(reader);
  plan->made.resize(kMostOptimizers);
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
  wait_idle(state);
  plan->failed = false;
  plan->borrows = false;
  plan->gradients.assign(plan->parameters.size(), at::Tensor());
  return state.env.Undefined();
}

// planGradients(plan): handles of what was computed last, 0 where there is none. Not while a job is under way.
Napi::Value plan_gradients(State& state, const Napi::CallbackInfo& info) {
  const auto plan = plan_argument(state, info);
  wait_idle(state);
  const auto& last = compiled_table(state).last;
  std::vector<at::Tensor> gradients = plan->gradients;
  const FlowStream stream(state.header(), state.streams);
  const c10::AutoGradMode no_grad(false);
  for (at::Tensor& gradient : gradients) {
    if (plan->borrows && gradient.defined())
      gradient = gradient.clone();
    else if (last)
      last->hand_over(gradient);
  }
  return handles_of(state, gradients);
}

// planReach(plan): as a new one of the same parameters, with the graphs of before, for other updates, which have a
// gradient of the parameters marked in the buffer.
Napi::Value plan_reach(State& state, const Napi::CallbackInfo& info) {
  const auto plan = plan_argument(state, info);
  WireReader reader = arena_reader(state);
  std::vector<double> reached = read_numbers(reader);
  if (reached.size() != plan->parameters.size())
    throw ArgumentError("ERR_ARGUMENT", "Expected a number for each parameter");
  wait_idle(state);
  plan->failed = false;
  plan->borrows = false;
  plan->gradients.assign(plan->parameters.size(), at::Tensor());
  plan->made.assign(kMostOptimizers, 0);
  plan->reached = std::move(reached);
  return state.env.Undefined();
}

// planGraphs(plan): how many of its tapes have a graph.
Napi::Value plan_graphs(State& state, const Napi::CallbackInfo& info) {
  const auto plan = plan_argument(state, info);
  wait_idle(state);
  return Napi::Number::New(state.env, static_cast<double>(plan->graphs.count() + plan->flats.count()));
}

// planGraphProblem(plan): why parts of it were not captured; empty where nothing was in the way.
Napi::Value plan_graph_problem(State& state, const Napi::CallbackInfo& info) {
  const auto plan = plan_argument(state, info);
  wait_idle(state);
  return Napi::String::New(state.env, plan->graphs.problem());
}

Part read_part(State& state, WireReader& reader) {
  const std::vector<double> numbers = read_numbers(reader);
  if (numbers.size() != 4) throw ArgumentError("ERR_ARGUMENT", "Expected four numbers for a part");
  Part part;
  part.tape = tape_at(state, numbers[0]);
  part.weight = numbers[1];
  part.graph = numbers[3] != 0;
  part.inputs = read_tensors(state, reader);
  const std::vector<at::Tensor> scale = read_tensors(state, reader);
  if (!scale.empty()) part.scale = scale[0];
  if (part.inputs.size() != part.tape->inputs() || part.tape->outputs() == 0 || part.tape->rates() > 0 ||
      !(numbers[2] >= 0 && numbers[2] <= static_cast<double>(part.tape->outputs())))
    throw ArgumentError("ERR_ARGUMENT", "Expected the inputs of its tape for a part");
  part.finite = static_cast<size_t>(numbers[2]);
  return part;
}

Update read_update(State& state, WireReader& reader) {
  const std::vector<double> numbers = read_numbers(reader);
  if (numbers.size() != 5) throw ArgumentError("ERR_ARGUMENT", "Expected five numbers for an update");
  const auto whole = [&](size_t i, double below) {
    if (!(numbers[i] >= 0 && numbers[i] < below && std::floor(numbers[i]) == numbers[i]))
      throw ArgumentError("ERR_ARGUMENT", "Expected a role, an optimizer, a count and a width for an update");
    return numbers[i];
  };
  Update update{tape_at(state, numbers[0]),
                static_cast<Role>(static_cast<int>(whole(1, 4))),
                static_cast<size_t>(whole(2, kMostOptimizers)),
                whole(3, 9e15),
                static_cast<size_t>(whole(4, 1 << 20)),
                read_numbers(reader)};
  const size_t rates = update.tape->rates();
  const bool fits = update.width == 0 ? update.rates.empty() : update.rates.size() % update.width == 0;
  if (!fits || update.width < rates || (rates > 0 && update.role != Role::Step))
    throw ArgumentError("ERR_ARGUMENT", "Expected rows of at least " + std::to_string(rates) + " rates for a step");
  return update;
}

// stepRun(plan, given, divide, parts, updates): a promise of [outcome, whether each step was skipped..., numbers...].
// In the buffer, for each part: its tape, weight, count of finite outputs and whether it is captured; its inputs; its
// scale, or no tensor. Then, where they are given, gradients in place of parts. For each update: its tape, role,
// optimizer, and the count and width of its rows; its rates.
Napi::Value step_run(State& state, const Napi::CallbackInfo& info) {
  auto job = std::make_unique<StepJob>(state, plan_argument(state, info));
  const bool given = boolean_argument(info, 1, "given");
  job->divide = number_argument(info, 2, "divide");
  const int64_t parts = integer_argument(info, 3, "parts", 0, 1 << 20);
  const int64_t updates = integer_argument(info, 4, "updates", 0, 4 * static_cast<int64_t>(kMostOptimizers));
  WireReader reader = arena_reader(state);
  for (int64_t i = 0; i < parts; i++) job->parts.push_back(read_part(state, reader));
  if (given) job->given = read_tensors(state, reader);
  for (int64_t i = 0; i < updates; i++) job->updates.push_back(read_update(state, reader));
  return post_job(state, std::move(job));
}

// stepIdle(): for how many milliseconds the thread of steps had nothing to do; infinity without a thread.
Napi::Value step_idle(State& state, const Napi::CallbackInfo&) {
  const double idle = state.steps ? state.steps->idle_for() : std::numeric_limits<double>::infinity();
  return Napi::Number::New(state.env, idle);
}

// stepsDone(): waits until no job runs or waits to run.
Napi::Value steps_done(State& state, const Napi::CallbackInfo&) {
  wait_idle(state);
  return state.env.Undefined();
}

constexpr Entry kEntries[] = {
    {"planNew", plan_new},       {"planRelease", plan_release},
    {"planReset", plan_reset},   {"planGradients", plan_gradients},
    {"planReach", plan_reach},   {"planGraphProblem", plan_graph_problem},
    {"planGraphs", plan_graphs}, {"stepRun", step_run},
    {"stepIdle", step_idle},     {"stepsDone", steps_done},
};

}  // namespace

void export_steps(Napi::Env env, Napi::Object exports) { export_entries(env, exports, kEntries); }

}  // namespace xpmir
