/* User-mode Linux on a processor that has more registers than it knows.
 *
 * It saves and restores the registers of its processes with PTRACE_GETREGSET and PTRACE_SETREGSET, in a buffer of fixed
 * length. The host's kernel cuts a longer answer short, but takes nothing short of all: on a processor with AMX (11 KB
 * of registers) the machine dies at its first process. Preloaded into it, this completes what is restored with what the
 * process has now, which for those registers is what it had.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <elf.h>
#include <errno.h>
#include <stdarg.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/types.h>
#include <sys/uio.h>

typedef long (*ptrace_fn)(int, pid_t, void *, void *);

long ptrace(enum __ptrace_request request, ...)
{
	static ptrace_fn real;
	static char all[1 << 16] __attribute__((aligned(64)));
	va_list args;
	va_start(args, request);
	pid_t pid = va_arg(args, pid_t);
	void *address = va_arg(args, void *);
	void *data = va_arg(args, void *);
	va_end(args);

	if (!real)
		real = (ptrace_fn)dlsym(RTLD_NEXT, "ptrace");
	long done = real(request, pid, address, data);
	if (done == 0 || request != PTRACE_SETREGSET || address != (void *)NT_X86_XSTATE)
		return done;

	struct iovec *known = data, whole = { all, sizeof(all) };
	if (real(PTRACE_GETREGSET, pid, address, &whole) != 0 || known->iov_len > whole.iov_len) {
		errno = EFAULT;
		return -1;
	}
	memcpy(all, known->iov_base, known->iov_len);
	return real(PTRACE_SETREGSET, pid, address, &whole);
}
