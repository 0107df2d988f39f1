#pragma once
// The only include of node-addon-api: its configuration macros come from CMakeLists.txt and cannot be forgotten here.
#ifndef NAPI_CPP_EXCEPTIONS
#error "Build through CMakeLists.txt: NAPI_CPP_EXCEPTIONS is not defined"
#endif
#include <napi.h>
