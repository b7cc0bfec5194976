/*
 * Loaded into a process before libc: while the file SLOW_SYNC_WHILE exists each sync to disk takes SLOW_SYNC_MS
 * longer, as on a disk that is worn or busy.
 */
#include <stdlib.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

static void wait_for_disk(void) {
  const char *text = getenv("SLOW_SYNC_MS");
  const char *sign = getenv("SLOW_SYNC_WHILE");
  long ms = text ? atol(text) : 0;
  if (sign == NULL || access(sign, F_OK) != 0) return;
  struct timespec pause = {ms / 1000, (ms % 1000) * 1000000};
  nanosleep(&pause, NULL);
}

int fsync(int fd) {
  wait_for_disk();
  return (int)syscall(SYS_fsync, fd);
}

int fdatasync(int fd) {
  wait_for_disk();
  return (int)syscall(SYS_fdatasync, fd);
}
