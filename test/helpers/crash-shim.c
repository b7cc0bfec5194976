/*
 * LD_PRELOAD: counts what a process does to the files below one folder, and stops or fails it at a chosen operation.
 *
 * CRASH_FOLDER  the folder; nothing else is touched
 * CRASH_AT      number of the operation, from 1
 * CRASH_HOW     before | half | after: the process ends there, as by SIGKILL (half: half of a write's bytes are written)
 *               EIO | ENOSPC: the operation fails so, and all that follow up to CRASH_UNTIL
 * CRASH_TRACE   a file that gets a line of JSON for every operation, once it is done, with its bytes
 *
 * Operations are made one after the other, so that a trace has them in their real order.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <unistd.h>

#define REAL(name) ((__typeof__(&name))real(#name))

static pthread_mutex_t turn = PTHREAD_MUTEX_INITIALIZER;
static pthread_once_t once = PTHREAD_ONCE_INIT;
static const char *folder, *how;
static size_t folder_length;
static long at, until, done;
static int trace = -1, failure;

static void *real(const char *name) {
  void *found = dlsym(RTLD_NEXT, name);
  if (!found) abort();
  return found;
}

static long number(const char *name, long otherwise) {
  const char *text = getenv(name);
  return text ? atol(text) : otherwise;
}

static void begin(void) {
  folder = getenv("CRASH_FOLDER");
  if (!folder) return;
  folder_length = strlen(folder);
  how = getenv("CRASH_HOW");
  at = number("CRASH_AT", 0);
  until = number("CRASH_UNTIL", at);
  if (how && !strcmp(how, "EIO")) failure = EIO;
  if (how && !strcmp(how, "ENOSPC")) failure = ENOSPC;
  const char *path = getenv("CRASH_TRACE");
  if (path) trace = REAL(open)(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
}

static int is_ours(const char *path) {
  pthread_once(&once, begin);
  return folder && path && !strncmp(path, folder, folder_length) &&
         (path[folder_length] == '/' || path[folder_length] == 0);
}

/* Of a file below the folder, by the name that it has now; NULL for all others. */
static const char *path_of(int file) {
  static __thread char path[PATH_MAX];
  char link[40];
  pthread_once(&once, begin);
  if (!folder) return NULL;
  snprintf(link, sizeof link, "/proc/self/fd/%d", file);
  ssize_t length = readlink(link, path, sizeof path - 1);
  if (length < 0) return NULL;
  path[length] = 0;
  return is_ours(path) ? path : NULL;
}

static void end_now(void) {
  syscall(SYS_exit_group, 137);
}

/* An operation begins. Returns the error it is to fail with, 0 for none; `half` tells a write to stop half-way. */
static int enter(int needs_room, int *half) {
  pthread_mutex_lock(&turn);
  done += 1;
  if (half) *half = 0;
  if (!at || !how || done < at || done > until) return 0;
  if (failure) return failure == ENOSPC && !needs_room ? 0 : failure;
  if (!strcmp(how, "before")) end_now();
  if (!strcmp(how, "half")) {
    if (!half) end_now();
    *half = 1;
  }
  return 0;
}

/* It is done. Offsets and bytes are a write's. */
static void leave(const char *what, const char *path, const char *to, long long offset, const struct iovec *parts,
                  size_t length, int failed) {
  if (trace >= 0) {
    char *line = malloc(2 * PATH_MAX + 200 + 2 * length), *end = line;
    end += sprintf(end, "{\"n\":%ld,\"op\":\"%s\",\"path\":\"%s\",\"to\":\"%s\",\"at\":%lld,\"failed\":%d,\"hex\":\"", done,
                   what, path, to, offset, failed);
    for (size_t n = 0, left = length; left > 0; n++)
      for (size_t i = 0; i < parts[n].iov_len && left > 0; i++, left--)
        end += sprintf(end, "%02x", ((unsigned char *)parts[n].iov_base)[i]);
    end += sprintf(end, "\"}\n");
    if (REAL(write)(trace, line, (size_t)(end - line)) < 0) abort();
    free(line);
  }
  if (how && !failure && done == at) end_now();
  pthread_mutex_unlock(&turn);
}

static int refused(int error) {
  pthread_mutex_unlock(&turn);
  errno = error;
  return -1;
}

/* Keeps errno for the caller. */
#define TOLD(what, path, to, offset, result)                              \
  do {                                                                    \
    int kept = errno;                                                     \
    leave(what, path, to, offset, NULL, 0, (result) < 0 ? kept : 0);      \
    errno = kept;                                                         \
  } while (0)

