/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Signals and temporary files: see interrupt.h.
 *
 * Room: cli.
 */
#include "cli/interrupt.h"

#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

#include "cli/latency.h"
#include "cli/say.h"

#define INTERRUPT_FILES_MAX 4
/* A signal to the process and another to its group, as timeout(1) sends them, are one wish. */
#define IMPATIENT_AFTER_NS 300000000u

static volatile sig_atomic_t first_signal;
static uint64_t first_ns; /* the handler's own */
static volatile sig_atomic_t is_registered[INTERRUPT_FILES_MAX];
static char registered_files[INTERRUPT_FILES_MAX][PATH_MAX];

void interrupt_remove_files(void)
{
    for (int i = 0; i < INTERRUPT_FILES_MAX; i++) {
        if (is_registered[i] != 0) {
            unlink(registered_files[i]);
            is_registered[i] = 0;
        }
    }
}

static void on_signal(int number)
{
    const uint64_t now_ns = time_now_ns();
    if (first_signal == 0) {
        first_signal = number;
        first_ns = now_ns;
    } else if (now_ns - first_ns > IMPATIENT_AFTER_NS) {
        interrupt_remove_files();
        _exit(128 + number);
    }
}

/* A mapped input file became shorter while it was read: its pages are gone. */
static void on_bus_error(int number)
{
    static const char text[] = "akin: an input file changed its size or could not be read\n";
    (void)number;
    interrupt_remove_files();
    if (write(STDERR_FILENO, text, sizeof text - 1) < 0) {
        _exit(CLI_IO);
    }
    _exit(CLI_IO);
}

static void catch_unless_ignored(int number)
{
    struct sigaction action;
    if (sigaction(number, NULL, &action) != 0 || action.sa_handler == SIG_IGN) {
        return;
    }
    memset(&action, 0, sizeof action);
    action.sa_handler = on_signal;
    action.sa_flags = SA_RESTART;
    sigemptyset(&action.sa_mask);
    sigaction(number, &action, NULL);
}

void interrupt_init(void)
{
    struct sigaction action;
    memset(&action, 0, sizeof action);
    sigemptyset(&action.sa_mask);
    /* A closed pipe is an answer of write, which ends the command quietly and with its files
     * removed. */
    action.sa_handler = SIG_IGN;
    sigaction(SIGPIPE, &action, NULL);
    action.sa_handler = on_bus_error;
    sigaction(SIGBUS, &action, NULL);
    catch_unless_ignored(SIGINT);
    catch_unless_ignored(SIGTERM);
}

int interrupt_code(void)
{
    return first_signal != 0 ? 128 + (int)first_signal : 0;
}

void interrupt_block(bool is_blocked)
{
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGTERM);
    pthread_sigmask(is_blocked ? SIG_BLOCK : SIG_UNBLOCK, &set, NULL);
}

int interrupt_add_file(const char *path)
{
    const size_t bytes = strlen(path) + 1;
    for (int i = 0; i < INTERRUPT_FILES_MAX; i++) {
        if (is_registered[i] == 0 && bytes <= sizeof registered_files[i]) {
            memcpy(registered_files[i], path, bytes);
            is_registered[i] = 1;
            return i;
        }
    }
    return -1;
}

void interrupt_forget_file(int number)
{
    if (number >= 0) {
        is_registered[number] = 0;
    }
}
