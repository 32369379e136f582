/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which elements a file of vectors has: see vecs_layout.h.
 *
 * Two layouts are possible, elements of one byte and of four. Each is tried: the size of the file
 * must be a multiple of the row's, and the rows must begin with the same dimension. Chance alone
 * hardly lets both fit, but a file of one row may be a cut one of the other layout; so the name
 * must agree. Floats and integers of four bytes cannot be told apart by their rows; the name or the
 * use says which.
 *
 * Room: cli.
 */
#include "cli/vecs_layout.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "cli/say.h"

#if defined(__BYTE_ORDER__) && __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#error "vecs files are little-endian, and this file reads them as they lie in memory"
#endif

/* Rows whose dimension is compared while a layout is tried. vecs.c looks at all of them later. */
#define PROBED_ROWS 1024u
#define WHY_BYTES   200

/* One way to read the file. */
struct layout {
    uint32_t element_bytes;
    uint32_t dim;
    size_t row_bytes;
    bool fits;
    char why[WHY_BYTES]; /* what is wrong, when it does not fit */
};

static uint32_t dim_at(const struct vecs *vecs, uint64_t byte)
{
    uint32_t dim = 0;
    memcpy(&dim, vecs->bytes + byte, sizeof dim);
    return dim;
}

int layout_explain_dim(const char *path, uint64_t row, uint64_t byte, uint32_t dim,
                       uint32_t first_dim)
{
    return say_error(CLI_DATA, "%s: row %llu (byte %llu) has dimension %d, but row 0 has %u", path,
                     (unsigned long long)row, (unsigned long long)byte, (int)dim, first_dim);
}

/* The first of the rows [from, to) with another dimension, or `to`. */
static uint64_t first_odd_row(const struct vecs *vecs, const struct layout *layout, uint64_t from,
                              uint64_t to)
{
    uint64_t row = from;
    while (row < to && dim_at(vecs, row * layout->row_bytes) == layout->dim) {
        row++;
    }
    return row;
}

static void try_layout(const struct vecs *vecs, struct layout *layout, uint32_t element_bytes)
{
    memset(layout, 0, sizeof *layout);
    layout->element_bytes = element_bytes;
    layout->dim = dim_at(vecs, 0);
    layout->row_bytes = sizeof(uint32_t) + (size_t)layout->dim * element_bytes;
    const uint64_t whole = vecs->size_bytes / layout->row_bytes;
    const uint64_t rest = vecs->size_bytes % layout->row_bytes;
    const uint64_t probed = whole < PROBED_ROWS ? whole : PROBED_ROWS;
    uint64_t odd = first_odd_row(vecs, layout, 0, probed);
    if (odd == probed && whole > 0 &&
        dim_at(vecs, (whole - 1) * layout->row_bytes) != layout->dim) {
        odd = first_odd_row(vecs, layout, probed, whole);
    } else if (odd == probed) {
        odd = whole;
    }
    if (odd < whole) {
        const uint64_t byte = odd * layout->row_bytes;
        snprintf(layout->why, sizeof layout->why,
                 "row %llu (byte %llu) has dimension %d, but row 0 has %u", (unsigned long long)odd,
                 (unsigned long long)byte, (int)dim_at(vecs, byte), layout->dim);
    } else if (rest != 0) {
        snprintf(layout->why, sizeof layout->why,
                 "truncated: row %llu (byte %llu) has %llu of %zu bytes", (unsigned long long)whole,
                 (unsigned long long)(whole * layout->row_bytes), (unsigned long long)rest,
                 layout->row_bytes);
    } else {
        layout->fits = true;
    }
}

/* The element that the name promises, or 0. */
static enum vecs_element named_element(const char *path)
{
    const char *const dot = strrchr(path, '.');
    if (dot == NULL || strchr(dot, '/') != NULL) {
        return 0;
    }
    if (strcasecmp(dot, ".bvecs") == 0) {
        return VECS_U8;
    }
    if (strcasecmp(dot, ".fvecs") == 0) {
        return VECS_F32;
    }
    return strcasecmp(dot, ".ivecs") == 0 ? VECS_I32 : 0;
}

