/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Insert, upsert, update, delete, get, contains and count on few hot keys at once (G1, G3).
 *
 * Goal  : no torn read; the versions of a key never go back for a reader; of several that insert or
 *         delete one key exactly one succeeds; count is exact.
 * Method: entries name their writer and its serial, so a reader can hold two reads of one writer
 *         against each other: serials and versions must have the same order, over all keys.
 *         The bounds of count come from counters that writers raise before a call and after it.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "akin/akin.h"
#include "support/described.h"
#include "support/race.h"
#include "support/tracking_allocator.h"

/* Keys below HOT come and go; those below PRESENT are only ever replaced; the next never exists. */
enum { HOT = 4, PRESENT = 6, KEYS = 7, ABSENT = 6 };
enum { WRITERS = 4, READERS = 4, PAYLOAD_MAX = 300 };

static akin_index *open_index(struct tracking_allocator *tracking)
{
    struct akin_options options;
    akin_index *index = NULL;
    tracking_init(tracking);
    akin_options_init(&options);
    options.dim = DESCRIBED_DIM;
    options.allocator = tracking_hooks(tracking);
    assert_int_equal(akin_open(&options, &index, NULL), AKIN_OK);
    return index;
}

static void close_index(akin_index *index, struct tracking_allocator *tracking)
{
    struct akin_error error = {.message = ""};
    assert_int_equal(akin_maintain(index, AKIN_MAINTAIN_DRAIN, NULL, NULL), AKIN_OK);
    if (akin_check(index, AKIN_CHECK_DEEP, &error) != AKIN_OK) {
        fail_msg("%s: %s", error.field, error.message);
    }
    assert_int_equal(akin_close(index), AKIN_OK);
    tracking_end(tracking);
}

/*
 * A write that was refused for memory that waits is not done; the writer goes on. Here no reader
 * stalls, so that is rare: writers outran the one of them that maintains.
 */
struct hot_keys {
    akin_index *index;
    struct race_number refusals;
};

/* What one thread has read so far. */
struct memory_of_reader {
    uint64_t version[KEYS];
    struct described content[KEYS];
    uint64_t writer_serial[WRITERS + 1]; /* of the newest version read of each writer */
    uint64_t writer_version[WRITERS + 1];
};

/* Hold an entry that was read against what this thread read before. */
static const char *judge(struct memory_of_reader *memory, const struct described *found,
                         uint64_t version)
{
    const uint64_t key = found->key;
    const uint64_t writer = found->writer;
    if (version < memory->version[key]) {
        return "the version of the key went back";
    }
    if (version == memory->version[key] && (found->writer != memory->content[key].writer ||
                                            found->serial != memory->content[key].serial)) {
        return "one version has two contents";
    }
    if (writer > WRITERS) {
        return "nobody wrote this";
    }
    if (memory->writer_version[writer] != 0 && (found->serial < memory->writer_serial[writer]) !=
                                                   (version < memory->writer_version[writer])) {
        return "two writes of one thread were committed in the other order";
    }
    memory->version[key] = version;
    memory->content[key] = *found;
    if (version > memory->writer_version[writer]) {
        memory->writer_version[writer] = version;
        memory->writer_serial[writer] = found->serial;
    }
    return NULL;
}

static void read_key(struct race_worker *worker, struct memory_of_reader *memory, uint64_t key)
{
    const struct hot_keys *const hot = worker->shared;
    struct described found;
    uint64_t version = 0;
    const char *fault = NULL;
    const enum akin_status status = described_read(hot->index, key, &found, &version, &fault);
    if (status == AKIN_OK) {
        fault = fault != NULL ? fault : judge(memory, &found, version);
    } else if (status != AKIN_NOT_FOUND) {
        fault = akin_status_name(status);
    }
    if (fault == NULL && key >= HOT && (status == AKIN_OK) != (key < PRESENT)) {
        fault = key < PRESENT ? "a key that is always there was missed" : "an absent key was found";
    }
    if (fault != NULL) {
        race_error(worker, "get of key %" PRIu64 ": %s", key, fault);
    }
}

