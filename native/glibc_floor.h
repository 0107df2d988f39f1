// Included before every source on Linux. The symbols below got newer versions in glibc 2.29 to 2.34 and in the
// libstdc++ of g++ 12, with the same meaning; named by their older ones, an addon compiled on a new system runs on
// glibc 2.28 too, which is what libtorch needs. `npm run package` checks that no newer symbol came in.
#pragma once

#if defined(__linux__) && defined(__x86_64__)
#define XPMIR_OLDER(symbol, version) __asm__(".symver " #symbol "," #symbol "@" version);
XPMIR_OLDER(dlopen, "GLIBC_2.2.5")
XPMIR_OLDER(dlclose, "GLIBC_2.2.5")
XPMIR_OLDER(dlsym, "GLIBC_2.2.5")
XPMIR_OLDER(dlerror, "GLIBC_2.2.5")
XPMIR_OLDER(pthread_mutex_trylock, "GLIBC_2.2.5")
XPMIR_OLDER(pthread_setname_np, "GLIBC_2.12")
XPMIR_OLDER(pow, "GLIBC_2.2.5")
// std::condition_variable::wait
XPMIR_OLDER(_ZNSt18condition_variable4waitERSt11unique_lockISt5mutexE, "GLIBCXX_3.4.11")
#undef XPMIR_OLDER

// glibc 2.32 tells libstdc++ here whether a process has one thread, which may then count references without atomic
// instructions. Ours never has.
extern "C" {
__attribute__((visibility("hidden"), weak)) char __libc_single_threaded = 0;
}
#endif
