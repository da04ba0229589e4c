/* What Rust's standard library needs of bcryptprimitives.dll, which is a part of Windows since version 10, but not of the
 * Wine that Debian 12 has. Only for running tests. */

#include <windows.h>

/* RtlGenRandom, which the headers of mingw-w64 declare in C++ only by this name. */
BOOLEAN NTAPI SystemFunction036(PVOID buffer, ULONG length);

__declspec(dllexport) BOOL WINAPI ProcessPrng(PBYTE buffer, SIZE_T length)
{
    return SystemFunction036(buffer, (ULONG)length);
}
