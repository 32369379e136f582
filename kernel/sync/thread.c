/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Thread numbers: those of the kernel, remembered for each thread.
 *
 * Level: sync (1).
 */
#include "sync/thread.h"

#include <errno.h>
#include <signal.h>
#include <sys/syscall.h>
#include <unistd.h>

static _Thread_local uint32_t remembered;
uint32_t thread_number(void)
{
    if (remembered == 0) {
        remembered = (uint32_t)gettid();
    }
    return remembered;
}

uint32_t process_number(void)
{
    return (uint32_t)getpid();
}

bool thread_is_dead(uint32_t number)
{
    if (number == 0) {
        return false;
    }
    const int saved_errno = errno;
    const long result = syscall(SYS_tgkill, getpid(), (pid_t)number, 0);
    const bool dead = result != 0 && errno == ESRCH;
    errno = saved_errno;
    return dead;
}
