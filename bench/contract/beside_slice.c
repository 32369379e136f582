/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Slices of time: see beside.h.
 *
 * Every thread of a slice looks at the clock itself, so that nothing is shared between them but
 * what they do. A slice begins for each of them when it starts, which is some tens of microseconds
 * apart.
 *
 * Room: bench; a part of akin-bench-beside.
 */
#include <pthread.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>

#include "bench/contract/beside.h"
#include "bench/contract/contract_index.h"
#include "cli/crew.h"
#include "cli/say.h"

#define STEPS_A_LOOK 4096u

struct slice {
    struct beside_index *subject;
    struct beside_worker *const *workers;
    uint32_t count;
    uint64_t length_ns;
};

int worker_open(const struct beside_index *subject, struct beside_worker *worker)
{
    struct akin_error error;
    memset(worker, 0, sizeof *worker);
    worker->wall = latency_create();
    worker->cpu = latency_create();
    if (worker->wall == NULL || worker->cpu == NULL) {
        return say_no_memory("searching");
    }
    const enum akin_status status =
        akin_context_create(subject->index, subject->call->common.k, &worker->context, &error);
    return status == AKIN_OK ? CLI_OK : say_status(status, &error, "no context for searches");
}

void worker_close(struct beside_worker *worker)
{
    akin_context_destroy(worker->context);
    free(worker->cpu);
    free(worker->wall);
    memset(worker, 0, sizeof *worker);
}

double worker_rate(const struct beside_worker *worker)
{
    return worker->wall_ns > 0 ? (double)worker->done * 1e9 / (double)worker->wall_ns : 0.0;
}

double worker_cpu_rate(const struct beside_worker *worker)
{
    return worker->cpu_ns > 0 ? (double)worker->done * 1e9 / (double)worker->cpu_ns : 0.0;
}

double worker_cpu_share(const struct beside_worker *worker)
{
    return worker->wall_ns > 0 ? (double)worker->cpu_ns / (double)worker->wall_ns : 0.0;
}

/* The processors this process may use; how many. */
static uint32_t processors(cpu_set_t *set)
{
    CPU_ZERO(set);
    return sched_getaffinity(0, sizeof *set, set) == 0 ? (uint32_t)CPU_COUNT(set) : 0;
}

bool slice_is_pinned(uint32_t threads)
{
    cpu_set_t set;
    return processors(&set) >= threads;
}

/* Bind the calling thread to the processor of that number among those it may use. */
static void pin(uint32_t number)
{
    cpu_set_t all;
    cpu_set_t one;
    if (number >= processors(&all)) {
        return;
    }
    CPU_ZERO(&one);
    for (size_t processor = 0; processor < CPU_SETSIZE; processor++) {
        if (CPU_ISSET(processor, &all) && number-- == 0) {
            CPU_SET(processor, &one);
            break;
        }
    }
    (void)pthread_setaffinity_np(pthread_self(), sizeof one, &one);
}

static void search(struct crew_member *member, const struct beside_index *subject,
                   struct beside_worker *worker, uint64_t end_ns, void *scratch)
{
    const struct contract_call *const call = &subject->call->common;
    const struct vecs *const query = &subject->set->query;
    struct akin_neighbor *const found = malloc(call->k * sizeof *found);
    struct akin_search_options options;
    struct akin_error error;
    if (found == NULL) {
        crew_fail(member, CLI_MEMORY, 0, "out of memory: searching");
        return;
    }
    /* What the writer changes may lie beside it. */
    akin_index *const index = subject->index;
    uint64_t done = 0;
    akin_search_options_init(&options);
    options.k = call->k;
    options.ef_search = subject->call->ef;
    uint64_t wall_ns = time_now_ns();
    uint64_t cpu_ns = time_thread_cpu_ns();
    while (wall_ns < end_ns) {
        const uint64_t row = (worker->query + done) % query->row_count;
        const struct akin_vector vector = {.data = vecs_row_as(query, row, call->type, scratch),
                                           .dim = query->dim,
                                           .type = call->type};
        uint32_t count = 0;
        if (akin_search(index, worker->context, &vector, &options, found, &count, &error) !=
            AKIN_OK) {
            crew_fail_status(member, &error, row, "searching");
            break;
        }
        const uint64_t wall_after_ns = time_now_ns();
        const uint64_t cpu_after_ns = time_thread_cpu_ns();
        latency_add(worker->wall, wall_after_ns - wall_ns);
        latency_add(worker->cpu, cpu_after_ns - cpu_ns);
        wall_ns = wall_after_ns;
        cpu_ns = cpu_after_ns;
        done++;
    }
    worker->query += done;
    worker->done = done;
    free(found);
}

