/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The programs that are explored.
 *
 * The numbers in brackets say which protocol a client is about: commit with helping (1), removal of
 * key records (2), horizon and recycling (3), scan beside reuse (7), orphans (8), slot hints (9),
 * payload (11), chunks that are given back (15), bulk builds (16).
 */
#include "schedule/clients.h"

#include <stdio.h>

static const struct client named[] = {
    {.script = {"commit_update_delete_read", "i1=1", {"u1=2", "d1", "g1 n"}, 0},
     .shows = "commits of one key by two, read by a third: helping, count (1)",
     .bound = 2},
    {.script = {"commit_three_writers", "i1=1", {"u1=2", "u1=3", "d1"}, 0},
     .shows = "three commits of one key: everybody helps everybody (1)",
     .bound = 2},
    {.script = {"commit_two_keys", "i1=1", {"u1=2", "i2=3", "s n"}, 0},
     .shows = "commits of two keys, seen by one search and one count (1)",
     .bound = 2},
    {.script = {"count_delete_upsert", "i1=1", {"d1 u1=2", "u1=3", "n"}, 0},
     .shows = "the change of the count is decided with the commit, not by the caller (1)",
     .bound = 2},
    {.script = {"search_update", "i1=1 i2=2", {"u1=3", "s", "u2=4"}, 0},
     .shows = "a search sees one instant: no key twice, none missing (1)",
     .bound = 2},
    {.script = {"search_insert", "i1=1", {"i2=2", "s n", "n s"}, 0},
     .shows = "searches and counts agree on what is there (1)",
     .bound = 2},
    {.script = {"key_removal", "i1=1 d1", {"u1=2", "m", "g1"}, SCRIPT_MAY_BLOCK},
     .shows = "a key comes back while maintenance takes its record out of use (2)",
     .bound = 2},
    {.script = {"key_removal_race", "i1=1 d1", {"i1=2", "m", "i1=3"}, SCRIPT_MAY_BLOCK},
     .shows = "two insert a key while its record goes out of use (2)",
     .bound = 2},
    {.script = {"key_added_twice", "", {"i1=1", "i1=2", "u1=3"}, 0},
     .shows = "three add the record of one new key (2)",
     .bound = 2},
    {.script = {"pin_recycle", "i1=1 u1=2", {"v", "m", "u1=3"}, SCRIPT_MAY_BLOCK},
     .shows = "a walk holds its instant while its versions die and the horizon is taken (3)",
     .bound = 2},
    {.script = {"pin_recycle_reuse", "i1=1", {"v", "d1 m", "i2=3"}, SCRIPT_MAY_BLOCK},
     .shows = "what a walk holds is not recycled, its slot not reused (3)",
     .bound = 2},
    {.script = {"scan_recycle_reuse", "i1=1 i2=2 d1", {"s", "m", "i3=3"}, SCRIPT_MAY_BLOCK},
     .shows = "a search beside recycling and reuse of a slot (7)",
     .bound = 2},
    {.script = {"get_recycle_reuse", "i1=1 u1=2", {"g1", "m", "u1=3"}, SCRIPT_MAY_BLOCK},
     .shows = "a get on a chain that is cut, whose end is recycled and reused (3)",
     .bound = 2},
    {.script = {"slot_hints", "i1=1 i2=2 d1 d2 M", {"i3=3", "i4=4", "i5=5"}, 0},
     .shows = "claims by hint, by search and fresh ones (9)",
     .bound = 2},
    {.script = {"slot_hints_refill", "i1=1 i2=2 d1 M d2", {"i3=3", "m", "i4=4"}, SCRIPT_MAY_BLOCK},
     .shows = "claims while maintenance frees and hints (9)",
     .bound = 2},
    {.script = {"slots_first", "", {"i1=1", "i2=2", "i3=3"}, 0},
     .shows = "fresh slots, the first chunk, pools that grow: who makes them (9)",
     .bound = 2},
    {.script = {"chunk_made_anew", "i1=1 d1 M", {"i2=2", "i3=3", "s"}, 0},
     .shows = "a chunk that was given back is made anew by two who claim from it (15)",
     .bound = 2},
    {.script = {"chunk_given_back", "i1=1 d1 m", {"M", "i2=2"}, SCRIPT_MAY_BLOCK},
     .shows = "a chunk is given back beside a claim from it (15)",
     .bound = 2},
    {.script = {"chunk_given_back_scan", "i1=1 d1 m", {"M", "s i3=3", "i2=2"}, SCRIPT_MAY_BLOCK},
     .shows = "a chunk is given back beside a scan over it (15)",
     .bound = 1},
    {.script = {"contexts_first", "", {"c1", "i1=1", "c1"}, SCRIPT_COLD},
     .shows = "contexts, made by the first call of each thread (9)",
     .bound = 2},
    {.script = {"payload_commit", "i1=1", {"u1=2", "u1=3", "g1"}, SCRIPT_PAYLOAD},
     .shows = "payloads come with their version (11)",
     .bound = 2},
    {.script =
         {"payload_recycle", "i1=1 u1=2", {"g1", "m", "u1=3"}, SCRIPT_PAYLOAD | SCRIPT_MAY_BLOCK},
     .shows = "payloads of dead versions are given back (11)",
     .bound = 2},
    {.script = {"payload_chunks",
                "u1=3 u1=7 u1=11 u1=15 u1=19 u1=23 u1=27 u1=31 u1=35 u1=39 d1 m m m",
                {"i2=4", "i3=47", "m"},
                SCRIPT_PAYLOAD | SCRIPT_MAY_BLOCK},
     .shows = "a full payload chunk is replaced and given back while it is cut from (11)",
     .bound = 2},
    {.script =
         {"inline_maintenance", "i1=1", {"u1=2", "u1=3", "s"}, SCRIPT_INLINE | SCRIPT_MAY_BLOCK},
     .shows = "writers that maintain: who holds the office, who waits (3)",
     .bound = 2},
    {.script = {"maintenance_twice", "i1=1 d1", {"m", "M", "g1"}, SCRIPT_MAY_BLOCK},
     .shows = "two want to maintain: one does, the other waits or is told (2)",
     .bound = 2},
    {.script = {"clear_beside_writers", "i1=1 i2=2", {"x", "u1=3", "i3=4"}, 0},
     .shows = "clear deletes what was there and nobody has replaced since",
     .bound = 1},
    {.script = {"harm_writers", "i1=1", {"u1=2", "d1", "g1 n"}, 0},
     .shows = "one stops or ends at any step: the others go on, and what it left is mended (8)",
     .bound = 0,
     .is_harmed = true},
    {.script = {"harm_inserters", "i1=1 d1 M", {"i1=2", "i2=3", "s"}, SCRIPT_PAYLOAD},
     .shows = "one stops or ends while it claims, fills and commits a slot (8)",
     .bound = 0,
     .is_harmed = true},
    {.script = {"harm_maintainer", "i1=1 i2=2 d1", {"m", "u2=3", "s"}, SCRIPT_MAY_BLOCK},
     .shows = "a maintainer stops or ends at any step (8)",
     .bound = 0,
     .is_harmed = true},
    {.script = {"harm_recovery", "i1=1", {"u1=2", "M", "i2=3"}, SCRIPT_MAY_BLOCK},
     .shows = "recovery beside one that is slow and one that ends (8)",
     .bound = 0,
     .is_harmed = true},
    {.script = {"harm_key_record", "i1=1 d1", {"u1=2", "m m i9=3"}, SCRIPT_MAY_BLOCK},
     .shows = "one ends in a commit to a key record that is recycled for another key (2, 8)",
     .bound = 2,
     .is_harmed = true,
     .only_first_ends = true},
    {.script = {"harm_chain", "i1=1 d1", {"u1=2", "m i9=3 g9"}, SCRIPT_MAY_BLOCK},
     .shows = "one ends in a commit that replaces a slot which is recycled (3, 8)",
     .bound = 2,
     .is_harmed = true,
     .only_first_ends = true},
    {.script = {"graph_two_inserts", "", {"i1=1", "i2=2"}, SCRIPT_GRAPH},
     .shows = "inserts into an empty graph find each other (6)",
     .bound = 1},
    {.script = {"graph_three_inserts", "", {"i1=1", "i2=2", "i3=3"}, SCRIPT_GRAPH},
     .shows = "three at once (6)",
     .bound = 1},
    {.script = {"graph_ring_overflow", "", {"i1=1", "i9=9 i8=8 i2=2"}, SCRIPT_GRAPH},
     .shows = "more inserts beside a slow one than the ring holds: the last finds it too (6)",
     .bound = 1, /* one more in the long suite */
     .is_long = true},
    {.script = {"graph_near_neighbors", "i1=1", {"i2=2", "i3=3"}, SCRIPT_GRAPH},
     .shows = "two inserts with the same neighbor (6)",
     .bound = 2},
    {.script = {"graph_delete_neighbor", "i1=1 i2=2", {"i3=3", "d1"}, SCRIPT_GRAPH},
     .shows = "an insert beside the delete of its neighbor (5)",
     .bound = 2},
    {.script = {"graph_few_neighbors", "i1=1", {"i3=3", "d1"}, SCRIPT_GRAPH | SCRIPT_WIDE},
     .shows = "a neighbor dies while living ones are few and dead ones are chosen too (5)",
     .bound = 2},
    {.script =
         {"graph_insert_sweep", "i1=1 i2=2 d1", {"i3=3", "m m"}, SCRIPT_GRAPH | SCRIPT_MAY_BLOCK},
     .shows = "an insert beside the sweep of its neighbor, which is recycled (5)",
     .bound = 2},
    {.script =
         {"graph_sweep_search", "i1=1 i2=2 i3=3 d1", {"m m", "s"}, SCRIPT_GRAPH | SCRIPT_MAY_BLOCK},
     .shows = "a search beside a sweep (5)",
     .bound = 2},
    {.script = {"graph_sweep_reuse",
                "i1=1 i2=2 i3=3 d1",
                {"m m", "s", "i4=4"},
                SCRIPT_GRAPH | SCRIPT_MAY_BLOCK},
     .shows = "a search beside sweep and reuse (5, 12)",
     .bound = 1},
    {.script =
         {"graph_chunk_given_back", "i1=1 d1", {"M", "i2=2"}, SCRIPT_GRAPH | SCRIPT_MAY_BLOCK},
     .shows = "a chunk is given back, with its handles, beside an insert that makes it anew (15)",
     .bound = 1},
    {.script = {"graph_build_insert", "i1=1", {"l2=2", "i3=3"}, SCRIPT_GRAPH},
     .shows = "a batch beside an insert: they find each other, and change the same lists (6, 16)",
     .bound = 2},
    {.script = {"graph_build_first", "", {"l1=1", "i2=2"}, SCRIPT_GRAPH},
     .shows = "a batch and an insert into an empty graph find each other (6, 16)",
     .bound = 1},
    {.script = {"graph_two_builds", "i1=1", {"l2=2", "l3=3"}, SCRIPT_GRAPH},
     .shows = "two batches at once (16)",
     .bound = 1},
    {.script =
         {"graph_build_sweep", "i1=1 i2=2 d1", {"l3=3", "m m"}, SCRIPT_GRAPH | SCRIPT_MAY_BLOCK},
     .shows = "a batch beside the sweep of its neighbor (5, 16)",
     .bound = 1},
    {.script =
         {"harm_graph_build", "i1=1 i2=2", {"l3=3", "i4=4 s"}, SCRIPT_GRAPH | SCRIPT_MAY_BLOCK},
     .shows = "a batch stops or ends at any step (8, 16)",
     .bound = 0,
     .is_harmed = true},
    {.script = {"graph_upsert_delete", "i1=1 i2=2", {"u1=3", "d1", "s"}, SCRIPT_GRAPH},
     .shows = "upsert, delete and search of one key",
     .bound = 2},
    {.script =
         {"graph_prune_append", "i1=1 i2=2 i3=3 i4=4 i5=5 i6=6", {"i7=7", "i8=8"}, SCRIPT_GRAPH},
     .shows = "two inserts into full lists: prune against append (4)",
     .bound = 2},
    {.script = {"graph_prune_sweep",
                "i1=1 i2=2 i3=3 i4=4 i5=5 i6=6",
                {"i7=7", "d3 m m"},
                SCRIPT_GRAPH | SCRIPT_MAY_BLOCK},
     .shows = "prune against sweep (4, 5)",
     .bound = 1},
    {.script = {"graph_entry",
                "i1=1 i2=2 i3=3 d2 d3",
                {"m m", "i5=5 s", "i4=4"},
                SCRIPT_GRAPH | SCRIPT_MAY_BLOCK},
     .shows = "the entry goes while others raise it (14)",
     .bound = 1},
    {.script =
         {"harm_graph_insert", "i1=1 i2=2", {"i3=3", "i4=4 s"}, SCRIPT_GRAPH | SCRIPT_MAY_BLOCK},
     .shows = "an insert stops or ends at any step (8)",
     .bound = 0,
     .is_harmed = true},
    {.script = {"harm_graph_sweep",
                "i1=1 i2=2 i3=3 d1",
                {"m m", "i4=4 s"},
                SCRIPT_GRAPH | SCRIPT_MAY_BLOCK},
     .shows = "a sweep stops or ends at any step (8)",
     .bound = 0,
     .is_harmed = true},
    {.script = {"orphan_looks", "", {"i1=1", "M", "g1"}, SCRIPT_MAY_BLOCK},
     .shows = "recovery does not take a slow writer's slot (8)",
     .bound = 2},
};

