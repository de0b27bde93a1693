// The process as a rank of an MPI job. No JavaScript here.
#pragma once

#include <cstddef>
#include <stdexcept>
#include <string>
#include <vector>

namespace bn::mpi {

/** A call of MPI failed. The text is what MPI says of it. */
struct MpiError : std::runtime_error {
  using std::runtime_error::runtime_error;
};

/** The others did not come within the time that was given. */
struct Timeout {
  /** The ranks that are not at the exchange. Empty where all are there, and yet their numbers do not come. */
  std::vector<int> missing;
};

struct Job {
  int rank;
  int size;
  /** The name and version of the library, such as "Open MPI v4.1.4" or "MPICH 4.0.2". */
  std::string library;
};

/** The name and version of the library, such as "Open MPI v4.1.4". It may be called before joining. */
std::string library();

/** Joins the job, once; later calls give the same. */
const Job& join();

/** received[r·count …] ← what rank r has sent. Blocks until all have come. `sent` and `received` may not overlap. */
void allgather(const double* sent, double* received, size_t count);

/** received[r·count …] ← what rank r has sent to this one, where sent[r·count …] goes to rank r. It blocks, too. */
void alltoall(const double* sent, double* received, size_t count);

/**
 * An allgather by MPI's nonblocking call, which is polled until the timeout (ms, or infinite). After a Timeout nothing
 * else may be called but `abort`: the exchange is still under way. A Timeout comes a second late: the others are asked
 * first.
 */
void meet(const double* sent, double* received, size_t count, double timeout);

/** Leaves the job; waits for all ranks, as MPI does. Nothing happens outside of one, or if someone else started MPI. */
void finalize();

/** Ends every process of the job. */
[[noreturn]] void abort(int code);

}  // namespace bn::mpi