static void burn(struct beside_worker *worker, uint64_t end_ns)
{
    uint64_t word = 1;
    uint64_t steps = 0;
    while (time_now_ns() < end_ns) {
        for (uint32_t i = 0; i < STEPS_A_LOOK; i++) {
            word = word * 6364136223846793005u + 1442695040888963407u;
        }
        steps += STEPS_A_LOOK;
    }
    worker->residue = word;
    worker->done = steps;
}

static void write(struct crew_member *member, struct beside_index *subject,
                  struct beside_worker *worker, uint64_t end_ns, void *scratch)
{
    const struct vecs *const base = &subject->set->base;
    while (time_now_ns() < end_ns) {
        const uint64_t next = (subject->oldest + subject->live) % base->row_count;
        enum akin_status status = AKIN_OK;
        struct akin_error error;
        if (worker->work == BESIDE_REPLACE) {
            status = akin_delete(subject->index, subject->oldest % base->row_count, &error);
            if (status == AKIN_OK) {
                subject->oldest++;
                subject->live--;
            }
        } else if (subject->live == base->row_count) {
            worker->ran_dry = true;
            return;
        }
        if (status == AKIN_OK) {
            status = contract_insert(subject->index, base, next, subject->call->common.type,
                                     scratch, &error);
        }
        if (status != AKIN_OK) {
            crew_fail_status(member, &error, next, "writing beside searches");
            return;
        }
        subject->live++;
        worker->done++;
    }
}

static void work(struct crew_member *member, void *context)
{
    const struct slice *const slice = context;
    struct beside_worker *const worker = slice->workers[member->number];
    void *const scratch = malloc(slice->subject->set->base.dim * sizeof(float));
    if (scratch == NULL) {
        crew_fail(member, CLI_MEMORY, 0, "out of memory: working");
        return;
    }
    if (slice_is_pinned(slice->count)) {
        pin(member->number);
    }
    const uint64_t cpu_begun_ns = time_thread_cpu_ns();
    const uint64_t begun_ns = time_now_ns();
    const uint64_t end_ns = begun_ns + slice->length_ns;
    if (worker->work == BESIDE_SEARCH) {
        search(member, slice->subject, worker, end_ns, scratch);
    } else if (worker->work == BESIDE_BURN) {
        burn(worker, end_ns);
    } else {
        write(member, slice->subject, worker, end_ns, scratch);
    }
    worker->wall_ns = time_now_ns() - begun_ns;
    worker->cpu_ns = time_thread_cpu_ns() - cpu_begun_ns;
    free(scratch);
}

int slice_run(struct beside_index *subject, double seconds, struct beside_worker *const *workers,
              uint32_t count)
{
    struct slice slice = {.subject = subject,
                          .workers = workers,
                          .count = count,
                          .length_ns = (uint64_t)(seconds * 1e9)};
    const struct crew_job crew = {
        .run = work, .context = &slice, .threads = count, .may_be_left = true};
    for (uint32_t i = 0; i < count; i++) {
        struct beside_worker *const worker = workers[i];
        worker->done = 0;
        worker->wall_ns = 0;
        worker->cpu_ns = 0;
        worker->ran_dry = false;
        if (worker->work == BESIDE_SEARCH) {
            memset(worker->wall, 0, sizeof *worker->wall);
            memset(worker->cpu, 0, sizeof *worker->cpu);
        }
    }
    return crew_run(&crew);
}
