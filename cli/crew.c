/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A crew of threads: see crew.h.
 *
 * Room: cli.
 */
#include "cli/crew.h"

#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "cli/interrupt.h"
#include "cli/latency.h"
#include "cli/progress.h"
#include "cli/say.h"

#define LOOK_EVERY_NS 50000000
#define PATIENCE_NS   500000000u
#define FAILURE_BYTES 600

struct crew {
    const struct crew_job *job;
    pthread_mutex_t lock;
    pthread_cond_t ended;
    /* All below: any member, under the lock. */
    uint64_t next;
    uint32_t running;
    bool shall_stop;
    int failure_code;
    uint64_t failure_position;
    char failure_text[FAILURE_BYTES];
};

bool crew_take(struct crew_member *member, uint64_t want, uint64_t *first, uint64_t *count)
{
    struct crew *const crew = member->crew;
    pthread_mutex_lock(&crew->lock);
    const uint64_t left = crew->shall_stop ? 0 : crew->job->total - crew->next;
    *first = crew->next;
    *count = want < left ? want : left;
    crew->next += *count;
    pthread_mutex_unlock(&crew->lock);
    return *count > 0;
}

bool crew_goes_on(struct crew_member *member)
{
    struct crew *const crew = member->crew;
    pthread_mutex_lock(&crew->lock);
    const bool goes_on = !crew->shall_stop;
    pthread_mutex_unlock(&crew->lock);
    return goes_on;
}

void crew_fail(struct crew_member *member, int code, uint64_t position, const char *format, ...)
{
    struct crew *const crew = member->crew;
    va_list arguments;
    va_start(arguments, format);
    pthread_mutex_lock(&crew->lock);
    if (crew->failure_code == CLI_OK || position < crew->failure_position) {
        crew->failure_code = code;
        crew->failure_position = position;
        vsnprintf(crew->failure_text, sizeof crew->failure_text, format, arguments);
    }
    crew->shall_stop = true;
    pthread_mutex_unlock(&crew->lock);
    va_end(arguments);
}

void crew_fail_status(struct crew_member *member, const struct akin_error *error, uint64_t position,
                      const char *about)
{
    crew_fail(member, say_code_of(error->status), position, "%s: %s (%s)", about, error->message,
              akin_status_name(error->status));
}

static void *member_main(void *argument)
{
    struct crew_member *const member = argument;
    struct crew *const crew = member->crew;
    crew->job->run(member, crew->job->context);
    pthread_mutex_lock(&crew->lock);
    crew->running--;
    pthread_cond_signal(&crew->ended);
    pthread_mutex_unlock(&crew->lock);
    return NULL;
}

/* Wait a moment, or until the last member ends. Returns how far the crew has come, by items. */
static uint64_t wait_a_moment(struct crew *crew, bool *is_running)
{
    struct timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_nsec += LOOK_EVERY_NS;
    if (until.tv_nsec >= 1000000000) {
        until.tv_nsec -= 1000000000;
        until.tv_sec++;
    }
    pthread_mutex_lock(&crew->lock);
    if (crew->running > 0) {
        pthread_cond_timedwait(&crew->ended, &crew->lock, &until);
    }
    const uint64_t done = crew->next;
    *is_running = crew->running > 0;
    pthread_mutex_unlock(&crew->lock);
    return done;
}

static void tell_to_stop(struct crew *crew)
{
    pthread_mutex_lock(&crew->lock);
    crew->shall_stop = true;
    pthread_mutex_unlock(&crew->lock);
}

/* Leave everything as it is: no member writes a file that is not registered. */
static _Noreturn void leave(void)
{
    progress_end();
    say_error(0, "interrupted");
    interrupt_remove_files();
    _exit(interrupt_code());
}

static void watch(struct crew *crew)
{
    const struct crew_job *const job = crew->job;
    const uint64_t begun_ns = time_now_ns();
    uint64_t signal_ns = 0;
    bool is_running = true;
    if (job->title != NULL) {
        progress_begin(job->title);
    }
    while (is_running) {
        const uint64_t done = wait_a_moment(crew, &is_running);
        const uint64_t now_ns = time_now_ns();
        const double passed_seconds = (double)(now_ns - begun_ns) * 1e-9;
        if (interrupt_code() != 0 && signal_ns == 0) {
            signal_ns = now_ns;
            tell_to_stop(crew);
        }
        if (is_running && signal_ns != 0 && job->may_be_left && now_ns - signal_ns > PATIENCE_NS) {
            leave();
        }
        if (job->seconds > 0.0) {
            if (passed_seconds >= job->seconds) {
                tell_to_stop(crew);
            }
            progress_show((uint64_t)(passed_seconds * 1e3), (uint64_t)(job->seconds * 1e3));
        } else {
            progress_show(done, job->total);
        }
    }
    progress_end();
}

static void crew_init(struct crew *crew, const struct crew_job *job)
{
    memset(crew, 0, sizeof *crew);
    crew->job = job;
    crew->running = job->threads;
    pthread_mutex_init(&crew->lock, NULL);
    pthread_condattr_t attributes;
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(&crew->ended, &attributes);
    pthread_condattr_destroy(&attributes);
}

/* Start the threads, with the signals blocked in them. Returns how many were started. */
static uint32_t start(struct crew *crew, struct crew_member *members, pthread_t *threads)
{
    const uint32_t wanted = crew->job->threads;
    uint32_t started = 0;
    int failure = 0;
    interrupt_block(true);
    while (started < wanted && failure == 0) {
        members[started].crew = crew;
        members[started].number = started;
        failure = pthread_create(&threads[started], NULL, member_main, &members[started]);
        started += failure == 0;
    }
    interrupt_block(false);
    if (failure != 0) {
        pthread_mutex_lock(&crew->lock);
        crew->running -= wanted - started;
        crew->shall_stop = true;
        crew->failure_code = CLI_MEMORY;
        snprintf(crew->failure_text, sizeof crew->failure_text,
                 "only %u of %u threads could be started: %s", started, wanted, strerror(failure));
        pthread_mutex_unlock(&crew->lock);
    }
    return started;
}

int crew_run(const struct crew_job *job)
{
    struct crew crew;
    struct crew_member *const members = calloc(job->threads, sizeof *members);
    pthread_t *const threads = calloc(job->threads, sizeof *threads);
    int code = interrupt_code();
    if (members == NULL || threads == NULL) {
        code = say_no_memory("starting threads");
    } else if (code == 0) {
        crew_init(&crew, job);
        const uint32_t started = start(&crew, members, threads);
        watch(&crew);
        for (uint32_t i = 0; i < started; i++) {
            pthread_join(threads[i], NULL);
        }
        pthread_cond_destroy(&crew.ended);
        pthread_mutex_destroy(&crew.lock);
        code = interrupt_code();
        if (code == 0 && crew.failure_code != CLI_OK) {
            code = say_error(crew.failure_code, "%s", crew.failure_text);
        }
    }
    free(threads);
    free(members);
    return code;
}
