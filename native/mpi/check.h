// Errors of MPI as exceptions.
#pragma once

#include <mpi.h>

#include <string>

#include "session.h"

namespace bn::mpi {

inline void check(int code, const char* call) {
  if (code == MPI_SUCCESS) return;
  char text[MPI_MAX_ERROR_STRING];
  int length = 0;
  if (MPI_Error_string(code, text, &length) != MPI_SUCCESS) length = 0;
  throw MpiError(std::string(call) + ": " + (length > 0 ? std::string(text, length) : std::to_string(code)));
}

}  // namespace bn::mpi
