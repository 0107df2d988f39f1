#include "error.h"

#include <c10/util/Backtrace.h>
#include <c10/util/Exception.h>

#include <cmath>
#include <cstdio>
#include <new>

#include "state.h"

namespace xpmir {

namespace {

struct Failure {
  std::string code;
  std::string message;
  c10::Backtrace backtrace;  // frames without their names, which take milliseconds to look up
};

bool has(const std::string& text, const char* part) { return text.find(part) != std::string::npos; }

// libtorch reports memory that ran out in three ways: its own type, the CPU allocator's plain error, and libraries'
// status codes.
bool is_out_of_memory(const std::string& message) {
  return has(message, "DefaultCPUAllocator: can't allocate memory") ||
         has(message, "DefaultCPUAllocator: not enough memory") || has(message, "out of memory") ||
         has(message, "CUBLAS_STATUS_ALLOC_FAILED");
}

Failure describe_c10(const c10::Error& error, const char* code) {
  std::string message = error.what_without_backtrace();
  if (is_out_of_memory(message)) code = "ERR_OUT_OF_MEMORY";
  return {code, std::move(message), error.backtrace()};
}

Failure describe_current() {
  try {
    throw;
  } catch (const ArgumentError& error) {
    return {error.code, error.what(), nullptr};
  } catch (const c10::OutOfMemoryError& error) {
    return describe_c10(error, "ERR_OUT_OF_MEMORY");
  } catch (const c10::IndexError& error) {
    return describe_c10(error, "ERR_INDEX");
  } catch (const c10::NotImplementedError& error) {
    return describe_c10(error, "ERR_NOT_IMPLEMENTED");
  } catch (const c10::LinAlgError& error) {
    return describe_c10(error, "ERR_LINALG");
  } catch (const c10::Error& error) {
    return describe_c10(error, "ERR_TORCH");
  } catch (const std::bad_alloc&) {
    return {"ERR_OUT_OF_MEMORY", "out of memory", nullptr};
  } catch (const std::exception& error) {
    const std::string message = error.what();
    return {is_out_of_memory(message) ? "ERR_OUT_OF_MEMORY" : "ERR_TORCH", message, nullptr};
  } catch (...) {
    return {"ERR_TORCH", "an error that is no std::exception", nullptr};
  }
}

// A function, so that only who asks for the frames waits for their names.
Napi::Value backtrace_field(Napi::Env env, const c10::Backtrace& backtrace) {
  if (!backtrace) return Napi::String::New(env, "");
  return Napi::Function::New(
      env, [backtrace](const Napi::CallbackInfo& info) { return Napi::String::New(info.Env(), backtrace->get()); });
}

}  // namespace

void rethrow_to_js(Napi::Env env, const char* op) {
  // A JavaScript error that a hook threw travelled through the autograd engine as a C++ one: give back the original.
  if (State* state = State::of(env); state != nullptr && state->hook_error) {
    const Napi::Value original = state->hook_error.Value().Get("error");
    state->hook_error.Reset();
    napi_throw(env, original);
    throw Napi::Error::New(env);
  }
  try {
    throw;
  } catch (const Napi::Error&) {
    throw;
  } catch (...) {
    const Failure failure = describe_current();
    Napi::Error error = Napi::Error::New(env, failure.message);
    Napi::Object fields = error.Value();
    fields.Set("code", failure.code);
    fields.Set("op", op);
    fields.Set("backtrace", backtrace_field(env, failure.backtrace));
    throw error;
  }
}

std::string describe(const Napi::Value& value) {
  switch (value.Type()) {
    case napi_undefined:
      return "undefined";
    case napi_null:
      return "null";
    case napi_boolean:
      return value.As<Napi::Boolean>().Value() ? "true" : "false";
    case napi_number: {
      char text[32];
      std::snprintf(text, sizeof text, "%.17g", value.As<Napi::Number>().DoubleValue());
      return text;
    }
    case napi_string: {
      std::string text = value.As<Napi::String>().Utf8Value();
      if (text.size() > 60) text = text.substr(0, 60) + "...";
      return "\"" + text + "\"";
    }
    case napi_symbol:
      return "a symbol";
    case napi_function:
      return "a function";
    case napi_bigint:
      return "a bigint";
    default:
      return "an object";
  }
}

namespace {
[[noreturn]] void refuse(const Napi::CallbackInfo& info, size_t index, const char* expected, const char* name) {
  throw ArgumentError("ERR_ARGUMENT",
                      std::string("Expected ") + expected + " for " + name + " but received " + describe(info[index]));
}
}  // namespace

double number_argument(const Napi::CallbackInfo& info, size_t index, const char* name) {
  if (!info[index].IsNumber()) refuse(info, index, "a number", name);
  return info[index].As<Napi::Number>().DoubleValue();
}

int64_t integer_argument(const Napi::CallbackInfo& info, size_t index, const char* name, int64_t low, int64_t high) {
  const double value = number_argument(info, index, name);
  if (!(value >= static_cast<double>(low) && value <= static_cast<double>(high)) || std::floor(value) != value) {
    const std::string range = "an integer from " + std::to_string(low) + " to " + std::to_string(high);
    refuse(info, index, range.c_str(), name);
  }
  return static_cast<int64_t>(value);
}

std::string string_argument(const Napi::CallbackInfo& info, size_t index, const char* name) {
  if (!info[index].IsString()) refuse(info, index, "a string", name);
  return info[index].As<Napi::String>().Utf8Value();
}

bool boolean_argument(const Napi::CallbackInfo& info, size_t index, const char* name) {
  if (!info[index].IsBoolean()) refuse(info, index, "a boolean", name);
  return info[index].As<Napi::Boolean>().Value();
}

Napi::Function function_argument(const Napi::CallbackInfo& info, size_t index, const char* name) {
  if (!info[index].IsFunction()) refuse(info, index, "a function", name);
  return info[index].As<Napi::Function>();
}

}  // namespace xpmir
