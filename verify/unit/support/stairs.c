/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Stairs.
 */
#include "support/stairs.h"

#include <math.h>
#include <string.h>

uint64_t stairs_key(const struct stairs *stairs, uint32_t writer, uint64_t write)
{
    return (uint64_t)writer * stairs->steps + write % stairs->steps;
}

uint64_t stairs_serial(const struct stairs *stairs, uint64_t write)
{
    return 1 + write / stairs->steps;
}

double stairs_value(const struct stairs *stairs, uint64_t key, uint64_t serial)
{
    return (double)(serial * stairs->writers * stairs->steps + key);
}

uint64_t stairs_writes_max(const struct stairs *stairs)
{
    const uint64_t keys = (uint64_t)stairs->writers * stairs->steps;
    return (STAIRS_VALUE_MAX / keys - 2) * stairs->steps;
}

enum akin_status stairs_put(akin_index *index, struct stairs *stairs, uint32_t writer,
                            uint64_t write)
{
    float row[AKIN_DIM_MAX];
    const uint64_t key = stairs_key(stairs, writer, write);
    const float value = (float)stairs_value(stairs, key, stairs_serial(stairs, write));
    for (uint32_t i = 0; i < stairs->dim; i++) {
        row[i] = value;
    }
    const struct akin_vector vector = akin_vector_f32(row, stairs->dim);
    race_number_store(&stairs->begun[writer], write + 1);
    const enum akin_status status = akin_upsert(index, key, &vector, NULL, NULL);
    if (status == AKIN_OK) {
        race_number_store_release(&stairs->ended[writer], write + 1);
    }
    return status;
}

enum akin_status stairs_put_described(akin_index *index, struct stairs *stairs, uint32_t writer,
                                      uint64_t write, size_t size)
{
    const struct described what = {.key = stairs_key(stairs, writer, write),
                                   .writer = writer,
                                   .serial = stairs_serial(stairs, write),
                                   .size = size};
    race_number_store(&stairs->begun[writer], write + 1);
    const enum akin_status status = described_write(index, akin_upsert, &what);
    if (status == AKIN_OK) {
        race_number_store_release(&stairs->ended[writer], write + 1);
    }
    return status;
}

void stairs_forget(const struct stairs *stairs, struct stairs_view *view)
{
    const size_t keys = (size_t)stairs->writers * stairs->steps;
    view->found = 0;
    memset(view->serials, 0, keys * sizeof view->serials[0]);
}

const char *stairs_add(const struct stairs *stairs, struct stairs_view *view, uint64_t key,
                       uint64_t serial)
{
    if (key >= (uint64_t)stairs->writers * stairs->steps) {
        return "a key that nobody wrote";
    }
    if (view->serials[key] != 0) {
        return "a key twice";
    }
    if (serial == 0 || serial > UINT32_MAX) {
        return "a serial that nobody wrote";
    }
    view->serials[key] = (uint32_t)serial;
    view->found++;
    return NULL;
}

const char *stairs_add_distance(const struct stairs *stairs, struct stairs_view *view, uint64_t key,
                                double distance, uint32_t offset)
{
    const uint64_t keys = (uint64_t)stairs->writers * stairs->steps;
    const double root = round(sqrt(distance / stairs->dim));
    const double again = root * root * stairs->dim;
    /* Sums beyond 2^53 are rounded; one element of another write would show much above this. */
    if (fabs(again - distance) > distance * 1e-13) {
        return "a distance to no row that was written: torn";
    }
    const double value = root - offset;
    if (value < (double)keys || value > (double)STAIRS_VALUE_MAX) {
        return "a distance to no row that was written";
    }
    if ((uint64_t)value % keys != key) {
        return "the row of another key";
    }
    return stairs_add(stairs, view, key, (uint64_t)value / keys);
}

const char *stairs_fault(const struct stairs *stairs, const struct stairs_view *view)
{
    if (view->found != stairs->writers * stairs->steps) {
        return "a key that is always there was missed";
    }
    for (uint32_t writer = 0; writer < stairs->writers; writer++) {
        const uint32_t *const serials = view->serials + (size_t)writer * stairs->steps;
        for (uint32_t i = 1; i < stairs->steps; i++) {
            if (serials[i] > serials[i - 1]) {
                return "a later write without an earlier one";
            }
        }
        if (serials[0] - serials[stairs->steps - 1] > 1) {
            return "writes of two rounds missed";
        }
    }
    return NULL;
}

uint64_t stairs_writes_seen(const struct stairs *stairs, const struct stairs_view *view,
                            uint32_t writer)
{
    uint64_t writes = 0;
    for (uint32_t i = 0; i < stairs->steps; i++) {
        writes += view->serials[(size_t)writer * stairs->steps + i];
    }
    return writes;
}
