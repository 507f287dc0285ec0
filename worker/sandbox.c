#include "config.h"

#include "worker/sandbox.h"

#include <errno.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

#if defined(__SANITIZE_ADDRESS__)
#define SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define SANITIZED 1
#endif
#endif

#if defined(__x86_64__) && defined(__LP64__)
#define FILTER_ARCH AUDIT_ARCH_X86_64
#define X32_BIT 0x40000000u /* numbers of the x32 calls, by which the list could be passed by */
#elif defined(__aarch64__)
#define FILTER_ARCH AUDIT_ARCH_AARCH64
#endif

bool
harden_no_new_privs(void)
{
	return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0;
}

#if defined(SANITIZED)

const char *
harden_filter(void)
{
	/* The leak checker traces its own process at the end. */
	return "built with sanitizers";
}

#elif !defined(FILTER_ARCH)

const char *
harden_filter(void)
{
	return "not for this processor";
}

#else

/* Not every architecture and header has all of them. */
static const unsigned denied[] = {
    /* Another program, another process. */
    SYS_execve,
#ifdef SYS_execveat
    SYS_execveat,
#endif
    SYS_ptrace,
    SYS_process_vm_readv,
    SYS_process_vm_writev,
    SYS_kcmp,
#ifdef SYS_pidfd_getfd
    SYS_pidfd_getfd,
#endif
#ifdef SYS_process_madvise
    SYS_process_madvise,
#endif
    /* Other users, groups, capabilities, namespaces, roots. */
    SYS_setuid,
    SYS_setgid,
    SYS_setreuid,
    SYS_setregid,
    SYS_setresuid,
    SYS_setresgid,
    SYS_setfsuid,
    SYS_setfsgid,
    SYS_setgroups,
    SYS_capset,
    SYS_unshare,
    SYS_setns,
    SYS_chroot,
    SYS_pivot_root,
    /* File systems. */
    SYS_mount,
    SYS_umount2,
    SYS_swapon,
    SYS_swapoff,
    SYS_quotactl,
    SYS_open_by_handle_at,
    SYS_name_to_handle_at,
    SYS_mknodat,
#ifdef SYS_mknod
    SYS_mknod,
#endif
#ifdef SYS_open_tree
    SYS_open_tree,
    SYS_move_mount,
    SYS_fsopen,
    SYS_fsconfig,
    SYS_fsmount,
    SYS_fspick,
#endif
#ifdef SYS_mount_setattr
    SYS_mount_setattr,
#endif
    /* The kernel and the machine. */
    SYS_init_module,
    SYS_finit_module,
    SYS_delete_module,
    SYS_kexec_load,
#ifdef SYS_kexec_file_load
    SYS_kexec_file_load,
#endif
    SYS_reboot,
    SYS_syslog,
    SYS_acct,
    SYS_settimeofday,
    SYS_clock_settime,
    SYS_adjtimex,
    SYS_clock_adjtime,
    SYS_sethostname,
    SYS_setdomainname,
    SYS_personality,
#ifdef SYS_iopl
    SYS_iopl,
    SYS_ioperm,
#endif
#ifdef SYS_modify_ldt
    SYS_modify_ldt,
#endif
    /* Large parts of the kernel that a worker has no use for. */
    SYS_bpf,
    SYS_perf_event_open,
    SYS_userfaultfd,
    SYS_add_key,
    SYS_request_key,
    SYS_keyctl,
    SYS_vmsplice,
    SYS_fanotify_init,
    SYS_lookup_dcookie,
    SYS_nfsservctl,
#ifdef SYS_io_uring_setup
    SYS_io_uring_setup,
    SYS_io_uring_enter,
    SYS_io_uring_register,
#endif
};

#define DENIED (sizeof(denied) / sizeof(denied[0]))

/* A jump reaches 255 instructions: the last one of the list must get over all of it. */
_Static_assert(DENIED < 200, "the list is short enough");

static void
put(struct sock_filter *f, unsigned short *n, unsigned code, unsigned k, unsigned yes, unsigned no)
{
	f[(*n)++] = (struct sock_filter){.code = (unsigned short)code,
	    .jt = (unsigned char)yes,
	    .jf = (unsigned char)no,
	    .k = k};
}

const char *
harden_filter(void)
{
	struct sock_filter f[DENIED + 8];
	struct sock_fprog prog = {.filter = f};
	unsigned short n = 0;
	size_t i;

	put(f, &n, BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, arch), 0, 0);
	/* Calls of another architecture have other numbers: denied all. */
	put(f, &n, BPF_JMP | BPF_JEQ | BPF_K, FILTER_ARCH, 1, 0);
	put(f, &n, BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM, 0, 0);
	put(f, &n, BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr), 0, 0);
#ifdef X32_BIT
	put(f, &n, BPF_JMP | BPF_JGE | BPF_K, X32_BIT, DENIED + 1, 0);
#endif
	for (i = 0; i < DENIED; i++)
		put(f, &n, BPF_JMP | BPF_JEQ | BPF_K, denied[i], (unsigned)(DENIED - i), 0);
	put(f, &n, BPF_RET | BPF_K, SECCOMP_RET_ALLOW, 0, 0);
	put(f, &n, BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM, 0, 0);
	prog.len = n;
	if (prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &prog, 0, 0) == -1)
		return strerror(errno);
	return NULL;
}

#endif
