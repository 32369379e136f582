/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Thread numbers: those of the operating system, remembered for each thread.
 *
 * Level: sync (1).
 *
 * After a fork the child's thread has another number than it remembers. The child is told from its
 * parent without a system call by a page that the kernel wipes on fork: 0 in it means that nobody
 * in this process has asked yet.
 */
#include "sync/thread.h"

#include <errno.h>
#include <signal.h>
#include <stddef.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "sync/atomic.h"

#define WIPED_PAGE_BYTES 4096

/* The page, once mapped, for the life of the program: struct atomic_u64 at its start. */
static struct atomic_ptr wiped_page;
/* Generations handed out in this process and its ancestors. */
static struct atomic_u64 generations;

static _Thread_local uint32_t remembered;
static _Thread_local uint64_t remembered_in;
static _Thread_local uint32_t calls_inside;

uint32_t *thread_calls_inside(void)
{
    return &calls_inside;
}

/* Map the page; NULL when the system cannot. */
static struct atomic_u64 *page_acquire(void)
{
    /* SYNC(thread.page): pairs with the compare-and-swap below. */
    void *page = atomic_ptr_load_acquire(&wiped_page);
    if (page != NULL) {
        return page;
    }
    page = mmap(NULL, WIPED_PAGE_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (page == MAP_FAILED) {
        return NULL;
    }
    /* SYNC(thread.page): pairs with the load above. */
    if (madvise(page, WIPED_PAGE_BYTES, MADV_WIPEONFORK) != 0 ||
        !atomic_ptr_cas(&wiped_page, NULL, page)) {
        (void)munmap(page, WIPED_PAGE_BYTES);
    }
    return atomic_ptr_load_acquire(&wiped_page);
}

uint64_t process_generation(void)
{
    const int saved_errno = errno;
    struct atomic_u64 *const word = page_acquire();
    errno = saved_errno;
    if (word == NULL) {
        return (uint64_t)getpid();
    }
    uint64_t generation = atomic_u64_load_relaxed(word);
    if (generation == 0) {
        /* Far above process numbers, so that the two kinds never meet. */
        generation = (1ull << 32) + atomic_u64_fetch_add_relaxed(&generations, 1) + 1;
        (void)atomic_u64_cas(word, 0, generation);
        generation = atomic_u64_load_relaxed(word);
    }
    return generation;
}

uint32_t thread_number(void)
{
    const uint64_t generation = process_generation();
    if (remembered == 0 || remembered_in != generation) {
        remembered = (uint32_t)gettid();
        remembered_in = generation;
    }
    return remembered;
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