static void look(struct race_worker *worker, uint64_t key)
{
    const struct hot_keys *const hot = worker->shared;
    const enum akin_status status = akin_contains(hot->index, key, NULL);
    if ((status != AKIN_OK && status != AKIN_NOT_FOUND) ||
        (key >= HOT && (status == AKIN_OK) != (key < PRESENT))) {
        race_error(worker, "contains of key %" PRIu64 " answered %s", key,
                   akin_status_name(status));
    }
}

static void count_all(struct race_worker *worker)
{
    const struct hot_keys *const hot = worker->shared;
    uint64_t count = 0;
    const enum akin_status status = akin_count(hot->index, &count, NULL);
    if (status != AKIN_OK || count < PRESENT - HOT || count > PRESENT) {
        race_error(worker, "count answered %s, %" PRIu64, akin_status_name(status), count);
    }
}

static void read_hot_keys(struct race_worker *worker)
{
    struct memory_of_reader memory;
    memset(&memory, 0, sizeof memory);
    while (race_goes_on(worker)) {
        const uint64_t key = race_random(worker, KEYS);
        const uint64_t choice = race_random(worker, 10);
        race_begin(worker);
        if (choice < 7) {
            read_key(worker, &memory, key);
        } else if (choice < 9) {
            look(worker, key);
        } else {
            count_all(worker);
        }
        race_end(worker);
    }
}

/* One write, and whether its answer is one that this key allows. */
static void write_key(struct race_worker *worker, uint64_t key, uint64_t serial)
{
    static const described_write_fn calls[] = {akin_insert, akin_upsert, akin_update};
    static const char *const names[] = {"insert", "upsert", "update", "delete"};
    static const enum akin_status refusals[] = {AKIN_EXISTS, AKIN_OK, AKIN_NOT_FOUND,
                                                AKIN_NOT_FOUND};
    struct hot_keys *const hot = worker->shared;
    const uint64_t choice = race_random(worker, key < HOT ? 4 : 3);
    const struct described what = {.key = key,
                                   .writer = worker->rank + 1,
                                   .serial = serial,
                                   .size = (size_t)race_random(worker, PAYLOAD_MAX)};
    const enum akin_status status = choice < 3 ? described_write(hot->index, calls[choice], &what)
                                               : akin_delete(hot->index, key, NULL);
    /* A key that is always there is never inserted and always replaced. */
    const bool is_allowed = key < HOT ? status == AKIN_OK || status == refusals[choice]
                                      : status == (choice == 0 ? AKIN_EXISTS : AKIN_OK);
    if (status == AKIN_RECLAIM_STALLED && choice < 3) {
        (void)race_number_add(&hot->refusals, 1);
    } else if (!is_allowed) {
        race_error(worker, "%s of key %" PRIu64 " answered %s", names[choice], key,
                   akin_status_name(status));
    }
}

static void write_hot_keys(struct race_worker *worker)
{
    struct memory_of_reader memory;
    memset(&memory, 0, sizeof memory);
    for (uint64_t serial = 1; race_goes_on(worker); serial++) {
        const uint64_t key = race_random(worker, PRESENT);
        race_begin(worker);
        write_key(worker, key, serial);
        race_end(worker);
        if (serial % 4 == 0) {
            read_key(worker, &memory, key);
        }
    }
}

static void readers_see_whole_entries_that_never_go_back(void **state)
{
    struct tracking_allocator tracking;
    static struct hot_keys hot;
    (void)state;
    memset(&hot, 0, sizeof hot);
    hot.index = open_index(&tracking);
    for (uint64_t key = HOT; key < PRESENT; key++) {
        const struct described what = {.key = key, .serial = key, .size = 1};
        assert_int_equal(described_write(hot.index, akin_insert, &what), AKIN_OK);
    }
    const struct race_role roles[] = {
        {.name = "writers",
         .threads = WRITERS,
         .body = write_hot_keys,
         .least = race_scaled(40000, 500)},
        {.name = "readers",
         .threads = READERS,
         .body = read_hot_keys,
         .least = race_scaled(80000, 500)},
    };
    race_run("hot keys", roles, 2, &hot);
    printf("hot keys: %" PRIu64 " writes refused for memory that waits\n",
           race_number_load(&hot.refusals));
    close_index(hot.index, &tracking);
}

/* All threads insert the same keys in the same order, then delete them, round after round. */
enum { DUELLISTS = 6, DUEL_KEYS = 64 };

