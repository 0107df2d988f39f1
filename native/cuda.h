#pragma once
// What is asked of devices, through libtorch's interface for any kind of them: no header of CUDA is needed, and the
// same addon runs where there is none.

#include <c10/core/Stream.h>

#include "entries.h"

namespace xpmir {

// How many devices there are; 0 without CUDA.
int64_t cuda_devices();

// The number of a device that is there; ERR_RANGE for others.
c10::Device cuda_device_argument(const Napi::CallbackInfo& info, size_t index);

// The stream that the calling thread's operators go to, on a device that is there.
c10::Stream current_stream(c10::Device device);

}  // namespace xpmir
