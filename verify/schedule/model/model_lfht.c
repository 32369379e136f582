/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The model of liburcu's hash table: a list, in which each call is one step.
 *
 * Takes the place of liburcu-cds when the program is linked. A node that was removed keeps its
 * link, so that a walk that stands on it goes on. model_test holds it against the real one.
 */
#include "schedule/model/model_lfht.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <urcu/urcu-bp.h>
#include <urcu/rculfhash.h>

#define TABLES_MAX 4

struct cds_lfht {
    struct cds_lfht_node *first;
    int is_used;
};

static struct cds_lfht tables[TABLES_MAX];

/* Named by the inline functions of rculfhash.h; the model has no use for them. */
const struct cds_lfht_mm_type cds_lfht_mm_order = {0};
const struct cds_lfht_mm_type cds_lfht_mm_chunk = {0};
const struct cds_lfht_mm_type cds_lfht_mm_mmap = {0};

void *model_lfht_memory(size_t *bytes)
{
    *bytes = sizeof tables;
    return tables;
}

void model_lfht_forget(void)
{
    memset(tables, 0, sizeof tables);
}

struct cds_lfht *_cds_lfht_new(unsigned long init_size, unsigned long min_nr_alloc_buckets,
                               unsigned long max_nr_buckets, int flags,
                               const struct cds_lfht_mm_type *mm,
                               const struct rcu_flavor_struct *flavor, pthread_attr_t *attr)
{
    (void)min_nr_alloc_buckets;
    (void)max_nr_buckets;
    (void)flags;
    (void)mm;
    (void)flavor;
    (void)attr;
    for (int i = 0; i < TABLES_MAX && init_size > 0; i++) {
        if (!tables[i].is_used) {
            tables[i] = (struct cds_lfht){.is_used = 1};
            return &tables[i];
        }
    }
    return NULL;
}

int cds_lfht_destroy(struct cds_lfht *table, pthread_attr_t **attr)
{
    (void)attr;
    if (table->first != NULL) {
        return -EPERM;
    }
    table->is_used = 0;
    return 0;
}

static struct cds_lfht_node *find(const struct cds_lfht *table, unsigned long hash,
                                  cds_lfht_match_fct match, const void *key)
{
    struct cds_lfht_node *node = table->first;
    while (node != NULL && (node->reverse_hash != hash || !match(node, key))) {
        node = node->next;
    }
    return node;
}

static void stand_on(struct cds_lfht_iter *iter, struct cds_lfht_node *node)
{
    iter->node = node;
    iter->next = node != NULL ? node->next : NULL;
}

void cds_lfht_lookup(struct cds_lfht *table, unsigned long hash, cds_lfht_match_fct match,
                     const void *key, struct cds_lfht_iter *iter)
{
    stand_on(iter, find(table, hash, match, key));
}

void cds_lfht_first(struct cds_lfht *table, struct cds_lfht_iter *iter)
{
    stand_on(iter, table->first);
}

void cds_lfht_next(struct cds_lfht *table, struct cds_lfht_iter *iter)
{
    (void)table;
    stand_on(iter, iter->next);
}

struct cds_lfht_node *cds_lfht_add_unique(struct cds_lfht *table, unsigned long hash,
                                          cds_lfht_match_fct match, const void *key,
                                          struct cds_lfht_node *node)
{
    struct cds_lfht_node *const there = find(table, hash, match, key);
    if (there != NULL) {
        return there;
    }
    node->reverse_hash = hash;
    node->next = table->first;
    table->first = node;
    return node;
}

int cds_lfht_del(struct cds_lfht *table, struct cds_lfht_node *node)
{
    struct cds_lfht_node **link = &table->first;
    while (*link != NULL && *link != node) {
        link = &(*link)->next;
    }
    if (*link == NULL) {
        return -ENOENT;
    }
    *link = node->next;
    return 0;
}

void cds_lfht_resize(struct cds_lfht *table, unsigned long new_size)
{
    (void)table;
    (void)new_size;
}
