// Threads, locks and time, as the system has them. The library of C++ has these too, but it would have to be there at
// run time, of an age that fits, and it throws where a thread cannot be started. All objects begin as zeros or a
// constant.
#pragma once
#include <cstdint>

#include "memory.h"

#if defined(_WIN32)
#include <windows.h>
#else
#include <pthread.h>
#include <sched.h>
#include <time.h>
#endif

namespace bn {
namespace threads {

#if defined(_WIN32)

class Mutex {
 public:
  void lock() { AcquireSRWLockExclusive(&lock_); }
  void unlock() { ReleaseSRWLockExclusive(&lock_); }

 private:
  friend class Condition;
  SRWLOCK lock_ = SRWLOCK_INIT;
};

class Condition {
 public:
  void wait(Mutex& mutex) { SleepConditionVariableSRW(&condition_, &mutex.lock_, INFINITE, 0); }
  void wakeOne() { WakeConditionVariable(&condition_); }

 private:
  CONDITION_VARIABLE condition_ = CONDITION_VARIABLE_INIT;
};

class Thread {
 public:
  /** Starts a thread that calls job.run(). False where the system gives none. */
  template <class Job>
  bool start(Job& job) {
    if (!memory::isRefused()) handle_ = CreateThread(nullptr, 0, enter<Job>, &job, 0, nullptr);
    return handle_ != nullptr;
  }
  void join() {
    WaitForSingleObject(handle_, INFINITE);
    CloseHandle(handle_);
    handle_ = nullptr;
  }

 private:
  template <class Job>
  static DWORD WINAPI enter(void* job) {
    static_cast<Job*>(job)->run();
    return 0;
  }
  HANDLE handle_ = nullptr;
};

inline void yield() { SwitchToThread(); }

/** The time by a clock that never goes back. */
inline uint64_t microseconds() {
  LARGE_INTEGER ticks, perSecond;
  QueryPerformanceCounter(&ticks);
  QueryPerformanceFrequency(&perSecond);
  return static_cast<uint64_t>(static_cast<double>(ticks.QuadPart) * 1e6 / static_cast<double>(perSecond.QuadPart));
}

#else

class Mutex {
 public:
  void lock() { pthread_mutex_lock(&mutex_); }
  void unlock() { pthread_mutex_unlock(&mutex_); }

 private:
  friend class Condition;
  pthread_mutex_t mutex_ = PTHREAD_MUTEX_INITIALIZER;
};

class Condition {
 public:
  void wait(Mutex& mutex) { pthread_cond_wait(&condition_, &mutex.mutex_); }
  void wakeOne() { pthread_cond_signal(&condition_); }

 private:
  pthread_cond_t condition_ = PTHREAD_COND_INITIALIZER;
};

class Thread {
 public:
  /** Starts a thread that calls job.run(). False where the system gives none. */
  template <class Job>
  bool start(Job& job) {
    if (memory::isRefused()) return false;
    pthread_attr_t attributes;
    if (pthread_attr_init(&attributes) != 0) return false;
    pthread_attr_setstacksize(&attributes, STACK_BYTES);
    const bool isStarted = pthread_create(&thread_, &attributes, enter<Job>, &job) == 0;
    pthread_attr_destroy(&attributes);
    return isStarted;
  }
  void join() { pthread_join(thread_, nullptr); }

 private:
  template <class Job>
  static void* enter(void* job) {
    static_cast<Job*>(job)->run();
    return nullptr;
  }
  /** Exact sums of a wide block of columns take 230 KB; musl gives a thread 128 KB unless asked for more. */
  static constexpr size_t STACK_BYTES = 1024 * 1024;
  pthread_t thread_{};
};

inline void yield() { sched_yield(); }

/** The time by a clock that never goes back. */
inline uint64_t microseconds() {
  timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return static_cast<uint64_t>(now.tv_sec) * 1000000 + static_cast<uint64_t>(now.tv_nsec) / 1000;
}

#endif

/** Holds a mutex as long as it lives. */
class Lock {
 public:
  explicit Lock(Mutex& mutex) : mutex_(mutex) { mutex_.lock(); }
  ~Lock() { mutex_.unlock(); }
  Lock(const Lock&) = delete;
  Lock& operator=(const Lock&) = delete;

 private:
  Mutex& mutex_;
};

}  // namespace threads
}  // namespace bn
