// Finds out who is missing at an exchange that takes too long. The numbers that have been received by then do not tell:
// ranks pass on what others have sent, so that one that is missing keeps back the numbers of several.
#pragma once

#include <mpi.h>

#include <vector>

namespace bn::mpi {

class RollCall {
 public:
  RollCall() = default;
  /** Sends messages without content in `ranks`, where nobody else sends to one rank. */
  explicit RollCall(MPI_Comm ranks);

  /** Tells those who have called that this rank is here; to be called now and then while it waits. */
  void answer();

  /** Calls all other ranks. After this, `answer` until there was time enough, and ask who is `absent`. */
  void call();

  /** The ranks that have neither called nor answered. */
  std::vector<int> absent() const;

 private:
  void send(int rank, int tag);

  MPI_Comm ranks_ = MPI_COMM_NULL;
  std::vector<char> isHere_;
};

}  // namespace bn::mpi
