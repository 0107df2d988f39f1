#include "state.h"

#include <cstdlib>

#include "error.h"
#include "step_thread.h"
#include "tape.h"

namespace xpmir {

namespace {
constexpr int64_t kReportStep = 1 << 18;
}

void Graveyard::bury(std::unique_ptr<JsCallback> callback) {
  const std::lock_guard<std::mutex> lock(mutex_);
  if (abandoned_) {
    callback->function.SuppressDestruct();
    return;
  }
  dead_.push_back(std::move(callback));
  any_.store(true, std::memory_order_release);
}

void Graveyard::empty() {
  if (!any_.load(std::memory_order_acquire)) return;
  std::vector<std::unique_ptr<JsCallback>> dead;
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    dead.swap(dead_);
    any_.store(false, std::memory_order_release);
  }
}

void Graveyard::abandon() {
  const std::lock_guard<std::mutex> lock(mutex_);
  abandoned_ = true;
  for (auto& callback : dead_) callback->function.SuppressDestruct();
  dead_.clear();
}

State::State(Napi::Env environment) : env(environment), operators(strings) {
  dtype_ids_.fill(-1);
  last_device_id_ = strings.intern(last_device_.str());
}

int State::dtype_id(c10::ScalarType dtype) {
  int& id = dtype_ids_[static_cast<size_t>(dtype)];
  if (id < 0) id = strings.intern(dtype_name(dtype));
  return id;
}

int State::device_id(c10::Device device) {
  if (device != last_device_) {
    last_device_ = device;
    last_device_id_ = strings.intern(device.str());
  }
  return last_device_id_;
}

State::~State() {
  if (steps) steps->stop();
  graveyard->abandon();
  hook_error.SuppressDestruct();
}

at::Generator& State::generator(double id) {
  if (!(id >= 0 && id < static_cast<double>(generators.size())) || !generators[static_cast<size_t>(id)].defined())
    throw ArgumentError("ERR_ARGUMENT", "Expected a Generator but received one that does not exist");
  return generators[static_cast<size_t>(id)];
}

void State::tidy_up() {
  graveyard->empty();
  const double count = arena.data()[kDisposed];
  if (!(count > 0)) return;
  for (size_t i = 0; i < kMostDisposed && static_cast<double>(i) < count; i++)
    tensors.release(arena.data()[kDisposed + 1 + i]);
  arena.data()[kDisposed] = 0;
}

void State::report_memory() {
  const int64_t change = tensors.bytes() - reported_bytes_;
  if (std::abs(change) < kReportStep) return;
  reported_bytes_ += change;
  Napi::MemoryManagement::AdjustExternalMemory(env, change);
}

}  // namespace xpmir