struct duel {
    akin_index *index;
    uint64_t rounds;
    enum akin_status answers[DUELLISTS][DUEL_KEYS];
};

/* Between two barriers: of all answers for a key exactly one is AKIN_OK. Returns whose. */
static uint32_t judge_key(struct race_worker *worker, uint64_t key, enum akin_status refusal)
{
    const struct duel *const duel = worker->shared;
    const char *const call = refusal == AKIN_EXISTS ? "insert" : "delete";
    uint32_t winners = 0;
    uint32_t winner = 0;
    for (uint32_t i = 0; i < DUELLISTS; i++) {
        if (duel->answers[i][key] == AKIN_OK) {
            winner = i;
            winners++;
        } else if (duel->answers[i][key] != refusal) {
            race_error(worker, "%s answered %s", call, akin_status_name(duel->answers[i][key]));
        }
    }
    if (winners != 1) {
        race_error(worker, "%s of one key by all succeeded %" PRIu32 " times", call, winners);
    }
    return winner;
}

static void judge_count(struct race_worker *worker, uint64_t expected)
{
    const struct duel *const duel = worker->shared;
    uint64_t count = 0;
    if (akin_count(duel->index, &count, NULL) != AKIN_OK || count != expected) {
        race_error(worker, "count is %" PRIu64 ", not %" PRIu64, count, expected);
    }
}

static void judge_inserted(struct race_worker *worker)
{
    const struct duel *const duel = worker->shared;
    for (uint64_t key = 0; key < DUEL_KEYS; key++) {
        struct described found = {.key = 0};
        uint64_t version = 0;
        const char *fault = NULL;
        const uint32_t winner = judge_key(worker, key, AKIN_EXISTS);
        if (described_read(duel->index, key, &found, &version, &fault) != AKIN_OK ||
            fault != NULL || found.writer != winner) {
            race_error(worker, "the entry is that of thread %" PRIu64 ", not of %" PRIu32,
                       found.writer, winner);
        }
    }
    judge_count(worker, DUEL_KEYS);
}

static void judge_deleted(struct race_worker *worker)
{
    const struct duel *const duel = worker->shared;
    for (uint64_t key = 0; key < DUEL_KEYS; key++) {
        (void)judge_key(worker, key, AKIN_NOT_FOUND);
        if (akin_contains(duel->index, key, NULL) != AKIN_NOT_FOUND) {
            race_error(worker, "key %" PRIu64 " is there after its deletion", key);
        }
    }
    judge_count(worker, 0);
}

/* So that the records of deleted keys go, and new ones come in their place. */
static void maintain(struct race_worker *worker)
{
    const struct duel *const duel = worker->shared;
    const enum akin_status status = akin_maintain(duel->index, AKIN_MAINTAIN_ROUND, NULL, NULL);
    if (status != AKIN_OK && status != AKIN_BUSY) {
        race_error(worker, "maintain answered %s", akin_status_name(status));
    }
}

static void fight(struct race_worker *worker)
{
    struct duel *const duel = worker->shared;
    enum akin_status *const answers = duel->answers[worker->number];
    for (uint64_t round = 0; round < duel->rounds; round++) {
        race_meet(worker);
        race_pair(worker);
        for (uint64_t key = 0; key < DUEL_KEYS; key++) {
            const struct described what = {
                .key = key, .writer = worker->number, .serial = round, .size = 20};
            race_begin(worker);
            answers[key] = described_write(duel->index, akin_insert, &what);
            race_end(worker);
        }
        race_meet(worker);
        if (worker->number == 0) {
            judge_inserted(worker);
        }
        race_meet(worker);
        race_pair(worker);
        for (uint64_t key = 0; key < DUEL_KEYS; key++) {
            race_begin(worker);
            answers[key] = akin_delete(duel->index, key, NULL);
            race_end(worker);
        }
        race_meet(worker);
        if (worker->number == 0) {
            judge_deleted(worker);
            maintain(worker);
        }
    }
}

static bool duel_once(void *context)
{
    const struct race_role roles[] = {{.name = "duellists", .threads = DUELLISTS, .body = fight}};
    return race_try("duel", roles, 1, context);
}