static int open_ours(int (*call)(const char *, int, ...), const char *path, int flags, mode_t mode) {
  if (!(flags & (O_CREAT | O_TRUNC))) return call(path, flags, mode);
  int error = enter(1, NULL);
  if (error) return refused(error);
  int file = call(path, flags, mode);
  TOLD(flags & O_TRUNC ? "truncate" : "create", path, "", 0, file);
  return file;
}

#define OPEN(name)                                                        \
  int name(const char *path, int flags, ...) {                            \
    va_list rest;                                                         \
    va_start(rest, flags);                                                \
    mode_t mode = flags & (O_CREAT | O_TMPFILE) ? va_arg(rest, mode_t) : 0; \
    va_end(rest);                                                         \
    if (!is_ours(path)) return REAL(name)(path, flags, mode);             \
    return open_ours(REAL(name), path, flags, mode);                      \
  }
OPEN(open)
OPEN(open64)

/* All writes come here: at their offset, or at the file's own (offset < 0). */
static ssize_t write_ours(int file, const struct iovec *parts, int count, long long offset) {
  size_t length = 0;
  int half;
  for (int n = 0; n < count; n++) length += parts[n].iov_len;
  int error = enter(1, &half);
  if (error) return refused(error);
  char *bytes = malloc(length + 1), *end = bytes;
  for (int n = 0; n < count; n++) {
    memcpy(end, parts[n].iov_base, parts[n].iov_len);
    end += parts[n].iov_len;
  }
  if (half) length /= 2;
  long long place = offset < 0 ? (long long)lseek(file, 0, SEEK_CUR) : offset;
  ssize_t written =
      offset < 0 ? REAL(write)(file, bytes, length) : REAL(pwrite64)(file, bytes, length, (off64_t)offset);
  int kept = errno;
  struct iovec part = {bytes, written < 0 ? 0 : (size_t)written};
  leave("write", path_of(file), "", place, &part, part.iov_len, written < 0 ? kept : 0);
  free(bytes);
  errno = kept;
  return written;
}

ssize_t write(int file, const void *bytes, size_t length) {
  if (!path_of(file)) return REAL(write)(file, bytes, length);
  struct iovec part = {(void *)bytes, length};
  return write_ours(file, &part, 1, -1);
}

ssize_t writev(int file, const struct iovec *parts, int count) {
  return path_of(file) ? write_ours(file, parts, count, -1) : REAL(writev)(file, parts, count);
}

#define PWRITE(name, offset_type)                                                       \
  ssize_t name(int file, const void *bytes, size_t length, offset_type offset) {        \
    if (!path_of(file)) return REAL(name)(file, bytes, length, offset);                 \
    struct iovec part = {(void *)bytes, length};                                        \
    return write_ours(file, &part, 1, offset);                                          \
  }
PWRITE(pwrite, off_t)
PWRITE(pwrite64, off64_t)

#define PWRITEV(name, offset_type)                                                      \
  ssize_t name(int file, const struct iovec *parts, int count, offset_type offset) {    \
    return path_of(file) ? write_ours(file, parts, count, offset)                       \
                         : REAL(name)(file, parts, count, offset);                      \
  }
PWRITEV(pwritev, off_t)
PWRITEV(pwritev64, off64_t)

#define ON_FILE(name, declared, passed, needs_room, what, offset)  \
  int name declared {                                              \
    const char *path = path_of(file);                              \
    if (!path) return REAL(name) passed;                           \
    int error = enter(needs_room, NULL);                           \
    if (error) return refused(error);                              \
    int result = REAL(name) passed;                                \
    TOLD(what, path, "", offset, result);                          \
    return result;                                                 \
  }
ON_FILE(ftruncate, (int file, off_t length), (file, length), 0, "cut", length)
ON_FILE(ftruncate64, (int file, off64_t length), (file, length), 0, "cut", length)
ON_FILE(fsync, (int file), (file), 0, "sync", 0)
ON_FILE(fdatasync, (int file), (file), 0, "sync", 0)

#define ON_PATH(name, declared, passed, needs_room, what, to)      \
  int name declared {                                              \
    if (!is_ours(path)) return REAL(name) passed;                  \
    int error = enter(needs_room, NULL);                           \
    if (error) return refused(error);                              \
    int result = REAL(name) passed;                                \
    TOLD(what, path, to, 0, result);                               \
    return result;                                                 \
  }
ON_PATH(rename, (const char *path, const char *to), (path, to), 1, "rename", to)
ON_PATH(unlink, (const char *path), (path), 0, "unlink", "")
ON_PATH(mkdir, (const char *path, mode_t mode), (path, mode), 1, "mkdir", "")
ON_PATH(rmdir, (const char *path), (path), 0, "rmdir", "")
ON_PATH(link, (const char *path, const char *to), (path, to), 1, "link", to)
