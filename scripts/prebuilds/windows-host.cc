// Node-API is exported by the program that loads the addon, which is not always called node.exe: Electron, a renamed or
// a single executable. The import library names node.exe and is bound late; this hook answers with the program that
// runs, or with libnode.dll where Node.js is a library of it.
#include <windows.h>

#include <delayimp.h>
#include <string.h>

static FARPROC WINAPI hostOf(unsigned event, PDelayLoadInfo info) {
  if (event != dliNotePreLoadLibrary || _stricmp(info->szDll, "node.exe") != 0) return nullptr;
  HMODULE host = GetModuleHandleA("libnode.dll");
  if (host == nullptr) host = GetModuleHandleA(nullptr);
  return reinterpret_cast<FARPROC>(host);
}

extern "C" PfnDliHook __pfnDliNotifyHook2 = hostOf;
