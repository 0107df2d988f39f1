#pragma once
// The thread of an environment that computes while JavaScript goes on. Jobs run in the order in which they came; what a
// job has to tell JavaScript it tells on JavaScript's thread, when that has a turn.

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <deque>
#include <exception>
#include <memory>
#include <mutex>
#include <thread>

#include "napi_setup.h"

namespace xpmir {

class StepThread {
 public:
  class Job {
   public:
    virtual ~Job() = default;
    virtual void run() = 0;                  // on the thread
    virtual void finish(Napi::Env env) = 0;  // on JavaScript's; `error` is what `run` threw
    std::exception_ptr error;
  };

  explicit StepThread(Napi::Env env);
  ~StepThread();
  StepThread(const StepThread&) = delete;
  StepThread& operator=(const StepThread&) = delete;

  void post(std::unique_ptr<Job> job);
  // Whether JavaScript has not heard of all jobs yet. On its thread.
  bool is_busy() const { return open_ > 0; }
  // Waits until no job runs or waits: for JavaScript that is about to change what a job may look at.
  void wait_idle();
  // For how long nothing ran and nothing waited to run, in milliseconds.
  double idle_for();
  // Ends the thread once the job at hand is done; the rest is dropped.
  void stop();

 private:
  void loop();
  // For a few instructions, which are over before a wait of the system would have begun.
  std::unique_lock<std::mutex> brief_lock();
  void deliver(Napi::Env env);
  static void on_turn(napi_env env, napi_value callback, void* context, void* data);

  Napi::Env env_;
  napi_threadsafe_function turn_ = nullptr;
  std::thread thread_;
  std::mutex mutex_;
  std::condition_variable wake_;
  std::condition_variable idle_;
  std::deque<std::unique_ptr<Job>> waiting_;
  std::deque<std::unique_ptr<Job>> done_;
  std::atomic<uint64_t> posted_ = 0;
  uint64_t taken_ = 0;  // on the thread only
  bool running_ = false;
  bool told_ = false;                             // JavaScript's thread has a turn coming
  std::chrono::steady_clock::time_point oldest_;  // when the first of done_ was
  std::atomic<uint64_t> ended_ = 0;
  // When the last job ended, by the steady clock.
  std::atomic<int64_t> rested_ = std::chrono::steady_clock::now().time_since_epoch().count();
  bool stopped_ = false;
  size_t open_ = 0;  // jobs that JavaScript has not heard of; its thread only
};

}  // namespace xpmir
