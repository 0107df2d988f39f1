#pragma once
// The border: every entry runs inside guarded(), so no C++ exception and no libtorch error leaves in another shape.
// What is thrown to JavaScript is a plain Error with fields; lib/native.ts turns it into its class.

#include <stdexcept>
#include <string>

#include "napi_setup.h"

namespace xpmir {

// A mistake in the arguments, found before libtorch is asked. Codes are the closed list of lib/errors.ts.
class ArgumentError : public std::runtime_error {
 public:
  ArgumentError(std::string code, const std::string& message) : std::runtime_error(message), code(std::move(code)) {}
  const std::string code;
};

// Rethrows the exception in flight as an error for JavaScript. `op` names the operator or entry that failed.
[[noreturn]] void rethrow_to_js(Napi::Env env, const char* op);

// How messages name a value that came from JavaScript.
std::string describe(const Napi::Value& value);

// Typed readers for entries' arguments: `Expected X for name but received V`.
double number_argument(const Napi::CallbackInfo& info, size_t index, const char* name);
int64_t integer_argument(const Napi::CallbackInfo& info, size_t index, const char* name, int64_t low, int64_t high);
std::string string_argument(const Napi::CallbackInfo& info, size_t index, const char* name);
bool boolean_argument(const Napi::CallbackInfo& info, size_t index, const char* name);
Napi::Function function_argument(const Napi::CallbackInfo& info, size_t index, const char* name);

template <typename Body>
auto guarded(Napi::Env env, const char* op, Body&& body) -> decltype(body()) {
  try {
    return body();
  } catch (...) {
    rethrow_to_js(env, op);
  }
}

}  // namespace xpmir
