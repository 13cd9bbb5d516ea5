/* Loaded before libc (LD_PRELOAD), it makes every flush take FLUSH_MICROSECONDS longer: a disk that has to write. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <stdlib.h>
#include <time.h>

static void wait_for_disk(void) {
    static long microseconds = -1;
    if (microseconds < 0) {
        const char *wanted = getenv("FLUSH_MICROSECONDS");
        microseconds = wanted ? atol(wanted) : 0;
    }
    int kept = errno;
    struct timespec left = {microseconds / 1000000, microseconds % 1000000 * 1000};
    while (nanosleep(&left, &left) == -1 && errno == EINTR) {
    }
    errno = kept;
}

int fsync(int file) {
    static int (*real)(int);
    if (!real) real = (int (*)(int))dlsym(RTLD_NEXT, "fsync");
    wait_for_disk();
    return real(file);
}

int fdatasync(int file) {
    static int (*real)(int);
    if (!real) real = (int (*)(int))dlsym(RTLD_NEXT, "fdatasync");
    wait_for_disk();
    return real(file);
}
