#pragma once
// What tapes and steps share: where they are kept, how the buffer is read for them, and jobs with a promise.

#include <ATen/Parallel.h>

#include <memory>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "entries.h"
#include "flat_parts.h"
#include "job_stream.h"
#include "step_part.h"
#include "step_thread.h"
#include "tape.h"

namespace xpmir {

// What a run trains, and its gradients between the parts of a step.
struct Plan {
  std::vector<at::Tensor> parameters;
  std::vector<at::Tensor> gradients;  // undefined for a parameter that the loss does not reach
  std::vector<double> reached;        // 1 for a parameter that the updates were recorded with a gradient of
  std::vector<double> made;           // by optimizer, how often it was not skipped: on the step thread only
  bool failed = false;                // a job failed, and those behind it must not go on: on the step thread only
  bool borrows = false;               // the gradients are those of a graph, which writes them anew
  Graphs graphs;
  FlatParts flats;
};

struct CompiledTable {
  std::unordered_map<double, std::shared_ptr<const Tape>> tapes;
  std::unordered_map<double, std::shared_ptr<Plan>> plans;
  double next = 1;
  std::unordered_set<const c10::TensorImpl*> held;            // what tapes hold, and may have held
  std::unordered_map<c10::DeviceIndex, c10::Stream> streams;  // of the step thread
  std::shared_ptr<JobStream> last;                            // of the job that was given last
};

CompiledTable& compiled_table(State& state);
std::shared_ptr<const Tape> tape_at(State& state, double id);
WireReader arena_reader(State& state);
std::vector<at::Tensor> read_tensors(State& state, WireReader& reader);
std::vector<double> read_numbers(WireReader& reader);
Napi::Value handles_of(State& state, const std::vector<at::Tensor>& tensors);
// Waits until no job is under way, on the devices too as far as JavaScript's stream is concerned.
void wait_idle(State& state);

// A job with a promise.
class PromisedJob : public StepThread::Job {
 public:
  explicit PromisedJob(State& state)
      : state_(state), deferred_(Napi::Promise::Deferred::New(state.env)), threads_(at::get_num_threads()) {}
  Napi::Value promise() const { return deferred_.Promise(); }

  void run() final {
    // OpenMP keeps the number of threads for each thread.
    if (at::get_num_threads() != threads_) at::set_num_threads(threads_);
    if (stream)
      stream->run([this] { compute(); });
    else
      compute();
  }

  void finish(Napi::Env env) final {
    try {
      deferred_.Resolve(guarded(env, "step", [&]() -> Napi::Value {
        if (stream) stream->join();
        if (error) std::rethrow_exception(error);
        return result();
      }));
    } catch (const Napi::Error& failure) {
      deferred_.Reject(failure.Value());
    }
  }

  // Where it computes, other than the CPU.
  virtual std::optional<c10::Device> device() const = 0;
  std::shared_ptr<JobStream> stream;  // there, once it was given

 protected:
  virtual void compute() = 0;
  virtual Napi::Value result() = 0;
  State& state_;

 private:
  Napi::Promise::Deferred deferred_;
  int threads_;
};

// Before JavaScript changes a tensor, or the tensors of a list, that steps under way may look at: their shape, storage
// and history are not guarded by anything else.
void wait_for_steps(State& state, const c10::IValue& changed);

// Gives the job to the step thread.
Napi::Value post_job(State& state, std::unique_ptr<PromisedJob> job);

}  // namespace xpmir
