/* SPDX-License-Identifier: Apache-2.0 */
/* Akin on one page: insert, search, update, delete. Every status is looked at. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "akin/akin.h"

/* Stop with the library's own words unless the call worked. */
static void check(enum akin_status status, const struct akin_error *error)
{
    if (status != AKIN_OK) {
        fprintf(stderr, "%s: %s\n", akin_strerror(status), error->message);
        exit(EXIT_FAILURE);
    }
}

static void print_nearest(akin_index *index, const char *title, const float point[2])
{
    const struct akin_vector query = akin_vector_f32(point, 2);
    struct akin_search_options options;
    struct akin_neighbor results[3];
    struct akin_error error;
    uint32_t count = 0;
    akin_search_options_init(&options);
    options.k = 3;
    check(akin_search(index, NULL, &query, &options, results, &count, &error), &error);
    printf("%s:", title);
    for (uint32_t i = 0; i < count; i++) {
        printf("  %" PRIu64 " at %.2f", results[i].key, (double)results[i].distance);
    }
    printf("\n");
}

int main(void)
{
    const float points[4][2] = {{0, 0}, {1, 0}, {0, 2}, {3, 3}};
    const float query[2] = {0.9f, 0.1f};
    akin_index *index = NULL;
    struct akin_options options;
    struct akin_vector vector;
    struct akin_error error;
    akin_options_init(&options);
    options.dim = 2;
    check(akin_open(&options, &index, &error), &error);
    /* From here on every call may come from any thread. Keys are yours, any 64-bit number. */
    for (uint64_t key = 0; key < 4; key++) {
        vector = akin_vector_f32(points[key], 2);
        check(akin_insert(index, 100 + key, &vector, NULL, &error), &error);
    }
    print_nearest(index, "inserted", query);
    vector = akin_vector_f32(query, 2);
    check(akin_update(index, 103, &vector, NULL, &error), &error);
    print_nearest(index, "103 moved", query);
    check(akin_delete(index, 101, &error), &error);
    print_nearest(index, "101 deleted", query);
    return akin_close(index) == AKIN_OK ? EXIT_SUCCESS : EXIT_FAILURE;
}
