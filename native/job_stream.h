#pragma once
// The order of a job and of what JavaScript asked, on a device. A job computes on a stream of the step thread, behind
// all that JavaScript's stream was asked before the job was given; what JavaScript asks once it was told of the job
// runs behind it. Jobs on the CPU have none of this.

#include <ATen/core/Tensor.h>
#include <c10/core/Event.h>
#include <c10/core/StreamGuard.h>

namespace xpmir {

class JobStream {
 public:
  // On JavaScript's thread, when the job is given. `outside` is the stream of JavaScript, `own` that of the job.
  JobStream(const c10::Stream& outside, const c10::Stream& own)
      : outside_(outside), own_(own), before_(outside.device_type()), after_(outside.device_type()) {
    before_.record(outside_);
  }

  // On the step thread.
  template <typename Body>
  void run(Body&& body) {
    const c10::StreamGuard guard(own_);
    before_.block(own_);
    try {
      body();
    } catch (...) {
      after_.record(own_);
      throw;
    }
    after_.record(own_);
  }

  c10::Device device() const { return own_.device(); }

  // On JavaScript's thread, once the job ran: what the stream is asked from now on runs behind it.
  void join(const c10::Stream& stream) const { after_.block(stream); }
  void join() const { join(outside_); }

  // A tensor of JavaScript's that the job uses, and one of the job's that JavaScript will use: each stream has memory
  // of its own, which it gives out again as soon as nobody holds it.
  void take(const at::Tensor& tensor) const { note(tensor, own_); }
  void hand_over(const at::Tensor& tensor) const { note(tensor, outside_); }

 private:
  static void note(const at::Tensor& tensor, const c10::Stream& stream) {
    if (tensor.defined() && tensor.device() == stream.device()) tensor.record_stream(stream);
  }

  c10::Stream outside_;
  c10::Stream own_;
  c10::Event before_;
  c10::Event after_;
};

}  // namespace xpmir
