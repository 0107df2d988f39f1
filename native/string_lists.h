#pragma once
// Arrays of strings between JavaScript and C++.

#include <string>
#include <vector>

#include "napi_setup.h"

namespace xpmir {

// Throws ArgumentError for anything else.
std::vector<std::string> strings_argument(const Napi::CallbackInfo& info, size_t i, const char* name);

template <typename Strings>
Napi::Value strings_value(Napi::Env env, const Strings& strings) {
  Napi::Array array = Napi::Array::New(env, strings.size());
  uint32_t i = 0;
  for (const std::string& each : strings) array.Set(i++, each);
  return array;
}

}  // namespace xpmir