/* Small integers, read as floats, are subnormal: nothing that anybody measures looks like that. */
static bool looks_like_integers(const struct vecs *vecs)
{
    const uint64_t whole = vecs->size_bytes / vecs->row_bytes;
    const uint64_t probed = whole < PROBED_ROWS ? whole : PROBED_ROWS;
    bool has_any = false;
    for (uint64_t row = 0; row < probed; row++) {
        const uint32_t *const bits = vecs_row(vecs, row);
        for (uint32_t i = 0; i < vecs->dim; i++) {
            if (bits[i] >= 0x00800000u) {
                return false;
            }
            has_any = has_any || bits[i] != 0;
        }
    }
    return has_any;
}

/* Choose between the two layouts, or explain why neither is taken. */
static int choose(const char *path, enum vecs_element named, const struct layout *bytes,
                  const struct layout *words, const struct layout **chosen)
{
    const struct layout *const promised = named == VECS_U8 ? bytes : words;
    const struct layout *const other = named == VECS_U8 ? words : bytes;
    if (named != 0) {
        if (promised->fits) {
            *chosen = promised;
            return CLI_OK;
        }
        if (other->fits) {
            return say_error(
                CLI_DATA,
                "%s: the name says %s, but the content fits only elements of %u byte%s "
                "(as named: %s)",
                path, named == VECS_U8 ? "bytes" : "elements of 4 bytes", other->element_bytes,
                other->element_bytes == 1 ? "" : "s", promised->why);
        }
        return say_error(CLI_DATA, "%s: %s", path, promised->why);
    }
    if (bytes->fits && words->fits) {
        return say_error(CLI_DATA,
                         "%s: the content fits elements of 1 byte and of 4 bytes; name the file "
                         ".bvecs, .fvecs or .ivecs to say which",
                         path);
    }
    if (!bytes->fits && !words->fits) {
        return say_error(CLI_DATA, "%s: fits no layout. As bytes: %s. As elements of 4 bytes: %s",
                         path, bytes->why, words->why);
    }
    *chosen = bytes->fits ? bytes : words;
    return CLI_OK;
}

/* Compare what was found with what the file is wanted for. */
static int accept_role(const struct vecs *vecs, enum vecs_role role, enum vecs_element named)
{
    if (role == VECS_NUMBERS && vecs->element != VECS_I32) {
        return say_error(CLI_DATA, "%s: holds %s; row numbers (.ivecs) are wanted", vecs->path,
                         vecs->element == VECS_U8 ? "bytes" : "floats by its name");
    }
    if (role == VECS_VECTORS && vecs->element == VECS_I32) {
        return say_error(CLI_DATA,
                         "%s: holds 32-bit integers by its name; vectors are .fvecs or .bvecs",
                         vecs->path);
    }
    if (role == VECS_VECTORS && vecs->element == VECS_F32 && named == 0 &&
        looks_like_integers(vecs)) {
        return say_error(CLI_DATA,
                         "%s: the elements look like 32-bit integers; name the file .fvecs if they "
                         "are floats",
                         vecs->path);
    }
    return CLI_OK;
}

int layout_find(struct vecs *vecs, enum vecs_role role)
{
    if (vecs->size_bytes < sizeof(uint32_t)) {
        return say_error(CLI_DATA,
                         "%s: truncated: row 0 (byte 0) has %zu of the 4 bytes of its "
                         "dimension",
                         vecs->path, vecs->size_bytes);
    }
    const uint32_t dim = dim_at(vecs, 0);
    if (dim < 1 || dim > AKIN_DIM_MAX) {
        return say_error(CLI_DATA, "%s: row 0 (byte 0) has dimension %d; 1 to %u are allowed",
                         vecs->path, (int)dim, AKIN_DIM_MAX);
    }
    struct layout bytes;
    struct layout words;
    const struct layout *chosen = NULL;
    const enum vecs_element named = named_element(vecs->path);
    try_layout(vecs, &bytes, 1);
    try_layout(vecs, &words, 4);
    const int code = choose(vecs->path, named, &bytes, &words, &chosen);
    if (code != CLI_OK) {
        return code;
    }
    vecs->dim = dim;
    vecs->row_bytes = chosen->row_bytes;
    if (named != 0) {
        vecs->element = named;
    } else if (chosen == &bytes) {
        vecs->element = VECS_U8;
    } else {
        vecs->element = role == VECS_NUMBERS ? VECS_I32 : VECS_F32;
    }
    return accept_role(vecs, role, named);
}
