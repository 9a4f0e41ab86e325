/* A library for LD_PRELOAD that makes a machine misbehave under one process: its disk is slow or fails, its clock jumps, and what
 * it had synced to disk is written down, so that a power cut can be played afterwards. `machine.rs` drives it.
 *
 * FAULTS_HOME    the folder with the `control` file (mapped, read at every call), the `journal` and the folder `kept`
 * FAULTS_FOLDER  only what is below this folder suffers
 *
 * Out of reach: reads of mapped files, and calls that bypass the C library (rustix' renames; fwrite's inner writes). Such reads never
 * fail, and such renames count as durable. A wait that has begun is not moved by a jump of the clock.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#define EXPORT __attribute__((visibility("default")))

/* What is done to one kind of call: first it waits, then it fails if there is an error. */
struct trouble {
    _Atomic int64_t wait_ms, error;
};

/* The control file; `machine.rs` knows the same layout. */
struct control {
    struct trouble sync, write, read, create;
    _Atomic int64_t clock_ms; /* what the clock is ahead of the real one */
    _Atomic int64_t disturbed; /* how many calls were hit: written here, read there */
    char only[64]; /* only paths that contain this */
};

static struct control calm, *control = &calm;
static char folder[PATH_MAX], kept[PATH_MAX];
static int journal = -1;
static _Atomic uint64_t kept_files;

