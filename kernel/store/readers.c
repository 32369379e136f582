/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Readers.
 *
 * Level: store (2). The protocol of pins is in the header.
 */
#include "store/readers.h"

#include <stddef.h>

#include "base/invariant.h"
#include "store/commit.h"
#include "sync/clock.h"
#include "sync/rcu.h"

static struct reader *first_acquire(const struct readers *readers)
{
    /* SYNC(readers.cells): pairs with the compare-and-swap in reader_add. */
    return atomic_ptr_load_acquire(&readers->cells);
}

void reader_add(struct readers *readers, struct reader *reader)
{
    void *head;
    atomic_u64_store_relaxed(&reader->pin, PIN_FREE);
    do {
        head = first_acquire(readers);
        reader->next = head;
        /* SYNC(readers.cells): pairs with first_acquire; the cell's link is visible. */
    } while (!atomic_ptr_cas(&readers->cells, head, reader));
}

void reader_enter(struct reader *reader)
{
    if (reader != NULL) {
        /* Relaxed, both: a mark that is seen late makes maintenance wait or not ask, nothing
           else. */
        const uint64_t sequence = atomic_u64_load_relaxed(&reader->sequence);
        atomic_u64_store_relaxed(&reader->since_ns, clock_coarse_ns());
        atomic_u64_store_relaxed(&reader->sequence, sequence + 1);
    }
    rcu_enter();
}

void reader_leave(struct reader *reader)
{
    rcu_leave();
    if (reader != NULL) {
        const uint64_t sequence = atomic_u64_load_relaxed(&reader->sequence);
        atomic_u64_store_relaxed(&reader->sequence, sequence + 1);
    }
}

void reader_pause(struct reader *reader)
{
    reader_leave(reader);
    reader_enter(reader);
}

uint64_t reader_pin(const struct store *store, struct reader *reader)
{
    REQUIRE(rcu_is_inside());
    REQUIRE(atomic_u64_load_relaxed(&reader->pin) == PIN_FREE);
    /* Release is enough: the order against maintenance comes from its grace period.
       SYNC(reader.pin) */
    atomic_u64_store_release(&reader->pin, PIN_ALL);
    const uint64_t stamp = frontier_stamp(store);
    atomic_u64_store_release(&reader->pin, stamp);
    return stamp;
}

void reader_unpin(struct reader *reader)
{
    /* Release: what was read under the pin happens before maintenance that sees it free. */
    atomic_u64_store_release(&reader->pin, PIN_FREE);
}

void reader_reset(struct reader *reader)
{
    const uint64_t sequence = atomic_u64_load_relaxed(&reader->sequence);
    atomic_u64_store_relaxed(&reader->sequence, sequence + sequence % 2);
    reader_unpin(reader);
}

uint64_t readers_oldest_pin(const struct readers *readers)
{
    uint64_t oldest = PIN_FREE;
    for (const struct reader *reader = first_acquire(readers); reader != NULL;
         reader = reader->next) {
        /* SYNC(reader.pin): pairs with reader_pin and reader_unpin. */
        const uint64_t stamp = atomic_u64_load_acquire(&reader->pin);
        oldest = stamp < oldest ? stamp : oldest;
    }
    return oldest;
}

struct readers_report readers_describe(const struct readers *readers)
{
    struct readers_report report = {0};
    const uint64_t now = clock_coarse_ns();
    for (const struct reader *reader = first_acquire(readers); reader != NULL;
         reader = reader->next) {
        if (atomic_u64_load_relaxed(&reader->sequence) % 2 == 0) {
            continue;
        }
        const uint64_t since = atomic_u64_load_relaxed(&reader->since_ns);
        const uint64_t age = now > since ? now - since : 1;
        report.active++;
        report.oldest_ns = age > report.oldest_ns ? age : report.oldest_ns;
    }
    return report;
}
