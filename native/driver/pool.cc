// Tries the pool without JavaScript: every part of a call is done once, by no more threads than there may be, whether
// the threads spin, sleep or have ended; a call wakes nobody but those that it wants; a child process has threads of
// its own. Prints a line for each of these that fails; the exit code is their number. Linux only.
#include "../runtime/pool.h"

#include <dirent.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <set>
#include <string>
#include <thread>
#include <vector>

namespace {

/** Longer than threads look for work before they sleep. */
constexpr unsigned ASLEEP_MICROSECONDS = 20000;
constexpr size_t MOST_PARTS = 3000;

struct Job {
  std::atomic<int> done[MOST_PARTS] = {};
  std::atomic<pid_t> by[MOST_PARTS] = {};
};

pid_t self() { return static_cast<pid_t>(syscall(SYS_gettid)); }

void part(const void* given, size_t index) {
  Job& job = *static_cast<Job*>(const_cast<void*>(given));
  job.by[index] = self();
  ++job.done[index];
}

/** Long enough a part that all threads that are wanted come to take one. */
void longPart(const void* given, size_t index) {
  usleep(3000);
  part(given, index);
}

/** Whether each part was done once, by `most` threads or fewer. */
bool isRight(const Job& job, size_t parts, size_t most) {
  std::set<pid_t> threads;
  for (size_t i = 0; i < MOST_PARTS; ++i) {
    if (job.done[i] != (i < parts ? 1 : 0)) return false;
    if (i < parts) threads.insert(job.by[i]);
  }
  return threads.size() <= most;
}

bool calls(unsigned seed, int count) {
  bool right = true;
  for (int i = 0; i < count; ++i) {
    const size_t threads = static_cast<size_t>(rand_r(&seed) % 12) + 1;
    const size_t parts = static_cast<size_t>(rand_r(&seed)) % (i % 16 == 0 ? MOST_PARTS : 40);
    // Beside the moment at which threads fall asleep, too.
    if (i % 4 == 0) usleep(static_cast<unsigned>(rand_r(&seed) % 120));
    Job job;
    bn::pool::run(threads, parts, part, &job);
    right = isRight(job, parts, threads) && right;
  }
  return right;
}

/** How often each thread of the process has gone to sleep. */
std::map<pid_t, long> sleeps() {
  std::map<pid_t, long> counts;
  DIR* const tasks = opendir("/proc/self/task");
  while (const dirent* entry = readdir(tasks)) {
    if (entry->d_name[0] == '.') continue;
    const std::string path = std::string("/proc/self/task/") + entry->d_name + "/status";
    std::FILE* const file = std::fopen(path.c_str(), "r");
    if (file == nullptr) continue;
    char line[256];
    long count;
    while (std::fgets(line, sizeof line, file) != nullptr) {
      if (std::sscanf(line, "voluntary_ctxt_switches: %ld", &count) == 1) counts[std::atoi(entry->d_name)] = count;
    }
    std::fclose(file);
  }
  closedir(tasks);
  return counts;
}

/** Threads of the pool: those that take part in a call for nine, but for the caller. Sanitizers have others. */
std::set<pid_t> workers() {
  Job job;
  bn::pool::run(9, 40, longPart, &job);
  std::set<pid_t> threads(job.by, job.by + 40);
  threads.erase(self());
  return threads;
}

/** Whether a call for two threads leaves asleep all others. */
bool wakesTheWanted() {
  const std::set<pid_t> threads = workers();
  usleep(ASLEEP_MICROSECONDS);
  std::map<pid_t, long> before = sleeps();
  Job job;
  bn::pool::run(2, 2, longPart, &job);
  usleep(ASLEEP_MICROSECONDS);
  std::map<pid_t, long> after = sleeps();
  size_t woken = 0;
  for (pid_t thread : threads) woken += after[thread] != before[thread];
  return threads.size() > 2 && woken <= 1;
}

bool endsThreads() {
  const std::set<pid_t> threads = workers();
  bn::pool::release();
  bool ended = true;
  for (pid_t thread : threads) {
    // The system may list a thread that has ended for a moment.
    for (int look = 0; look < 100 && sleeps().count(thread) > 0; ++look) usleep(1000);
    ended = sleeps().count(thread) == 0 && ended;
  }
  bn::pool::hold();
  return ended && calls(5, 200);
}

bool childHasItsOwn() {
  const pid_t child = fork();
  if (child == 0) _exit(calls(6, 200) ? 0 : 1);
  int status = 1;
  waitpid(child, &status, 0);
  return status == 0 && calls(7, 200);
}

bool twoCallers() {
  bool right[2];
  std::thread other([&] { right[1] = calls(8, 2000); });
  right[0] = calls(9, 2000);
  other.join();
  return right[0] && right[1];
}

int failures = 0;
void expect(const char* what, bool holds) {
  if (holds) return;
  std::printf("%s\n", what);
  ++failures;
}

}  // namespace

int main() {
  bn::pool::hold();
  expect("every part is done once, by no more threads than were asked for", calls(1, 4000));
  expect("a call wakes nobody but the threads that it wants", wakesTheWanted());
  expect("with two callers, every part is done once", twoCallers());
  expect("threads end with their last holder, and start anew", endsThreads());
  expect("a child process has threads of its own", childHasItsOwn());
  bn::pool::release();
  return failures;
}
