#pragma once
// Streams of devices as numbers, from 1 on; 0 stands for the one that is current anyway. libtorch has few of them and
// gives the same ones out again, so that none is ever forgotten.

#include <c10/core/Stream.h>
#include <c10/core/StreamGuard.h>

#include <cmath>
#include <optional>
#include <vector>

#include "wire.h"

namespace xpmir {

class StreamTable {
 public:
  double intern(const c10::Stream& stream) {
    for (size_t i = 0; i < streams_.size(); i++)
      if (streams_[i] == stream) return static_cast<double>(i + 1);
    streams_.push_back(stream);
    return static_cast<double>(streams_.size());
  }
  // nullptr for what is no stream. The pointer holds until the next one comes.
  const c10::Stream* find(double number) const {
    if (!(number >= 1 && number <= static_cast<double>(streams_.size()))) return nullptr;
    return &streams_[static_cast<size_t>(number) - 1];
  }

 private:
  std::vector<c10::Stream> streams_;
};

// The header of the buffer is one number: the modes, and above them the stream of the flow. A flow without one pays for
// a comparison.
inline double stream_in(double header) {
  return header >= kModeCodes && std::isfinite(header) ? std::floor(header / kModeCodes) : 0;
}
inline double modes_in(double header) { return header - stream_in(header) * kModeCodes; }

// The flow's stream for the length of one native call; operators without one go where the thread's do.
class FlowStream {
 public:
  FlowStream(double header, const StreamTable& streams) {
    if (!(header >= kModeCodes)) return;
    if (const c10::Stream* stream = streams.find(stream_in(header))) guard_.emplace(*stream);
  }

 private:
  std::optional<c10::StreamGuard> guard_;
};

}  // namespace xpmir