__attribute__((constructor)) static void begin(void) {
    const char *home = getenv("FAULTS_HOME"), *below = getenv("FAULTS_FOLDER");
    char path[PATH_MAX];
    if (!home || !below || !realpath(below, folder)) return;
    snprintf(kept, sizeof kept, "%s/kept", home);
    snprintf(path, sizeof path, "%s/control", home);
    int fd = (int)syscall(SYS_openat, AT_FDCWD, path, O_RDWR | O_CLOEXEC);
    void *map = mmap(NULL, sizeof *control, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (fd < 0 || map == MAP_FAILED) abort();
    control = map;
    snprintf(path, sizeof path, "%s/journal", home);
    journal = (int)syscall(SYS_openat, AT_FDCWD, path, O_WRONLY | O_APPEND | O_CLOEXEC);
    if (journal < 0) abort();
}

/* --- whom it befalls --- */

static int is_below(const char *path) {
    size_t length = strlen(folder);
    return length && !strncmp(path, folder, length) && (path[length] == '/' || !path[length]);
}

static int path_of(int fd, char *path) {
    char link[64];
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t length = syscall(SYS_readlinkat, AT_FDCWD, link, path, PATH_MAX - 1);
    path[length < 0 ? 0 : length] = 0;
    return is_below(path);
}

/* Whether the call fails; it has waited then, and errno says why. */
static int suffers(struct trouble *trouble, int fd, const char *path) {
    int64_t wait = trouble->wait_ms, error = trouble->error;
    char buffer[PATH_MAX];
    if (!wait && !error) return 0;
    if (path ? !is_below(path) : !path_of(fd, buffer)) return 0;
    if (!strstr(path ? path : buffer, control->only)) return 0;
    control->disturbed++;
    struct timespec pause = {wait / 1000, wait % 1000 * 1000000};
    if (wait) nanosleep(&pause, NULL);
    errno = (int)error;
    return error != 0;
}

/* --- the journal of what is durable --- */

static void note(const char *line, int length) {
    int before = errno;
    if (length < 0 || syscall(SYS_write, journal, line, length) != length) abort();
    errno = before;
}

/* Syncs, and notes how long the file was before: so much of it is on disk. A file is known by its inode and its birth. A folder is
 * noted with the time before; births are never later than what this clock shows, whether the kernel tells them finely or not. */
static int sync_and_note(long call, int fd) {
    char line[128], path[PATH_MAX];
    struct statx file;
    struct timespec now;
    int is_ours = journal >= 0 && path_of(fd, path);
    if (is_ours && statx(fd, "", AT_EMPTY_PATH, STATX_BASIC_STATS | STATX_BTIME, &file)) abort();
    syscall(SYS_clock_gettime, CLOCK_REALTIME, &now);
    if (suffers(&control->sync, fd, NULL)) return -1;
    int result = (int)syscall(call, fd);
    if (result || !is_ours) return result;
    if (S_ISDIR(file.stx_mode)) {
        long long at = now.tv_sec * 1000000000LL + now.tv_nsec;
        note(line, snprintf(line, sizeof line, "folder %llu %lld\n", (unsigned long long)file.stx_ino, at));
    } else {
        long long birth = file.stx_btime.tv_sec * 1000000000LL + file.stx_btime.tv_nsec;
        note(line, snprintf(line, sizeof line, "file %llu %lld %llu\n", (unsigned long long)file.stx_ino, birth,
                            (unsigned long long)file.stx_size));
    }
    return result;
}

EXPORT int fsync(int fd) { return sync_and_note(SYS_fsync, fd); }
EXPORT int fdatasync(int fd) { return sync_and_note(SYS_fdatasync, fd); }

/* Promises nothing, so it is not noted. */
EXPORT int sync_file_range(int fd, off64_t offset, off64_t length, unsigned flags) {
    if (suffers(&control->sync, fd, NULL)) return -1;
    return (int)syscall(SYS_sync_file_range, fd, offset, length, flags);
}

/* Keeps what it replaces, so that a rename that was not durable can be undone. */
EXPORT int rename(const char *from, const char *to) {
    char line[3 * PATH_MAX], keep[PATH_MAX + 32] = "-";
    struct stat file;
    if (journal >= 0 && is_below(to) && !stat(from, &file)) {
        snprintf(keep, sizeof keep, "%s/%llu-%d", kept, (unsigned long long)kept_files++, (int)getpid());
        if (link(to, keep)) strcpy(keep, "-");
        note(line, snprintf(line, sizeof line, "rename %llu\t%s\t%s\t%s\n", (unsigned long long)file.st_ino, from, to, keep));
    }
    return (int)syscall(SYS_renameat2, AT_FDCWD, from, AT_FDCWD, to, 0);
}

/* --- files --- */

static int open_file(int at, const char *path, int flags, mode_t mode) {
    if (flags & O_CREAT && suffers(&control->create, -1, path)) return -1;
    return (int)syscall(SYS_openat, at, path, flags, mode);
}

static mode_t mode_in(int flags, va_list rest) { return flags & (O_CREAT | __O_TMPFILE) ? va_arg(rest, mode_t) : 0; }

#define OPEN(name)                                                     \
    EXPORT int name(const char *path, int flags, ...) {                \
        va_list rest;                                                  \
        va_start(rest, flags);                                         \
        int fd = open_file(AT_FDCWD, path, flags, mode_in(flags, rest)); \
        va_end(rest);                                                  \
        return fd;                                                     \
    }
OPEN(open)
OPEN(open64)

#define CALL(kind, type, name, number, parameters, ...)             \
    EXPORT type name parameters {                                   \
        if (suffers(&control->kind, fd, NULL)) return -1;           \
        return syscall(number, fd, __VA_ARGS__);                    \
    }
CALL(write, ssize_t, write, SYS_write, (int fd, const void *from, size_t size), from, size)
CALL(write, ssize_t, writev, SYS_writev, (int fd, const struct iovec *parts, int count), parts, count)
CALL(write, ssize_t, pwrite, SYS_pwrite64, (int fd, const void *from, size_t size, off_t at), from, size, at)
CALL(write, ssize_t, pwrite64, SYS_pwrite64, (int fd, const void *from, size_t size, off64_t at), from, size, at)
CALL(read, ssize_t, read, SYS_read, (int fd, void *into, size_t size), into, size)
CALL(read, ssize_t, readv, SYS_readv, (int fd, const struct iovec *parts, int count), parts, count)
CALL(read, ssize_t, pread, SYS_pread64, (int fd, void *into, size_t size, off_t at), into, size, at)
CALL(read, ssize_t, pread64, SYS_pread64, (int fd, void *into, size_t size, off64_t at), into, size, at)

/* --- the clock --- */

static void add(struct timespec *time, int64_t ms) {
    int64_t nanos = time->tv_nsec + ms % 1000 * 1000000;
    time->tv_sec += ms / 1000 + (nanos >= 1000000000) - (nanos < 0);
    time->tv_nsec = (nanos + 1000000000) % 1000000000;
}

EXPORT int clock_gettime(clockid_t clock, struct timespec *time) {
    static int (*_Atomic next)(clockid_t, struct timespec *); /* the C library's does without a system call */
    if (!next) next = (int (*)(clockid_t, struct timespec *))dlsym(RTLD_NEXT, "clock_gettime");
    int result = next(clock, time);
    if (!result && (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE)) add(time, control->clock_ms);
    return result;
}

EXPORT int gettimeofday(struct timeval *restrict time, void *restrict zone) {
    struct timespec now;
    (void)zone;
    clock_gettime(CLOCK_REALTIME, &now);
    *time = (struct timeval){now.tv_sec, now.tv_nsec / 1000};
    return 0;
}

EXPORT time_t time(time_t *into) {
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    if (into) *into = now.tv_sec;
    return now.tv_sec;
}

/* RocksDB's timers wait for a time of this clock, and the kernel knows only its own. A time since the machine's start is far smaller. */
EXPORT int pthread_cond_timedwait(pthread_cond_t *cond, pthread_mutex_t *mutex, const struct timespec *until) {
    static int (*_Atomic next)(pthread_cond_t *, pthread_mutex_t *, const struct timespec *);
    if (!next) next = (int (*)(pthread_cond_t *, pthread_mutex_t *, const struct timespec *))dlvsym(
            RTLD_NEXT, "pthread_cond_timedwait", "GLIBC_2.3.2");
    if (!next) next = (int (*)(pthread_cond_t *, pthread_mutex_t *, const struct timespec *))dlsym(
            RTLD_NEXT, "pthread_cond_timedwait");
    struct timespec real = *until;
    if (real.tv_sec > 1000000000) add(&real, -control->clock_ms);
    return next(cond, mutex, &real);
}
