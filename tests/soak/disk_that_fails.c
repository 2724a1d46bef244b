/* Preloaded into a program: once the file GID_FLAG is there, calls about what lies below GID_PLACE fail with the error
   GID_ERRNO; with GID_WRITES, only those that write. A stand-in for a quota that is used up and for a network drive that
   is gone, which need a kernel and a server of their own. */
#define _GNU_SOURCE
#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

static int is_below(const char *path) {
    const char *place = getenv("GID_PLACE"), *flag = getenv("GID_FLAG");
    return place && flag && path && !strncmp(path, place, strlen(place)) && !syscall(SYS_access, flag, F_OK);
}

static int holds(int fd) {
    char link[64], path[4096];
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t n = syscall(SYS_readlink, link, path, sizeof path - 1);
    if (n <= 0) return 0;
    path[n] = 0;
    return is_below(path);
}

static int is_lost(int dir, const char *path) {
    if (getenv("GID_WRITES")) return 0;
    return path && path[0] == '/' ? is_below(path) : dir != AT_FDCWD && holds(dir);
}

#define FAIL(value) return errno = atoi(getenv("GID_ERRNO")), value
#define NEXT(type, name, ...) ((type(*)(__VA_ARGS__))dlsym(RTLD_NEXT, name))

#define OPEN(name, has_dir, head, ...)                                                      \
    int name(head int flags, ...) {                                                         \
        va_list rest;                                                                       \
        va_start(rest, flags);                                                              \
        mode_t mode = flags & (O_CREAT | __O_TMPFILE) ? va_arg(rest, mode_t) : 0;           \
        va_end(rest);                                                                       \
        if (is_lost(has_dir, path)) FAIL(-1);                                               \
        return NEXT(int, #name, head int, ...)(__VA_ARGS__, flags, mode);                   \
    }
#define ONE const char *path,
#define TWO int dir, const char *path,
OPEN(open, AT_FDCWD, ONE, path)
OPEN(open64, AT_FDCWD, ONE, path)
OPEN(openat, dir, TWO, dir, path)
OPEN(openat64, dir, TWO, dir, path)

#define WRAP(type, name, lost, failed, parameters, arguments) \
    type name parameters {                                    \
        if (lost) FAIL(failed);                               \
        return ((type(*) parameters)dlsym(RTLD_NEXT, #name)) arguments; \
    }
#define LOST(dir, path) is_lost(dir, path)
WRAP(FILE *, fopen, LOST(AT_FDCWD, p), NULL, (const char *p, const char *m), (p, m))
WRAP(FILE *, fopen64, LOST(AT_FDCWD, p), NULL, (const char *p, const char *m), (p, m))
WRAP(DIR *, opendir, LOST(AT_FDCWD, p), NULL, (const char *p), (p))
WRAP(int, mkdir, LOST(AT_FDCWD, p), -1, (const char *p, mode_t m), (p, m))
WRAP(int, mkdirat, LOST(d, p), -1, (int d, const char *p, mode_t m), (d, p, m))
WRAP(int, rename, LOST(AT_FDCWD, p) || LOST(AT_FDCWD, q), -1, (const char *p, const char *q), (p, q))
WRAP(int, unlink, LOST(AT_FDCWD, p), -1, (const char *p), (p))
WRAP(int, unlinkat, LOST(d, p), -1, (int d, const char *p, int f), (d, p, f))
WRAP(int, rmdir, LOST(AT_FDCWD, p), -1, (const char *p), (p))
WRAP(int, chmod, LOST(AT_FDCWD, p), -1, (const char *p, mode_t m), (p, m))
WRAP(int, access, LOST(AT_FDCWD, p), -1, (const char *p, int m), (p, m))
WRAP(int, stat, LOST(AT_FDCWD, p), -1, (const char *restrict p, struct stat *restrict s), (p, s))
WRAP(int, lstat, LOST(AT_FDCWD, p), -1, (const char *restrict p, struct stat *restrict s), (p, s))
WRAP(int, stat64, LOST(AT_FDCWD, p), -1, (const char *restrict p, struct stat64 *restrict s), (p, s))
WRAP(int, lstat64, LOST(AT_FDCWD, p), -1, (const char *restrict p, struct stat64 *restrict s), (p, s))
WRAP(int, fstatat, LOST(d, p), -1, (int d, const char *restrict p, struct stat *restrict s, int f), (d, p, s, f))
WRAP(int, fstatat64, LOST(d, p), -1, (int d, const char *restrict p, struct stat64 *restrict s, int f), (d, p, s, f))
WRAP(ssize_t, write, holds(fd), -1, (int fd, const void *b, size_t n), (fd, b, n))
WRAP(ssize_t, writev, holds(fd), -1, (int fd, const struct iovec *v, int n), (fd, v, n))
WRAP(ssize_t, pwrite64, holds(fd), -1, (int fd, const void *b, size_t n, off64_t o), (fd, b, n, o))
WRAP(int, fsync, holds(fd), -1, (int fd), (fd))