const struct client *clients_all(size_t *count)
{
    *count = sizeof named / sizeof named[0];
    return named;
}

/* The calls of the pairs: of the first fiber, of the second one, which writes other values. */
static const char *const pair_calls[][2] = {
    {"i1=11", "i1=12"}, {"u1=13", "u1=14"}, {"p1=15", "p1=16"}, {"d1", "d1"}, {"x", "x"},
    {"g1", "g1"},       {"c1", "c1"},       {"n", "n"},         {"s", "s"},   {"b", "b"},
    {"v", "v"},         {"w", "w"},         {"m", "m"},         {"M", "M"},   {"t", "t"},
};
static const char *const pair_set_ups[] = {"", "i1=1", "i1=1 d1", "i1=1 u1=2 i2=3"};

#define PAIR_CALLS   (sizeof pair_calls / sizeof pair_calls[0])
#define PAIR_SET_UPS (sizeof pair_set_ups / sizeof pair_set_ups[0])

size_t clients_pair_count(void)
{
    return PAIR_CALLS * (PAIR_CALLS + 1) / 2 * PAIR_SET_UPS;
}

struct client clients_pair(size_t number)
{
    static char name[EXPLORE_TEXT_BYTES];
    const char *const set_up = pair_set_ups[number % PAIR_SET_UPS];
    size_t rest = number / PAIR_SET_UPS;
    size_t first = 0;
    while (rest >= PAIR_CALLS - first) {
        rest -= PAIR_CALLS - first;
        first++;
    }
    const char *const left = pair_calls[first][0];
    const char *const right = pair_calls[first + rest][1];
    (void)snprintf(name, sizeof name, "pair:%s|%s|%s", set_up, left, right);
    return (struct client){
        .script = {.name = name,
                   .set_up = set_up,
                   .fibers = {left, right},
                   .flags = SCRIPT_PAYLOAD | SCRIPT_MAY_BLOCK},
        .shows = "one call beside another",
        .bound = 3,
    };
}
