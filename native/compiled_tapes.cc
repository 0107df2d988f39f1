// Tapes as numbers: recording, comparing and calling them.

#include <cstring>

#include "compiled.h"
#include "cuda.h"
#include "modes.h"
#include "string_lists.h"

namespace xpmir {

CompiledTable& compiled_table(State& state) {
  if (!state.compiled) state.compiled = std::make_shared<CompiledTable>();
  return *state.compiled;
}

namespace {
StepThread& step_thread(State& state) {
  if (!state.steps) state.steps = std::make_shared<StepThread>(state.env);
  return *state.steps;
}

// The stream that the flow's operators go to.
c10::Stream flow_stream(State& state, c10::Device device) {
  const c10::Stream* stream = state.streams.find(stream_in(state.header()));
  return stream != nullptr && stream->device() == device ? *stream : current_stream(device);
}

std::shared_ptr<JobStream> job_stream(State& state, c10::Device device) {
  auto& streams = compiled_table(state).streams;
  auto found = streams.find(device.index());
  if (found == streams.end()) {
    const c10::impl::VirtualGuardImpl devices(device.type());
    found = streams.emplace(device.index(), devices.getStreamFromGlobalPool(device)).first;
  }
  return std::make_shared<JobStream>(flow_stream(state, device), found->second);
}
}  // namespace

std::shared_ptr<const Tape> tape_at(State& state, double id) {
  const auto& tapes = compiled_table(state).tapes;
  const auto found = tapes.find(id);
  if (found == tapes.end())
    throw ArgumentError("ERR_ARGUMENT", "Expected a live tape but received a number that is none");
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

Napi::Value handles_of(State& state, const std::vector<at::Tensor>& tensors) {
  Napi::Array handles = Napi::Array::New(state.env, tensors.size());
  for (size_t i = 0; i < tensors.size(); i++)
    handles[static_cast<uint32_t>(i)] =
        Napi::Number::New(state.env, tensors[i].defined() ? state.tensors.insert(tensors[i]) : 0);
  state.report_memory();
  return handles;
}

Napi::Value post_job(State& state, std::unique_ptr<PromisedJob> job) {
  const Napi::Value promise = job->promise();
  if (const auto device = job->device()) compiled_table(state).last = job->stream = job_stream(state, *device);
  step_thread(state).post(std::move(job));
  return promise;
}

void wait_idle(State& state) {
  if (!state.steps) return;
  state.steps->wait_idle();
  const auto& last = compiled_table(state).last;
  if (last) last->join(flow_stream(state, last->device()));
}

void wait_for_steps(State& state, const c10::IValue& changed) {
  if (!state.steps || !state.steps->is_busy() || !state.compiled) return;
  const auto& held = state.compiled->held;
  const auto is_held = [&](const at::Tensor& tensor) { return held.count(tensor.unsafeGetTensorImpl()) != 0; };
  bool waits = changed.isTensor() && is_held(changed.toTensor());
  if (changed.isTensorList())
    for (const at::Tensor& tensor : changed.toTensorVector()) waits = waits || is_held(tensor);
  if (waits) wait_idle(state);
}

namespace {

// tapeBegin(update, mayRead): from here on every operator call is written down; the inputs stand in the buffer.
Napi::Value tape_begin(State& state, const Napi::CallbackInfo& info) {
  if (state.recorder) throw ArgumentError("ERR_ARGUMENT", "Expected one recording at a time");
  WireReader reader = arena_reader(state);
  const bool update = boolean_argument(info, 0, "update");
  const bool may_read = boolean_argument(info, 1, "mayRead");
  state.recorder = std::make_unique<Recorder>(read_tensors(state, reader), update, stream_in(state.header()), may_read);
  return state.env.Undefined();
}

// tapeReads(): the names of the operators that told values since the recording began.
Napi::Value tape_reads(State& state, const Napi::CallbackInfo&) {
  if (!state.recorder) throw ArgumentError("ERR_ARGUMENT", "Expected a recording that has begun");
  return strings_value(state.env, state.recorder->reads());
}

Napi::Value keep_tape(State& state, std::shared_ptr<Tape> tape) {
  CompiledTable& all = compiled_table(state);
  if (all.tapes.empty()) all.held.clear();
  tape->note_held(all.held);
  all.tapes.emplace(all.next, std::move(tape));
  return Napi::Number::New(state.env, all.next++);
}

// tapeEnd(): the number of the tape, or why there is none; the outputs stand in the buffer.
Napi::Value tape_end(State& state, const Napi::CallbackInfo&) {
  if (!state.recorder) throw ArgumentError("ERR_ARGUMENT", "Expected a recording that has begun");
  const std::unique_ptr<Recorder> recorder = std::move(state.recorder);
  WireReader reader = arena_reader(state);
  std::string problem;
  std::shared_ptr<Tape> tape = recorder->finish(read_tensors(state, reader), problem);
  return tape ? keep_tape(state, std::move(tape)) : Napi::String::New(state.env, problem);
}

// tapeGeneralise(): of the tapes whose numbers stand in the buffer one for other sizes too, or why there is none.
Napi::Value tape_generalise(State& state, const Napi::CallbackInfo&) {
  WireReader reader = arena_reader(state);
  std::vector<std::shared_ptr<const Tape>> recordings;
  for (const double id : read_numbers(reader)) recordings.push_back(tape_at(state, id));
  if (recordings.empty()) throw ArgumentError("ERR_ARGUMENT", "Expected at least one tape");
  std::string problem;
  std::shared_ptr<Tape> tape = Tape::generalise(recordings, problem);
  return tape ? keep_tape(state, std::move(tape)) : Napi::String::New(state.env, problem);
}

// tapeServes(tape): whether a general tape is for inputs of such sizes as those in the buffer.
Napi::Value tape_serves(State& state, const Napi::CallbackInfo& info) {
  const auto tape = tape_at(state, number_argument(info, 0, "tape"));
  WireReader reader = arena_reader(state);
  return Napi::Boolean::New(state.env, tape->serves(sizes_of(read_tensors(state, reader))));
}

// tapeServesThoseOf(tape, recording): whether it is for the sizes of the recording.
Napi::Value tape_serves_those_of(State& state, const Napi::CallbackInfo& info) {
  const auto tape = tape_at(state, number_argument(info, 0, "tape"));
  const auto recording = tape_at(state, number_argument(info, 1, "recording"));
  return Napi::Boolean::New(state.env, tape->serves(recording->sizes()));
}

// tapeCancel(): ends a recording that came to nothing.
Napi::Value tape_cancel(State& state, const Napi::CallbackInfo&) {
  state.recorder.reset();
  return state.env.Undefined();
}

Napi::Value tape_release(State& state, const Napi::CallbackInfo& info) {
  compiled_table(state).tapes.erase(number_argument(info, 0, "tape"));
  return state.env.Undefined();
}

// tapeDifference(a, b, butForNumbers): what differs between two recordings, in words; empty when nothing does.
Napi::Value tape_difference(State& state, const Napi::CallbackInfo& info) {
  const auto a = tape_at(state, number_argument(info, 0, "a"));
  const auto b = tape_at(state, number_argument(info, 1, "b"));
  return Napi::String::New(state.env, a->difference(*b, boolean_argument(info, 2, "butForNumbers")));
}

// tapeRated(slot, rate): the number in this slot of the buffer, an argument of the next call, is given anew to each
// run.
Napi::Value tape_rated(State& state, const Napi::CallbackInfo& info) {
  const int64_t slot = integer_argument(info, 0, "slot", 0, static_cast<int64_t>(state.arena.size()) - 1);
  const int64_t rate = integer_argument(info, 1, "rate", 0, 1 << 20);
  if (state.recorder) state.recorder->note_rate(static_cast<size_t>(slot), static_cast<int>(rate));
  return state.env.Undefined();
}

// tapeMutated(tape): handles of the tensors that it holds and changes.
Napi::Value tape_mutated(State& state, const Napi::CallbackInfo& info) {
  return handles_of(state, tape_at(state, number_argument(info, 0, "tape"))->mutated());
}

// sameBits(a, b): whether two tensors have the same dtype, shape and bits, NaN equal to itself. Waits for a device, on
// the stream in the header.
Napi::Value same_bits(State& state, const Napi::CallbackInfo& info) {
  const at::Tensor& a = state.tensors.get(number_argument(info, 0, "a"));
  const at::Tensor& b = state.tensors.get(number_argument(info, 1, "b"));
  const bool comparable = a.layout() == c10::kStrided && b.layout() == c10::kStrided &&
                          a.scalar_type() == b.scalar_type() && a.sizes() == b.sizes() && a.device() == b.device();
  if (!comparable) return Napi::Boolean::New(state.env, false);
  const FlowStream stream(state.header(), state.streams);
  const c10::AutoGradMode no_grad(false);
  const at::Tensor left = a.detach().resolve_conj().resolve_neg().cpu().contiguous();
  const at::Tensor right = b.detach().resolve_conj().resolve_neg().cpu().contiguous();
  const bool same =
      left.nbytes() == 0 || std::memcmp(left.const_data_ptr(), right.const_data_ptr(), left.nbytes()) == 0;
  return Napi::Boolean::New(state.env, same);
}

class CallJob : public PromisedJob {
 public:
  CallJob(State& state, std::shared_ptr<const Tape> tape, std::vector<at::Tensor> inputs)
      : PromisedJob(state), tape_(std::move(tape)), inputs_(std::move(inputs)) {}

 protected:
  std::optional<c10::Device> device() const override { return tape_->device(); }
  void compute() override {
    if (stream)
      for (const at::Tensor& input : inputs_) stream->take(input);
    outputs_ = tape_->run(std::move(inputs_));
  }
  Napi::Value result() override {
    if (stream)
      for (const at::Tensor& output : outputs_) stream->hand_over(output);
    return handles_of(state_, outputs_);
  }

 private:
  std::shared_ptr<const Tape> tape_;
  std::vector<at::Tensor> inputs_;
  std::vector<at::Tensor> outputs_;
};

// tapeCall(tape): a promise of the handles of its outputs; the inputs stand in the buffer.
Napi::Value tape_call(State& state, const Napi::CallbackInfo& info) {
  auto tape = tape_at(state, number_argument(info, 0, "tape"));
  WireReader reader = arena_reader(state);
  std::vector<at::Tensor> inputs = read_tensors(state, reader);
  if (inputs.size() != tape->inputs() || tape->rates() > 0)
    throw ArgumentError("ERR_ARGUMENT", "Expected " + std::to_string(tape->inputs()) + " inputs but received " +
                                            std::to_string(inputs.size()));
  return post_job(state, std::make_unique<CallJob>(state, std::move(tape), std::move(inputs)));
}

constexpr Entry kEntries[] = {
    {"tapeBegin", tape_begin},
    {"tapeEnd", tape_end},
    {"tapeCancel", tape_cancel},
    {"tapeRelease", tape_release},
    {"tapeRated", tape_rated},
    {"tapeMutated", tape_mutated},
    {"tapeReads", tape_reads},
    {"tapeCall", tape_call},
    {"tapeDifference", tape_difference},
    {"sameBits", same_bits},
    {"tapeGeneralise", tape_generalise},
    {"tapeServes", tape_serves},
    {"tapeServesThoseOf", tape_serves_those_of},
};

}  // namespace

void export_tapes(Napi::Env env, Napi::Object exports) { export_entries(env, exports, kEntries); }

}  // namespace xpmir
