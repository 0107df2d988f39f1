#include "string_lists.h"

#include "error.h"

namespace xpmir {

std::vector<std::string> strings_argument(const Napi::CallbackInfo& info, size_t i, const char* name) {
  if (!info[i].IsArray()) throw ArgumentError("ERR_ARGUMENT", std::string("Expected an array for ") + name);
  const Napi::Array array = info[i].As<Napi::Array>();
  std::vector<std::string> strings;
  for (uint32_t k = 0; k < array.Length(); k++) {
    const Napi::Value each = array.Get(k);
    if (!each.IsString()) throw ArgumentError("ERR_ARGUMENT", std::string("Expected strings for ") + name);
    strings.push_back(each.As<Napi::String>().Utf8Value());
  }
  return strings;
}

}  // namespace xpmir
