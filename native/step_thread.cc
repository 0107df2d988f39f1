#include "step_thread.h"

#include <ATen/Parallel.h>

#include <chrono>

#ifdef __linux__
#include <pthread.h>
#endif

namespace xpmir {

namespace {
// How long the thread looks for the next job before it sleeps: to be woken takes longer than most steps of a small
// model leave between them.
constexpr std::chrono::microseconds kLook(60);
// How long what is done may wait for JavaScript to be told.
constexpr std::chrono::milliseconds kWait(1);
// How often a lock is tried before the system is asked to wait for it.
constexpr int kTries = 2000;

inline void pause() {
#if defined(__x86_64__) || defined(__i386__)
  __builtin_ia32_pause();
#else
  std::this_thread::yield();
#endif
}
}  // namespace

StepThread::StepThread(Napi::Env env) : env_(env) {
  napi_value name = Napi::String::New(env, "xpmir step");
  if (napi_create_threadsafe_function(env, nullptr, nullptr, name, 0, 1, nullptr, nullptr, this, on_turn, &turn_) !=
      napi_ok)
    throw std::runtime_error("the thread of compiled steps could not be made");
  // Only while something is computed is there a reason for the process to stay.
  napi_unref_threadsafe_function(env, turn_);
  napi_add_env_cleanup_hook(
      env, [](void* self) { static_cast<StepThread*>(self)->stop(); }, this);
  thread_ = std::thread([this] { loop(); });
}

StepThread::~StepThread() { stop(); }

void StepThread::stop() {
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    if (stopped_) return;
    stopped_ = true;
    waiting_.clear();
  }
  wake_.notify_all();
  if (thread_.joinable()) thread_.join();
}

std::unique_lock<std::mutex> StepThread::brief_lock() {
  std::unique_lock<std::mutex> lock(mutex_, std::try_to_lock);
  for (int i = 0; i < kTries && !lock.owns_lock(); i++) {
    pause();
    lock.try_lock();
  }
  if (!lock.owns_lock()) lock.lock();
  return lock;
}

void StepThread::post(std::unique_ptr<Job> job) {
  if (open_++ == 0) napi_ref_threadsafe_function(env_, turn_);
  {
    const std::unique_lock<std::mutex> lock = brief_lock();
    waiting_.push_back(std::move(job));
    posted_.fetch_add(1, std::memory_order_release);
  }
  wake_.notify_one();
}

void StepThread::wait_idle() {
  std::unique_lock<std::mutex> lock(mutex_);
  idle_.wait(lock, [this] { return stopped_ || (waiting_.empty() && !running_); });
}

double StepThread::idle_for() {
  // Asked for each batch: a lock would wait for the thread.
  if (ended_.load(std::memory_order_acquire) != posted_.load(std::memory_order_relaxed)) return 0;
  const std::chrono::steady_clock::duration rested(rested_.load(std::memory_order_relaxed));
  return std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now().time_since_epoch() - rested)
      .count();
}

void StepThread::loop() {
#ifdef __linux__
  pthread_setname_np(pthread_self(), "xpmir-step");
#endif
  std::unique_lock<std::mutex> lock(mutex_);
  for (;;) {
    if (waiting_.empty() && !stopped_) {
      lock.unlock();
      const auto until = std::chrono::steady_clock::now() + kLook;
      while (posted_.load(std::memory_order_acquire) == taken_ && std::chrono::steady_clock::now() < until) pause();
      lock = brief_lock();
    }
    wake_.wait(lock, [this] { return stopped_ || !waiting_.empty(); });
    if (stopped_) return;
    std::unique_ptr<Job> job = std::move(waiting_.front());
    waiting_.pop_front();
    taken_++;
    running_ = true;
    lock.unlock();
    try {
      job->run();
    } catch (...) {
      job->error = std::current_exception();
    }
    lock = brief_lock();
    running_ = false;
    done_.push_back(std::move(job));
    if (waiting_.empty()) idle_.notify_all();
    // Waking JavaScript's thread costs as much as a part of a small step: once for about half of what is under way.
    const auto now = std::chrono::steady_clock::now();
    rested_.store(now.time_since_epoch().count(), std::memory_order_relaxed);
    ended_.fetch_add(1, std::memory_order_release);
    if (done_.size() == 1) oldest_ = now;
    if (told_ || (waiting_.size() > done_.size() && now - oldest_ < kWait)) continue;
    told_ = true;
    lock.unlock();
    napi_call_threadsafe_function(turn_, nullptr, napi_tsfn_nonblocking);
    lock = brief_lock();
  }
}

void StepThread::on_turn(napi_env env, napi_value, void* context, void*) {
  if (env != nullptr) static_cast<StepThread*>(context)->deliver(Napi::Env(env));
}

void StepThread::deliver(Napi::Env env) {
  const Napi::HandleScope scope(env);
  for (;;) {
    std::unique_ptr<Job> job;
    {
      const std::unique_lock<std::mutex> lock = brief_lock();
      if (done_.empty()) {
        told_ = false;
        return;
      }
      job = std::move(done_.front());
      done_.pop_front();
    }
    if (--open_ == 0) napi_unref_threadsafe_function(env, turn_);
    job->finish(env);
  }
}

}  // namespace xpmir