static void of_all_that_insert_or_delete_a_key_one_succeeds(void **state)
{
    struct tracking_allocator tracking;
    static struct duel duel;
    (void)state;
    memset(&duel, 0, sizeof duel);
    duel.index = open_index(&tracking);
    duel.rounds = race_scaled(200, 12);
    race_until_overlap(duel_once, &duel);
    close_index(duel.index, &tracking);
}

/* Bounds of count. "begun" is raised before a call and lowered again if it failed. */
struct ledger {
    akin_index *index;
    struct race_number inserts_begun;
    struct race_number inserts_ended;
    struct race_number deletes_begun;
    struct race_number deletes_ended;
};

enum { LEDGER_KEYS = 32 };

static void book(struct race_worker *worker)
{
    struct ledger *const ledger = worker->shared;
    while (race_goes_on(worker)) {
        const uint64_t key = race_random(worker, LEDGER_KEYS);
        const bool inserts = race_random(worker, 2) == 0;
        struct race_number *const begun = inserts ? &ledger->inserts_begun : &ledger->deletes_begun;
        const struct described what = {.key = key, .writer = worker->rank, .size = 8};
        (void)race_number_add(begun, 1);
        race_begin(worker);
        const enum akin_status status = inserts ? described_write(ledger->index, akin_insert, &what)
                                                : akin_delete(ledger->index, key, NULL);
        race_end(worker);
        if (status == AKIN_OK) {
            race_number_add_release(inserts ? &ledger->inserts_ended : &ledger->deletes_ended, 1);
        } else if (status == (inserts ? AKIN_EXISTS : AKIN_NOT_FOUND) ||
                   status == AKIN_RECLAIM_STALLED) {
            (void)race_number_add(begun, UINT64_MAX);
        } else {
            race_error(worker, "%s answered %s", inserts ? "insert" : "delete",
                       akin_status_name(status));
        }
    }
}

static void audit(struct race_worker *worker)
{
    struct ledger *const ledger = worker->shared;
    while (race_goes_on(worker)) {
        const uint64_t inserted = race_number_load_acquire(&ledger->inserts_ended);
        const uint64_t deleted = race_number_load_acquire(&ledger->deletes_ended);
        uint64_t count = 0;
        race_begin(worker);
        const enum akin_status status = akin_count(ledger->index, &count, NULL);
        race_end(worker);
        const uint64_t inserts_most = race_number_load_acquire(&ledger->inserts_begun);
        const uint64_t deletes_most = race_number_load_acquire(&ledger->deletes_begun);
        if (status != AKIN_OK || count + deletes_most < inserted ||
            count > inserts_most - deleted || count > LEDGER_KEYS) {
            race_error(worker,
                       "count is %" PRIu64 "; between %" PRIu64 " and %" PRIu64
                       " were inserted, between %" PRIu64 " and %" PRIu64 " deleted",
                       count, inserted, inserts_most, deleted, deletes_most);
        }
    }
}

static void count_is_what_was_inserted_less_what_was_deleted(void **state)
{
    struct tracking_allocator tracking;
    static struct ledger ledger;
    uint64_t count = 0;
    (void)state;
    memset(&ledger, 0, sizeof ledger);
    ledger.index = open_index(&tracking);
    const struct race_role roles[] = {
        {.name = "bookers", .threads = 4, .body = book, .least = race_scaled(30000, 500)},
        {.name = "auditors", .threads = 2, .body = audit, .least = race_scaled(60000, 500)},
    };
    race_run("ledger", roles, 2, &ledger);
    assert_int_equal(akin_count(ledger.index, &count, NULL), AKIN_OK);
    assert_int_equal(count, race_number_load(&ledger.inserts_ended) -
                                race_number_load(&ledger.deletes_ended));
    uint64_t found = 0;
    for (uint64_t key = 0; key < LEDGER_KEYS; key++) {
        found += akin_contains(ledger.index, key, NULL) == AKIN_OK ? 1 : 0;
    }
    assert_int_equal(found, count);
    close_index(ledger.index, &tracking);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(readers_see_whole_entries_that_never_go_back),
        cmocka_unit_test(of_all_that_insert_or_delete_a_key_one_succeeds),
        cmocka_unit_test(count_is_what_was_inserted_less_what_was_deleted),
    };
    race_program(200);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
