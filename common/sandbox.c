#include "config.h"

#include "common/sandbox.h"

#include <errno.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <stdatomic.h>
#include <stddef.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <ucontext.h>
#include <unistd.h>

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define SANITIZED 1
#endif
#endif

#if defined(__x86_64__) && defined(__LP64__)
#define FILTER_ARCH AUDIT_ARCH_X86_64
#define X32_BIT 0x40000000u /* numbers of the x32 calls */
#elif defined(__aarch64__)
#define FILTER_ARCH AUDIT_ARCH_AARCH64
#endif

#ifndef SECCOMP_RET_TRAP
#define SECCOMP_RET_TRAP 0x00030000U
#endif

bool
sandbox_no_new_privs(void)
{
	return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0;
}

bool
sandbox_dumpable(bool yes)
{
#if defined(SANITIZED)
	/* The leak checker traces its own process at the end. */
	yes = true;
#endif
	return prctl(PR_SET_DUMPABLE, yes ? 1 : 0, 0, 0, 0) == 0;
}

#if defined(SANITIZED)

const char *
sandbox_filter(_Atomic uint64_t *denied)
{
	(void)denied;
	return "built with sanitizers";
}

int
sandbox_take_denied(void)
{
	return -1;
}

#elif !defined(FILTER_ARCH)

const char *
sandbox_filter(_Atomic uint64_t *denied)
{
	(void)denied;
	return "not for this processor";
}

int
sandbox_take_denied(void)
{
	return -1;
}

#else

/*
 * Not here, as nobody needs them: whatever makes, ends or looks into a process, changes who we are or what we may, opens another
 * program, changes names or sizes of files, mounts, or speaks to large parts of the kernel.
 */
/* clang-format off */
static const unsigned allowed[] = {
#ifdef __x86_64__
    SYS_epoll_wait,
#endif
    /* The hot ones first, as the list is walked. */
    SYS_recvfrom, SYS_sendto, SYS_sendmsg, SYS_recvmsg, SYS_read, SYS_write, SYS_accept4,
    SYS_epoll_pwait, SYS_epoll_ctl, SYS_close, SYS_clock_gettime, SYS_gettimeofday, SYS_futex,
    /* Memory. */
    SYS_mmap, SYS_munmap, SYS_mremap, SYS_mprotect, SYS_madvise, SYS_brk,
    /* Descriptors. */
    SYS_readv, SYS_writev, SYS_pread64, SYS_pwrite64, SYS_lseek, SYS_fcntl, SYS_ioctl, SYS_dup,
    SYS_dup3, SYS_pipe2, SYS_ppoll, SYS_pselect6, SYS_close_range, SYS_epoll_create1,
    SYS_eventfd2, SYS_timerfd_create, SYS_timerfd_settime,
    /* Files: the log, a password file, certificates, what the C library reads. */
    SYS_openat, SYS_fstat, SYS_newfstatat, SYS_statx, SYS_faccessat, SYS_faccessat2,
    SYS_readlinkat, SYS_getdents64, SYS_getcwd, SYS_statfs, SYS_fstatfs, SYS_fadvise64,
    /* Sockets; socket() itself is looked at below. */
    SYS_socketpair, SYS_connect, SYS_bind, SYS_accept, SYS_shutdown, SYS_getsockname,
    SYS_getpeername, SYS_setsockopt, SYS_getsockopt, SYS_recvmmsg, SYS_sendmmsg,
    /* Time, signals, itself. */
    SYS_clock_getres, SYS_nanosleep, SYS_clock_nanosleep, SYS_restart_syscall, SYS_rt_sigaction,
    SYS_rt_sigprocmask, SYS_rt_sigreturn, SYS_rt_sigpending, SYS_sigaltstack, SYS_getpid,
    SYS_gettid, SYS_getppid, SYS_getuid, SYS_geteuid, SYS_getgid, SYS_getegid, SYS_getgroups,
    SYS_getrusage, SYS_times, SYS_uname, SYS_sysinfo, SYS_getrandom, SYS_sched_yield,
    SYS_sched_getaffinity, SYS_getcpu, SYS_getrlimit, SYS_set_robust_list, SYS_rseq,
    SYS_membarrier, SYS_exit, SYS_exit_group,
#ifdef SYS_epoll_pwait2
    SYS_epoll_pwait2,
#endif
#ifdef __x86_64__
    /* Of old. */
    SYS_access, SYS_dup2, SYS_epoll_create, SYS_eventfd, SYS_getpgrp, SYS_lstat, SYS_open,
    SYS_pipe, SYS_poll, SYS_readlink, SYS_select, SYS_stat, SYS_time
#endif
};
/* clang-format on */

#define ALLOWED (sizeof(allowed) / sizeof(allowed[0]))

/* A jump reaches 255 instructions: the first of the list must get over all of it. */
_Static_assert(ALLOWED < 240, "the list is short enough");

/* Kinds of sockets: the database, syslog, name servers, and what the C library asks of the routes. */
static const unsigned families[] = {AF_UNIX, AF_INET, AF_INET6, AF_NETLINK};

#define FAMILIES (sizeof(families) / sizeof(families[0]))

static _Atomic uint64_t *counter;
static atomic_int last_denied = -1;

/* ---- what is not allowed ---- */

/*
 * Calls for which the C library has another way when the kernel is too old for them, as ENOSYS says; so
 * that is the answer for all that is newer than the list. What is asked for by name gets EPERM.
 */
static int
error_for(int number)
{
	static const int forbidden[] = {SYS_ptrace, SYS_mount, SYS_umount2, SYS_chroot, SYS_setns,
	    SYS_unshare, SYS_setuid, SYS_setgid, SYS_setresuid, SYS_setresgid, SYS_setgroups,
	    SYS_capset, SYS_socket, SYS_kill, SYS_tkill, SYS_tgkill, SYS_prlimit64, SYS_bpf,
	    SYS_keyctl, SYS_add_key, SYS_request_key, SYS_init_module, SYS_finit_module,
	    SYS_ftruncate, SYS_truncate, SYS_fallocate, SYS_unlinkat, SYS_mkdirat, SYS_renameat2,
	    SYS_fchmod, SYS_fchown, SYS_process_vm_readv, SYS_process_vm_writev,
	    SYS_perf_event_open, SYS_userfaultfd, SYS_open_by_handle_at, SYS_prctl};

	for (size_t i = 0; i < sizeof(forbidden) / sizeof(forbidden[0]); i++)
		if (number == forbidden[i])
			return EPERM;
	return ENOSYS;
}

/* In the place of the call. Only what a handler of signals may do. */
static void
on_denied(int sig, siginfo_t *info, void *context)
{
	ucontext_t *c = context;
	int number = info->si_syscall;

	(void)sig;
	if (counter != NULL)
		atomic_fetch_add_explicit(counter, 1, memory_order_relaxed);
	atomic_store_explicit(&last_denied, number, memory_order_relaxed);
#if defined(__x86_64__)
	c->uc_mcontext.gregs[REG_RAX] = -error_for(number);
#else
	c->uc_mcontext.regs[0] = (unsigned long long)-error_for(number);
#endif
}

int
sandbox_take_denied(void)
{
	return atomic_exchange_explicit(&last_denied, -1, memory_order_relaxed);
}

/* ---- the filter ---- */

struct program {
	struct sock_filter f[ALLOWED + FAMILIES + 48];
	unsigned short n;
};

static void
put(struct program *p, unsigned code, unsigned k, unsigned yes, unsigned no)
{
	p->f[p->n++] = (struct sock_filter){.code = (unsigned short)code,
	    .jt = (unsigned char)yes,
	    .jf = (unsigned char)no,
	    .k = k};
}

#define LOAD(p, member) \
	put(p, BPF_LD | BPF_W | BPF_ABS, (unsigned)offsetof(struct seccomp_data, member), 0, 0)
#define IS(p, value, yes, no) put(p, BPF_JMP | BPF_JEQ | BPF_K, value, yes, no)
#define RETURN(p, what) put(p, BPF_RET | BPF_K, what, 0, 0)

/*
 * Nothing makes another process. No signal here, and so no line: the C library asks with all signals
 * blocked, and such a one would kill.
 */
static void
deny_processes(struct program *p)
{
	static const struct {
		unsigned number, error;
	} list[] = {
	    {SYS_clone, EPERM},
	    {SYS_execve, EPERM},
	    {SYS_execveat, EPERM},
#ifdef SYS_clone3
	    {SYS_clone3, ENOSYS},
#endif
#ifdef SYS_fork
	    {SYS_fork, EPERM},
	    {SYS_vfork, EPERM},
#endif
	};

	for (size_t i = 0; i < sizeof(list) / sizeof(list[0]); i++) {
		IS(p, list[i].number, 0, 1);
		RETURN(p, SECCOMP_RET_ERRNO | list[i].error);
	}
}

/* Calls with one argument that is looked at: which sockets, signals to whom, whose limits. */
static void
look_at_arguments(struct program *p)
{
	const struct {
		unsigned number, value;
	} list[] = {{SYS_tgkill, (unsigned)getpid()}, {SYS_prlimit64, 0}};
	size_t i;

	IS(p, SYS_socket, 0, FAMILIES + 3);
	LOAD(p, args[0]);
	for (i = 0; i < FAMILIES; i++)
		IS(p, families[i], (unsigned)(FAMILIES - i), 0);
	RETURN(p, SECCOMP_RET_TRAP);
	RETURN(p, SECCOMP_RET_ALLOW);
	for (i = 0; i < sizeof(list) / sizeof(list[0]); i++) {
		IS(p, list[i].number, 0, 4);
		LOAD(p, args[0]);
		IS(p, list[i].value, 0, 1);
		RETURN(p, SECCOMP_RET_ALLOW);
		RETURN(p, SECCOMP_RET_TRAP);
	}
}

static void
build(struct program *p)
{
	LOAD(p, arch);
	/* Calls of another architecture have other numbers: none is allowed. */
	IS(p, FILTER_ARCH, 1, 0);
	RETURN(p, SECCOMP_RET_ERRNO | EPERM);
	LOAD(p, nr);
#ifdef X32_BIT
	put(p, BPF_JMP | BPF_JGE | BPF_K, X32_BIT, 0, 1);
	RETURN(p, SECCOMP_RET_ERRNO | EPERM);
#endif
	for (size_t i = 0; i < ALLOWED; i++)
		IS(p, allowed[i], (unsigned)(ALLOWED - i), 0);
	put(p, BPF_JMP | BPF_JA, 1, 0, 0);
	RETURN(p, SECCOMP_RET_ALLOW);
	deny_processes(p);
	look_at_arguments(p);
	RETURN(p, SECCOMP_RET_TRAP);
}

const char *
sandbox_filter(_Atomic uint64_t *denied)
{
	struct sigaction sa = {.sa_sigaction = on_denied, .sa_flags = SA_SIGINFO | SA_NODEFER};
	struct program p = {.n = 0};
	struct sock_fprog prog = {.filter = p.f};

	counter = denied;
	if (sigaction(SIGSYS, &sa, NULL) == -1)
		return strerror(errno);
	build(&p);
	prog.len = p.n;
	if (prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &prog, 0, 0) == -1)
		return strerror(errno);
	return NULL;
}

#endif
